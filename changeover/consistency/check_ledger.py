"""The checks of a history against the ledger: safety, durability, uniqueness and convergence.

The record is the ledger and the versions of the newest `final` of a model, and the acknowledgements to clients.
Each function takes the history of one model, whose answers are all `ok`.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from changeover.consistency.records import Answer, Final, History, ReplicaState, Rollout
from changeover.consistency.violation import Promise, Violation
from changeover.names import short
from changeover.protocol.wire import Current, RolloutState, VersionState


def safety(history: History) -> Iterator[Violation]:
    """Each version that answered, even stale, had been admitted and rolled under the number in the answer."""
    final = _newest(history)
    versions = set(final.versions) if final is not None else set()
    rejected, aborted, rolled = _only_rejected(history), _only_aborted(history), _rolled(history, final)
    for answer in history.answers:
        if answer.version in rejected:
            yield _unsafe(answer, "a version that was rejected")
        elif answer.sequence in rolled and answer.version not in rolled[answer.sequence]:
            yield _unsafe(answer, f"but by that number {_and(rolled[answer.sequence])} was rolled")
        elif final is None or answer.end > final.at:  # the rollouts until then are not known
            if answer.sequence not in rolled and (answer.sequence, answer.version) in aborted:
                yield _unsafe(answer, "a rollout that was aborted")
        elif answer.version not in versions:
            yield _unsafe(answer, "a version that the store does not have")
        elif answer.sequence not in rolled:
            yield _unsafe(answer, "a number that the ledger does not have")


def durability(history: History) -> Iterator[Violation]:
    """Every acknowledged publish and rollout exists at the end; every other one exists whole or not at all."""
    final = _newest(history)
    if final is None:
        return
    versions, ledger = set(final.versions), set(final.ledger)
    for publish in history.publishes:
        lost = publish.state == VersionState.ADMITTED and publish.version not in versions
        if lost and publish.end <= final.at:
            message = f"{_version(final, publish.version)} was acknowledged as admitted and is gone"
            yield Violation(Promise.DURABILITY, message, publish.end)
    for sequence, rollout in _committed(history):
        if rollout.end <= final.at and Current(sequence, rollout.version) not in ledger:
            version = _version(final, rollout.version)
            message = f"rollout {sequence} to {version} was acknowledged and is not in the ledger"
            yield Violation(Promise.DURABILITY, message, rollout.end)
    for entry in sorted(ledger):
        if entry.version not in versions:
            version = _version(final, entry.version)
            message = f"rollout {entry.sequence} is to {version}, which the store does not have"
            yield Violation(Promise.DURABILITY, message, final.at)


def one_version(history: History) -> Iterator[Violation]:
    """Ledger, acknowledgements and answers give the same version for a sequence number."""
    mentions = [(answer.sequence, answer.version, answer.end) for answer in history.answers]
    mentions += [(sequence, rollout.version, rollout.end) for sequence, rollout in _committed(history)]
    for final in history.finals:
        mentions += [(entry.sequence, entry.version, final.at) for entry in final.ledger]
    first: defaultdict[int, dict[str, float]] = defaultdict(dict)  # number -> version -> time of its first mention
    for sequence, version, at in mentions:
        first[sequence][version] = min(at, first[sequence].get(version, at))
    for sequence, versions in sorted(first.items()):
        if len(versions) > 1:
            message = f"the sequence number {sequence} is of {_and(versions)}"
            yield Violation(Promise.ONE_VERSION, message, sorted(versions.values())[1])


def convergence(history: History, within_s: float) -> Iterator[Violation]:
    """Every replica serves the last version, not stale, `within_s` seconds after the last fault.

    A state that was read later than that shows nothing, and is a violation too. The time counts from the end of the
    last fault or of the last rollout, whichever is later.
    """
    final = _newest(history)
    healed = max((fault.end for fault in history.faults), default=None)
    if healed is not None:
        for answer in history.answers:
            if answer.stale and answer.start > healed + within_s:
                after = f"{answer.start - healed:.3f} s after the last fault"
                message = f"{answer.request}, sent {after}, was still answered stale"
                yield Violation(Promise.CONVERGENCE, message, answer.end)
    if healed is not None and final is not None:
        calm = max([healed, *(rollout.end for rollout in history.rollouts if rollout.end <= final.at)])
        if final.at < healed:
            message = f"the state of {final.model} was read before the last fault had ended: read it afterwards"
            yield Violation(Promise.CONVERGENCE, message, final.at)
        elif final.at > calm + within_s:
            message = (
                f"the state of {final.model} was read {final.at - calm:.3f} s after the last fault or rollout, "
                f"so that it does not show convergence within {within_s:g} s: read it earlier, or allow more time"
            )
            yield Violation(Promise.CONVERGENCE, message, final.at)
    for replica in final.replicas if final is not None else ():
        if final is not None and (replica.stale or replica.current != final.newest):
            yield Violation(Promise.CONVERGENCE, _behind(replica, final), final.at)


def _newest(history: History) -> Final | None:
    return max(history.finals, key=lambda final: final.at, default=None)


def _only_rejected(history: History) -> set[str]:
    rejected = {publish.version for publish in history.publishes if publish.state == VersionState.REJECTED}
    return rejected - {publish.version for publish in history.publishes if publish.state != VersionState.REJECTED}


def _rolled(history: History, final: Final | None) -> dict[int, set[str]]:
    """The versions by sequence number: from the ledger, or from acknowledgements if there is no ledger."""
    rolled: defaultdict[int, set[str]] = defaultdict(set)
    entries: Iterable[tuple[int, Current | Rollout]] = _committed(history)
    if final is not None:
        entries = [(entry.sequence, entry) for entry in final.ledger]
    for sequence, entry in entries:
        rolled[sequence].add(entry.version)
    return dict(rolled)


def _committed(history: History) -> Iterator[tuple[int, Rollout]]:
    """Each acknowledged rollout, by its number."""
    for rollout in history.rollouts:
        if rollout.state == RolloutState.COMMITTED and rollout.sequence is not None:
            yield rollout.sequence, rollout


def _only_aborted(history: History) -> set[tuple[int | None, str]]:
    """Number and version of each aborted rollout, except those that another rollout committed or may have."""
    aborted: set[tuple[int | None, str]] = set()
    others: set[tuple[int | None, str]] = set()
    for rollout in history.rollouts:
        (aborted if rollout.state == RolloutState.ABORTED else others).add((rollout.sequence, rollout.version))
    return {(sequence, version) for sequence, version in aborted - others if (None, version) not in others}


def _behind(replica: ReplicaState, final: Final) -> str:
    active, newest = _number(replica.current), _number(final.newest)
    stale = ", stale" if replica.stale else ""
    return f"in the end replica {replica.replica} serves {active} of {final.model}{stale}; the last version is {newest}"


def _number(current: Current | None) -> str:
    return f"{current.sequence} ({short(current.version)})" if current else "nothing"


def _unsafe(answer: Answer, reason: str) -> Violation:
    message = f"{answer.request} was answered by {answer.sequence} ({short(answer.version)}), {reason}"
    return Violation(Promise.SAFETY, message, answer.end)


def _version(final: Final, version: str) -> str:
    return f"version {short(version)} of {final.model}"


def _and(versions: set[str] | dict[str, float]) -> str:
    return " and ".join(map(short, sorted(versions)))
