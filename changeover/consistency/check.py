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
    violations = list(availability(history.answers))
    for of_model in _by_model(history):
        violations += attribution(of_model.answers)
        violations += atomicity(of_model.answers)
        violations += no_way_back(of_model.answers)
        violations += freshness(of_model.answers, of_model.rollouts)
        violations += one_version(of_model)
        violations += safety(of_model)
        violations += durability(of_model)
        violations += convergence(of_model, converge_within_s)
    return sorted(violations, key=lambda violation: violation.at)


def availability(answers: Iterable[Answer]) -> Iterator[Violation]:
    """No well-formed request fails."""
    for answer in answers:
        if not answer.ok:
            status = f"status {answer.status}" if answer.status else "no answer"
            reason = f": {answer.error}" if answer.error else ""
            yield Violation(Promise.AVAILABILITY, f"{answer.request} failed, {status}{reason}", answer.end)


def attribution(answers: Iterable[Answer]) -> Iterator[Violation]:
    """The version in an answer is the version that computed it, for models whose output contains their version."""
    for answer in answers:
        if answer.computed_by and answer.computed_by != answer.version:
            message = f"names {short(answer.version)} and was computed by {short(answer.computed_by)}"
            yield Violation(Promise.ATTRIBUTION, f"the answer to {answer.request} {message}", answer.end)


def atomicity(answers: Iterable[Answer]) -> Iterator[Violation]:
    """One response, one version: every row of a batch was computed by the version that the answer names."""
    for answer in answers:
        others = sorted({version for version in answer.versions_seen if version != answer.version})
        if others:
            message = f"names {short(answer.version)} and has rows by {', '.join(map(short, others))}"
            yield Violation(Promise.ATOMICITY, f"the answer to {answer.request} {message}", answer.end)


def _by_model(history: History) -> Iterable[History]:
    """The history of each model: its successful answers, its other records, and the faults of all."""
    by_model: defaultdict[str, History] = defaultdict(lambda: History(faults=history.faults))
    for record in history.records():
        if not isinstance(record, Fault) and (not isinstance(record, Answer) or record.ok):
            by_model[record.model].add(record)
    return by_model.values()
