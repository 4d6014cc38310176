"""Builds that are broken on purpose, each in one place: the simulation must catch every one of them."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Final
from unittest import mock

from changeover.json_types import JsonObject
from changeover.protocol import lease
from changeover.protocol.lease import Granted
from changeover.protocol.wire import Current, RolloutState
from model_server.ledger import ledger
from model_server.ledger.takeover import LONGEST_LEASE_MS, Takeover, take_over
from model_server.rollouts import fleet
from model_server.rollouts.current_set import CurrentSet
from model_server.rollouts.pointer import LeasedPointer
from model_server.rollouts.rollout import Event, Flip, LeasesOver
from model_server.rollouts.rollout_loop import RolloutLoop
from predict_api.exceptions import NoModel
from predict_api.models.models import Model
from predict_api.replica import active, freshness, replica
from predict_api.replica.active import ActiveVersion
from predict_api.replica.freshness import Answered, Arrival, Checks, Freshness, Verdict
from tests.simulation.events import Clock
from tests.simulation.network import Weather
from tests.simulation.schedules import FASTEST, SLOWEST, Plan

Patches = tuple[mock._patch, ...]  # type: ignore[type-arg]
TTL = 0.5


def time_to_live() -> Patches:
    """A confirmed version is trusted for half a second, whatever its lease."""
    finish = Checks.finish

    def finish_and_cache(self: Checks, now: float, lease_s: float = 0.0) -> None:
        finish(self, now, lease_s)
        self.latest = Answered(self.latest.number, self.latest.sent_at, lease.Held(now + TTL))

    return (*fenced_models_leased(), mock.patch.object(Checks, "finish", finish_and_cache))


def join_in_flight() -> Patches:
    """A request that arrives joins the check that is in flight."""
    arrive = Freshness.arrive

    def join(self: Freshness, now: float) -> Arrival:
        if self._checks.in_flight and not self.leased(now) and not self.broken:
            return Arrival(Verdict.WAIT, self._checks._sent)
        return arrive(self, now)

    return (mock.patch.object(Freshness, "arrive", join),)


def lease_from_receipt() -> Patches:
    """The replica counts its lease from the response, not from before the send."""
    finish = Checks.finish

    def count_from_now(self: Checks, now: float, lease_s: float = 0.0) -> None:
        self._sent_at = now
        finish(self, now, lease_s)

    return (mock.patch.object(Checks, "finish", count_from_now),)


def no_fence() -> Patches:
    """model_server flips without waiting for the last lease."""
    return (mock.patch.object(Granted, "over", return_value=True),)


def no_wait_after_restart() -> Patches:
    """A start forgets that leases of its previous run may be out, and that replicas may exist."""
    return (*leases_forgotten(), mock.patch.object(fleet.Fleet, "known_from", property(lambda _: 0.0, _ignore)))


def leases_forgotten() -> Patches:
    """A start waits for replicas, but not for the leases of its previous run."""

    def succeed(self: LeasedPointer, current: Current, lease_s: float, now: float) -> None:
        self.adopt(current)

    return (mock.patch.object(LeasedPointer, "succeed", succeed),)


def flip_before_durable() -> Patches:
    """The response to checks flips first, then the ledger entry is written."""
    append = RolloutLoop._append

    def flip_first(self: RolloutLoop) -> Event:
        new = self._rollout
        self._ledger._entries[new.model, new.sequence] = new
        self._do(Flip(new.current))
        return append(self)

    return (mock.patch.object(RolloutLoop, "_append", flip_first),)


def fence_not_awaited() -> Patches:
    """The loop of a rollout commits when it begins to fence."""
    following = RolloutLoop._next

    def hasty(self: RolloutLoop, now: float) -> Event | float:
        event = following(self, now)
        return LeasesOver() if self._rollout.state is RolloutState.FENCING else event

    return (mock.patch.object(RolloutLoop, "_next", hasty),)


def active_version_read_first() -> Patches:
    """A request reads the active version before its freshness check."""

    def read_first(self: Model) -> tuple[ActiveVersion, bool]:
        active = self.replica.active
        stale = not self.freshness.confirm()
        if active is None:
            raise NoModel
        return active, stale

    return (mock.patch.object(Model, "active_version", read_first),)


def lower_sequence() -> Patches:
    """A replica accepts any sequence."""
    return tuple(mock.patch.object(module, "refuse_a_way_back") for module in (active, replica))


def no_margin() -> Patches:
    """The server waits for the lease alone, although clocks run apart."""
    return (mock.patch.object(lease, "MARGIN", 0.0),)


def hint_lowered_at_start() -> Patches:
    """A start with a shorter LEASE_MS writes it into the hint immediately: the next start forgets the longer leases."""

    def lower(stored: JsonObject, newest: Current, lease_ms: int) -> Takeover:
        longest = stored.get("lease_ms")
        former = longest if isinstance(longest, int) else LONGEST_LEASE_MS
        right = take_over(stored, newest, lease_ms)
        hint: JsonObject = {"sequence": stored.get("sequence"), "lease_ms": lease_ms}
        return Takeover(former, right.wait, hint if longest != lease_ms else None)

    return (mock.patch.object(ledger, "take_over", lower),)


def late_entry_answered_at_once() -> Patches:
    """A start answers by the newest entry immediately, although leases on the previous entry may be out."""

    def without_wait(stored: JsonObject, newest: Current, lease_ms: int) -> Takeover:
        right = take_over(stored, newest, lease_ms)
        return Takeover(right.lease_ms, False, right.hint)

    return (mock.patch.object(ledger, "take_over", without_wait),)


def followed_at_once() -> Patches:
    """model_server answers by an entry of another process as soon as it reads the entry."""

    def follow(self: LeasedPointer, current: Current, now: float) -> bool:
        return self.adopt(current)

    return (mock.patch.object(LeasedPointer, "follow", follow),)


def leases_on_the_set_not_awaited() -> Patches:
    """A fence waits for the leases of checks of one model, but not for those of checks of all models."""
    stop_granting = LeasedPointer.stop_granting

    def forget(self: LeasedPointer, shared: Granted | None = None) -> None:
        stop_granting(self)

    return (mock.patch.object(LeasedPointer, "stop_granting", forget),)


def fence_not_in_the_set() -> Patches:
    """The fence of one model is not in the response to a check of all models."""
    return (mock.patch.object(LeasedPointer, "grants", lambda self, _now: self.pointer.current is not None),)


def fenced_models_leased() -> Patches:
    """A replica takes the lease of a response for each model in it, fenced or not."""
    note = Freshness.note

    def note_leased(self: Freshness, outcome: freshness.Outcome, check: int, *, leased: bool) -> None:
        note(self, outcome, check, leased=True)

    return (mock.patch.object(Freshness, "note", note_leased),)


def flip_not_in_the_set() -> Patches:
    """The response to checks of all models is built before a change, and kept after it."""

    @contextmanager
    def keep(self: CurrentSet) -> Iterator[None]:
        with self._lock:
            yield

    return (mock.patch.object(CurrentSet, "changing", keep),)


def _ignore(_fleet: object, _value: float) -> None:
    """Ignore the value."""


BUILDS: Final[Mapping[str, Callable[[], Patches]]] = {
    build.__name__.replace("_", "-"): build
    for build in (
        time_to_live,
        join_in_flight,
        lease_from_receipt,
        no_fence,
        fence_not_awaited,
        active_version_read_first,
        no_wait_after_restart,
        leases_forgotten,
        flip_before_durable,
        lower_sequence,
        no_margin,
        hint_lowered_at_start,
        late_entry_answered_at_once,
        followed_at_once,
        leases_on_the_set_not_awaited,
        fence_not_in_the_set,
        fenced_models_leased,
        flip_not_in_the_set,
    )
}


def harder(name: str | None, plan: Plan) -> Plan:
    """The plan of a seed, made harder if the defect of a build needs rare circumstances; the product gets the same plan."""
    match name:
        case "no-margin":
            slow = [Clock(SLOWEST, clock.offset) for clock in plan.clocks]
            fast = Clock(FASTEST, plan.server_clock.offset)
            return replace(_mean(plan, [5000]), server_clock=fast, clocks=slow)
        case "lease-from-receipt":
            return replace(_mean(plan, [1000]), weather=Weather(slow=0.6, slowest=0.24))
        case "join-in-flight":
            return replace(plan, leases_ms=[0], weather=Weather(slow=0.4, slowest=0.24), meanness=0.1)
        case "leases-forgotten":
            return _mean(plan, [5000])
        case "hint-lowered-at-start":
            return replace(
                _mean(plan, [5000, 200, 200]), killed_after=(1.5, 0.05), rolls_at=[], faults_at=[], meanness=0.0
            )
        case "late-entry-answered-at-once":
            hasty = replace(_mean(plan, [1000]), killed_after=(None, 1.7), rolls_at=[0.5], faults_at=[])
            return replace(hasty, clocks=plan.clocks * 3, meanness=1.0, think_s=0.03)
        case "followed-at-once":
            hasty = replace(_mean(plan, [1000]), killed_after=(None, None), rolls_at=[0.5], faults_at=[])
            return replace(hasty, clocks=plan.clocks * 3, meanness=1.0, think_s=0.02)
        case "lower-sequence":
            return replace(plan, listing_lags=True)
        case "flip-before-durable":
            return replace(_mean(plan, [0]), rolls_at=[0.5, 1.5, 3.0, 5.0])
    return plan


def _mean(plan: Plan, leases_ms: list[int]) -> Plan:
    return replace(plan, leases_ms=leases_ms, meanness=0.6, bad_share=0.0, listing_lags=False, prepare_timeout=6.0)


@contextmanager
def broken(name: str | None) -> Iterator[None]:
    """The build of this name, or the product as it is."""
    with ExitStack() as stack:
        for patch in BUILDS[name]() if name else ():
            stack.enter_context(patch)
        yield
