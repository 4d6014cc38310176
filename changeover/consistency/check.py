"""The consistency checker: the guarantees, checked on a recorded history.

`docs/histories.md` lists the guarantees: attribution, atomicity, no way back, freshness, availability, safety,
durability, one version a sequence number, and convergence after the last fault. `changeover/consistency/check_order.py`
compares answers with earlier events, `changeover/consistency/check_ledger.py` compares them with the ledger and the
store. The work is O(n log n).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from changeover.consistency.check_ledger import convergence, durability, one_version, safety
from changeover.consistency.check_order import freshness, no_way_back
from changeover.consistency.records import Answer, Fault, History
from changeover.consistency.violation import Promise, Violation
from changeover.names import short


def check(history: History, converge_within_s: float = 5.0) -> list[Violation]:
    """All violations in `history`, ordered by time; none if every promise was kept.

    Each model is checked separately. Without a `final` record, durability and convergence are not checked.
    `converge_within_s` is the time after the last fault within which every replica must serve the last version again.
    """
    found = list(availability(history.answers))
    for of_model in _by_model(history):
        found += attribution(of_model.answers)
        found += atomicity(of_model.answers)
        found += no_way_back(of_model.answers)
        found += freshness(of_model.answers, of_model.rollouts)
        found += one_version(of_model)
        found += safety(of_model)
        found += durability(of_model)
        found += convergence(of_model, converge_within_s)
    return sorted(found, key=lambda one: one.at)


def availability(answers: Iterable[Answer]) -> Iterator[Violation]:
    """No well-formed request fails."""
    for one in answers:
        if not one.ok:
            how = f"status {one.status}" if one.status else "no answer"
            why = f": {one.error}" if one.error else ""
            yield Violation(Promise.AVAILABILITY, f"a request{_of(one)} to {one.model} failed, {how}{why}", one.end)


def attribution(answers: Iterable[Answer]) -> Iterator[Violation]:
    """The version in an answer is the version that computed it, for models whose output contains their version."""
    for one in answers:
        if one.computed_by is not None and one.computed_by != one.version:
            said = f"says {short(one.version)} and was computed by {short(one.computed_by)}"
            yield Violation(Promise.ATTRIBUTION, f"an answer{_of(one)} of {one.model} {said}", one.end)


def atomicity(answers: Iterable[Answer]) -> Iterator[Violation]:
    """One response, one version: every row of a batch was computed by the version that the answer names."""
    for one in answers:
        others = {version for version in one.versions_seen if version != one.version}
        if others:
            said = f"says {short(one.version)} and has rows by {', '.join(map(short, sorted(others)))}"
            yield Violation(Promise.ATOMICITY, f"an answer{_of(one)} of {one.model} {said}", one.end)


def _by_model(history: History) -> Iterable[History]:
    """The history of each model: its successful answers, its other records, and the faults of all."""
    by_model: defaultdict[str, History] = defaultdict(lambda: History(faults=history.faults))
    for record in history.records():
        if not isinstance(record, Fault) and (not isinstance(record, Answer) or record.ok):
            by_model[record.model].add(record)
    return by_model.values()


def _of(answer: Answer) -> str:
    return f" of {answer.who}" if answer.who else ""
