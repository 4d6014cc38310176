"""The checks of a history against the ledger: safety, durability, uniqueness and convergence.

The record is the ledger and the versions of the newest `final` of a model, and the acknowledgements to clients.
Each function takes the history of one model, whose answers are all `ok`.
"""

from collections import defaultdict
from collections.abc import Iterator

from changeover.consistency.records import Answer, Final, History, ReplicaState, Rollout
from changeover.consistency.violation import Promise, Violation
from changeover.names import short
from changeover.protocol.wire import Current, RolloutState, VersionState


def safety(history: History) -> Iterator[Violation]:
    """Each version that answered, even stale, had been admitted and rolled under the number in the answer."""
    final = _newest(history)
    versions = set(final.versions) if final is not None else None
    rejected, aborted, rolled = _only_rejected(history), _only_aborted(history), _rolled(history, final)
    for one in history.answers:
        if one.version in rejected:
            yield _unsafe(one, "a version that was rejected")
        elif one.sequence in rolled and one.version not in rolled[one.sequence]:
            yield _unsafe(one, f"but by that number {_and(rolled[one.sequence])} was rolled")
        elif final is None or one.end > final.at:  # the rollouts until then are not known
            if one.sequence not in rolled and (one.sequence, one.version) in aborted:
                yield _unsafe(one, "a rollout that was aborted")
        elif versions is not None and one.version not in versions:
            yield _unsafe(one, "a version that the store does not have")
        elif one.sequence not in rolled:
            yield _unsafe(one, "a number that the ledger does not have")


def durability(history: History) -> Iterator[Violation]:
    """Every acknowledged publish and rollout exists at the end; every other one exists whole or not at all."""
    final = _newest(history)
    if final is None:
        return
    versions, ledger = set(final.versions), set(final.ledger)
    for publish in history.publishes:
        lost = publish.state == VersionState.ADMITTED and publish.version not in versions
        if lost and publish.end <= final.at:
            message = f"{_one(final, publish.version)} was acknowledged as admitted and is gone"
            yield Violation(Promise.DURABILITY, message, publish.end)
    for sequence, rollout in _committed(history):
        if rollout.end <= final.at and Current(sequence, rollout.version) not in ledger:
            message = f"rollout {sequence} to {_one(final, rollout.version)} was acknowledged and is not in the ledger"
            yield Violation(Promise.DURABILITY, message, rollout.end)
    for entry in sorted(ledger):
        if entry.version not in versions:
            message = f"rollout {entry.sequence} is to {_one(final, entry.version)}, which the store does not have"
            yield Violation(Promise.DURABILITY, message, final.at)


def one_version(history: History) -> Iterator[Violation]:
    """Ledger, acknowledgements and answers give the same version for a sequence number."""
    first: defaultdict[int, dict[str, float]] = defaultdict(dict)  # (number, version) -> time of its first mention
    named = [(one.sequence, one.version, one.end) for one in history.answers]
    named += [(sequence, one.version, one.end) for sequence, one in _committed(history)]
    for final in history.finals:
        named += [(entry.sequence, entry.version, final.at) for entry in final.ledger]
    for sequence, version, at in named:
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
    healed = max((fault.end for fault in history.faults), default=None)
    if healed is not None:
        for one in history.answers:
            if one.stale and one.start > healed + within_s:
                when = f"{one.start - healed:.3f} s after the last fault"
                message = f"a request{_of(one)} to {one.model}, sent {when}, was still answered stale"
                yield Violation(Promise.CONVERGENCE, message, one.end)
    final = _newest(history)
    if final is None:
        return
    if healed is not None:
        calm = max([healed, *(one.end for one in history.rollouts if one.end <= final.at)])
        if final.at < healed:
            message = f"the state of {final.model} was read before the last fault had ended: read it afterwards"
            yield Violation(Promise.CONVERGENCE, message, final.at)
        elif final.at > calm + within_s:
            message = (
                f"the state of {final.model} was read {final.at - calm:.3f} s after the last fault or rollout, "
                f"so that it does not show convergence within {within_s:g} s: read it earlier, or allow more time"
            )
            yield Violation(Promise.CONVERGENCE, message, final.at)
    for replica in final.replicas:
        if replica.stale or _held(replica) != final.newest:
            yield Violation(Promise.CONVERGENCE, _behind(replica, final), final.at)


def _newest(history: History) -> Final | None:
    return max(history.finals, key=lambda one: one.at, default=None)


def _only_rejected(history: History) -> set[str]:
    rejected = {one.version for one in history.publishes if one.state == VersionState.REJECTED}
    return rejected - {one.version for one in history.publishes if one.state != VersionState.REJECTED}


def _rolled(history: History, final: Final | None) -> dict[int, set[str]]:
    """The versions by sequence number: from the ledger, or from acknowledgements if there is no ledger."""
    rolled: defaultdict[int, set[str]] = defaultdict(set)
    if final is not None:
        for entry in final.ledger:
            rolled[entry.sequence].add(entry.version)
        return dict(rolled)
    for sequence, one in _committed(history):
        rolled[sequence].add(one.version)
    return dict(rolled)


def _committed(history: History) -> Iterator[tuple[int, Rollout]]:
    """Each acknowledged rollout, by its number."""
    for one in history.rollouts:
        if one.state == RolloutState.COMMITTED and one.sequence is not None:
            yield one.sequence, one


def _only_aborted(history: History) -> set[tuple[int, str]]:
    """Number and version of each aborted rollout, except those that another rollout committed or may have."""
    others = {(one.sequence, one.version) for one in history.rollouts if one.state != RolloutState.ABORTED}
    aborted = {
        (one.sequence, one.version)
        for one in history.rollouts
        if one.state == RolloutState.ABORTED and one.sequence is not None
    }
    return {one for one in aborted if one not in others and (None, one[1]) not in others}


def _held(replica: ReplicaState) -> Current | None:
    if replica.sequence is None or replica.version is None:
        return None
    return Current(replica.sequence, replica.version)


def _behind(replica: ReplicaState, final: Final) -> str:
    held, newest = _held(replica), final.newest
    serves = f"{held.sequence} ({short(held.version)})" if held else "nothing"
    last = f"{newest.sequence} ({short(newest.version)})" if newest else "nothing"
    stale = ", stale" if replica.stale else ""
    return f"in the end replica {replica.replica} serves {serves} of {final.model}{stale}; the last version is {last}"


def _unsafe(one: Answer, why: str) -> Violation:
    message = f"a request{_of(one)} to {one.model} was answered by {one.sequence} ({short(one.version)}), {why}"
    return Violation(Promise.SAFETY, message, one.end)


def _one(final: Final, version: str) -> str:
    return f"version {short(version)} of {final.model}"


def _and(versions: set[str] | dict[str, float]) -> str:
    return " and ".join(map(short, sorted(versions)))


def _of(answer: Answer) -> str:
    return f" of {answer.who}" if answer.who else ""
