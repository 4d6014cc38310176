"""The rollout: prepare, fence, commit or abort. What may happen next, and in which order.

Carries "The changeover" of the design. Values in, actions out, time as a number: `step` is the whole state machine and
`TRANSITIONS` its table; a pair that is not in it raises. The loop that drives it (`rollout_loop.py`) must do every
action before it gives the next event. `Flip` comes out of `LedgerAppended` alone: durable first, then visible.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from changeover.names import short
from changeover.protocol.wire import LONGEST_TEXT, Current, RolloutState


@dataclass(frozen=True)
class Rollout:
    """One attempt to make `version` current. `deadline` is when preparing ends, on the clock that never steps.

    `sequence` is the ledger number it tries for; `asked` is why it was begun; `reason` the same, or why it aborted.
    """

    id: str
    model: str
    sequence: int
    version: str
    previous: str | None
    by: str
    asked: str
    began_at: str
    deadline: float
    state: RolloutState = RolloutState.PREPARING
    reason: str = ""

    @property
    def over(self) -> bool:
        """Whether nothing further can happen to it."""
        return self.state in {RolloutState.COMMITTED, RolloutState.ABORTED}


# --- events


@dataclass(frozen=True)
class FleetLooked:
    """What the replicas that are waited for say of the version: ready, not yet, or failed and why."""

    ready: frozenset[str]
    pending: frozenset[str]
    failed: Mapping[str, str]


@dataclass(frozen=True)
class LeasesOver:
    """The last lease that was granted has run out, with its margin."""


@dataclass(frozen=True)
class LedgerAppended:
    """The ledger entry is durable."""


@dataclass(frozen=True)
class LedgerTaken:
    """Somebody else's entry has the sequence number; `winner` is the newest entry now."""

    winner: Current


@dataclass(frozen=True)
class LedgerFailed:
    """The entry was certainly not written."""

    reason: str


@dataclass(frozen=True)
class Stopped:
    """model_server is going down."""


Event = FleetLooked | LeasesOver | LedgerAppended | LedgerTaken | LedgerFailed | Stopped


# --- actions


@dataclass(frozen=True)
class Announce:
    """Let the freshness check carry `Next-Version`."""

    version: str


@dataclass(frozen=True)
class Withdraw:
    """Let it carry `Next-Version` no longer."""


@dataclass(frozen=True)
class StopGranting:
    """Grant no lease from now on."""


@dataclass(frozen=True)
class GrantAgain:
    """Grant leases again."""


@dataclass(frozen=True)
class AppendLedger:
    """Create the ledger entry, and say how it went."""


@dataclass(frozen=True)
class Flip:
    """Answer checks by this from now on."""

    current: Current


@dataclass(frozen=True)
class Adopt:
    """Answer checks by what the ledger says, since another process wrote it."""

    current: Current


@dataclass(frozen=True)
class RecordAborted:
    """Keep the attempt and its reason."""

    reason: str


Action = Announce | Withdraw | StopGranting | GrantAgain | AppendLedger | Flip | Adopt | RecordAborted
Outcome = tuple[Rollout, tuple[Action, ...]]


class ImpossibleEvent(Exception):
    """An event that cannot come in this state: the driver is wrong."""


def begin(rollout: Rollout) -> Outcome:
    """Start to prepare."""
    return rollout, (Announce(rollout.version),)


def step(rollout: Rollout, event: Event, now: float) -> Outcome:
    """What `event` at `now` makes of the rollout, and what is to be done; raises ImpossibleEvent."""
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


def _leases_over(rollout: Rollout, _event: Event, _now: float) -> Outcome:
    return rollout, (AppendLedger(),)


def _appended(rollout: Rollout, _event: Event, _now: float) -> Outcome:
    committed = replace(rollout, state=RolloutState.COMMITTED, reason=rollout.asked)
    return committed, (Flip(Current(rollout.sequence, rollout.version)), GrantAgain(), Withdraw())


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


def _abort(rollout: Rollout, reason: str) -> Outcome:
    reason = reason[:LONGEST_TEXT]
    return replace(rollout, state=RolloutState.ABORTED, reason=reason), (Withdraw(), RecordAborted(reason))


def _overtaken(rollout: Rollout, event: Event, _now: float) -> Outcome:
    """Whoever found the winner follows it, once leases are over: none was waited for here."""
    assert isinstance(event, LedgerTaken)
    return _abort(rollout, _lost_to(event.winner))


def _lost_to(winner: Current) -> str:
    return (
        f"another process rolled {short(winner.version)} as sequence {winner.sequence} meanwhile; "
        f"only one model_server may run on a bucket"
    )


TRANSITIONS: Final[Mapping[tuple[RolloutState, type[Event]], Callable[[Rollout, Event, float], Outcome]]] = {
    (RolloutState.PREPARING, FleetLooked): _looked,
    (RolloutState.PREPARING, LedgerTaken): _overtaken,
    (RolloutState.PREPARING, Stopped): _stopped,
    (RolloutState.FENCING, LeasesOver): _leases_over,
    (RolloutState.FENCING, LedgerAppended): _appended,
    (RolloutState.FENCING, LedgerTaken): _taken,
    (RolloutState.FENCING, LedgerFailed): _failed,
    (RolloutState.FENCING, Stopped): _stopped,
}
