"""The state machine of a rollout: prepare, rehearse if asked to, fence, then commit or abort.

`step` takes an event and returns the new state and actions. `TRANSITIONS` is its table; a pair of state and event that
it lacks raises. `model_server/rollouts/rollout_loop.py` drives it, and must do every action before the next event. Only
`LedgerAppended` leads to `Flip`: an entry is durable before it is visible.
"""

from collections.abc import Callable, Mapping
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from changeover.names import short
from changeover.protocol.wire import LONGEST_TEXT, Current, RolloutState
from model_server.ledger.record import Rollout

# --- events


class FleetLooked(Struct, frozen=True):
    """The awaited replicas by their state for the version: ready, pending, or failed with the reason."""

    ready: frozenset[str]
    pending: frozenset[str]
    failed: Mapping[str, str]


class Rehearsed(Struct, frozen=True):
    """The rehearsal is over: whether the version passed it, and its result in words.

    Replicas that have come meanwhile get `grace_s` to be ready.
    """

    passed: bool
    says: str
    grace_s: float


class LeasesOver(Struct, frozen=True):
    """The last granted lease has run out, its margin included."""


class LedgerAppended(Struct, frozen=True):
    """The ledger entry is durable."""


class LedgerTaken(Struct, frozen=True):
    """Another process's entry has the sequence number; `winner` is the newest entry."""

    winner: Current


class LedgerFailed(Struct, frozen=True):
    """The store certainly did not write the entry."""

    reason: str


class Stopped(Struct, frozen=True):
    """model_server is stopping."""


class Cancelled(Struct, frozen=True):
    """A caller aborts the rollout."""

    by: str = ""
    reason: str = ""


Event = FleetLooked | Rehearsed | LeasesOver | LedgerAppended | LedgerTaken | LedgerFailed | Stopped | Cancelled


# --- actions


class Announce(Struct, frozen=True):
    """Add `Next-Version` to the responses to checks."""

    version: str


class Withdraw(Struct, frozen=True):
    """Remove `Next-Version` from the responses to checks."""


class StopGranting(Struct, frozen=True):
    """Grant no lease from now on."""


class GrantAgain(Struct, frozen=True):
    """Grant leases again."""


class AppendLedger(Struct, frozen=True):
    """Create the ledger entry; the result is the next event."""


class Flip(Struct, frozen=True):
    """Make this current."""

    current: Current


class Adopt(Struct, frozen=True):
    """Make the ledger's entry of another process current."""

    current: Current


class RecordAborted(Struct, frozen=True):
    """Record the aborted rollout and its reason."""

    reason: str


Action = Announce | Withdraw | StopGranting | GrantAgain | AppendLedger | Flip | Adopt | RecordAborted
Outcome = tuple[Rollout, tuple[Action, ...]]


class ImpossibleEvent(Exception):
    """An event that this state does not have: a bug of the driver."""


def begin(rollout: Rollout) -> Outcome:
    """Begin to prepare."""
    return rollout, (Announce(rollout.version),)


def step(rollout: Rollout, event: Event, now: float) -> Outcome:
    """The rollout after `event` at `now`, and the actions to do; raises ImpossibleEvent."""
    transition = TRANSITIONS.get((rollout.state, type(event)))
    if transition is None:
        raise ImpossibleEvent(f"{type(event).__name__} while {rollout.state}")
    return transition(rollout, event, now)


def _looked(rollout: Rollout, event: Event, now: float) -> Outcome:
    assert isinstance(event, FleetLooked)
    if event.failed:
        replica, why = next(iter(sorted(event.failed.items())))
        return _abort(rollout, f"replica {replica} cannot serve {short(rollout.version)}: {why}")
    if not event.pending:
        return replace(rollout, state=RolloutState.FENCING), (StopGranting(),)
    if now >= rollout.deadline:
        waited_for = ", ".join(sorted(event.pending))
        return _abort(rollout, f"not ready at prepare_timeout: {waited_for}; its log and cache say how far it came")
    return rollout, ()


def _rehearsed(rollout: Rollout, event: Event, now: float) -> Outcome:
    assert isinstance(event, Rehearsed)
    if not event.passed:
        return _abort(rollout, f"stopped by its {event.says}")
    reason = "; ".join(part for part in (rollout.reason, event.says) if part)[:LONGEST_TEXT]
    return replace(rollout, reason=reason, deadline=max(rollout.deadline, now + event.grace_s)), ()


def _leases_over(rollout: Rollout, _event: Event, _now: float) -> Outcome:
    return rollout, (AppendLedger(),)


def _appended(rollout: Rollout, _event: Event, _now: float) -> Outcome:
    return replace(rollout, state=RolloutState.COMMITTED), (Flip(rollout.current), GrantAgain(), Withdraw())


def _taken(rollout: Rollout, event: Event, _now: float) -> Outcome:
    assert isinstance(event, LedgerTaken)
    aborted, actions = _abort(rollout, _lost_to(event.winner))
    return aborted, (Adopt(event.winner), GrantAgain(), *actions)


def _failed(rollout: Rollout, event: Event, _now: float) -> Outcome:
    assert isinstance(event, LedgerFailed)
    aborted, actions = _abort(rollout, event.reason)
    return aborted, (GrantAgain(), *actions)


def _stopped(rollout: Rollout, _event: Event, _now: float) -> Outcome:
    aborted, actions = _abort(rollout, "model_server was stopped meanwhile; roll again")
    return aborted, (GrantAgain(), *actions)


def _cancelled(rollout: Rollout, event: Event, _now: float) -> Outcome:
    assert isinstance(event, Cancelled)
    aborted, actions = _abort(rollout, f"aborted by {event.by}: {event.reason}")
    return aborted, (GrantAgain(), *actions)


def _abort(rollout: Rollout, reason: str) -> Outcome:
    reason = reason[:LONGEST_TEXT]
    return replace(rollout, state=RolloutState.ABORTED, reason=reason), (Withdraw(), RecordAborted(reason))


def _overtaken(rollout: Rollout, event: Event, _now: float) -> Outcome:
    """Abort without `Adopt`: this rollout did not await the leases, so the audit loop follows the winner later."""
    assert isinstance(event, LedgerTaken)
    return _abort(rollout, _lost_to(event.winner))


def _lost_to(winner: Current) -> str:
    return (
        f"another process rolled {short(winner.version)} as sequence {winner.sequence} meanwhile; "
        f"only one model_server may run on a bucket"
    )


TRANSITIONS: Final[Mapping[tuple[RolloutState, type[Event]], Callable[[Rollout, Event, float], Outcome]]] = {
    (RolloutState.PREPARING, FleetLooked): _looked,
    (RolloutState.PREPARING, Rehearsed): _rehearsed,
    (RolloutState.PREPARING, LedgerTaken): _overtaken,
    (RolloutState.PREPARING, Stopped): _stopped,
    (RolloutState.PREPARING, Cancelled): _cancelled,
    (RolloutState.FENCING, LeasesOver): _leases_over,
    (RolloutState.FENCING, LedgerAppended): _appended,
    (RolloutState.FENCING, LedgerTaken): _taken,
    (RolloutState.FENCING, LedgerFailed): _failed,
    (RolloutState.FENCING, Stopped): _stopped,
    (RolloutState.FENCING, Cancelled): _cancelled,
}
