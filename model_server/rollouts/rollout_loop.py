"""The loop of a rollout: it turns time, status reports and ledger results into events, and does the actions.

`model_server/rollouts/rollout.py` decides. The loop does each of its actions before the next event. Each rollout has a
thread, and each model at most one rollout (`model_server/rollouts/rollouts.py`).
"""

import threading
from collections.abc import Callable

from msgspec import structs

from changeover.process import clock, log_events
from changeover.process.clock import utc_now
from changeover.process.loop import Loop
from changeover.protocol.rehearsal_counts import RehearsalCounts
from changeover.protocol.wire import RolloutState
from model_server.ledger.ledger import Ledger, LedgerInDoubt
from model_server.ledger.record import Rollout
from model_server.rollouts import rollout as machine
from model_server.rollouts.aborted import Aborted
from model_server.rollouts.model_state import ModelState
from model_server.rollouts.phases import Phase
from model_server.rollouts.rehearsal import Rehearsal, Verdict
from model_server.rollouts.rollout import Action, Event
from model_server.rollouts.rollout_metrics import RolloutMetrics
from object_store.exceptions import StoreError

_LOOK_EVERY_S = 0.25


class RolloutLoop(Loop):
    """The loop of one rollout. `finished` is called when the rollout is committed or aborted."""

    def __init__(
        self,
        state: ModelState,
        rollout: Rollout,
        ledger: Ledger,
        aborted: Aborted,
        stopping: threading.Event,
        finished: Callable[[ModelState, Rollout], None],
    ) -> None:
        # Not a daemon: the process ends only after the abort of a stopped rollout is recorded.
        super().__init__(f"rollout-{state.name}", state.news, daemon=False)
        self._state, self._rollout = state, rollout
        self._grace_s = max(0.0, rollout.deadline - clock.now())
        self._ledger, self._aborted, self._stopping, self._finished = ledger, aborted, stopping, finished
        self._metrics = RolloutMetrics(state.name, rollout.version, clock.now())
        self._result: Event | None = None  # the result of the last action, which is the next event

    def begin(self, actions: tuple[Action, ...]) -> None:
        """Do the first actions, and start the thread."""
        for action in actions:
            self._do(action)
        self.start()

    def run_once(self, now: float) -> float | None:
        """Process one event and do its actions; returns the seconds until the next step, None at the end."""
        event = self._result or self._next(now)
        if isinstance(event, float):
            return event
        self._result = None
        if isinstance(event, machine.LeasesOver):
            self._state.phases = self._state.phases.entered(Phase.COMMIT, now)
        self._rollout, actions = machine.step(self._rollout, event, now)
        self._metrics.step(self._rollout.state, event, now)
        if not self._rollout.over:
            self._state.rollout = self._rollout
        if machine.StopGranting() in actions:
            self._state.phases = self._state.phases.entered(Phase.FENCE, now)
        try:
            for action in actions:
                self._result = self._do(action) or self._result
        except LedgerInDoubt as error:
            # The process stops and does not know whether the entry exists. The next start reads the ledger.
            log_events.event("rollout.in_doubt", level="error", model=self._state.name, reason=str(error))
            self._metrics.end()
            return None
        if not self._rollout.over:
            return 0.0
        self._metrics.end()
        self._finished(self._state, self._rollout)
        return None

    def _next(self, now: float) -> Event | float:
        """The next event that does not follow from an action, or the seconds until there may be one."""
        state, rollout = self._state, self._rollout
        if rollout.state is RolloutState.FENCING:
            if self._stopping.is_set():
                return machine.Stopped()
            if state.cancelled is not None:
                return state.cancelled
            return (
                machine.LeasesOver()
                if state.leased_pointer.granted.over(now)
                else state.leased_pointer.granted.latest_expiry - now
            )
        with state.changed:
            if state.overtaken is not None:
                return machine.LedgerTaken(state.overtaken.current)
            look = state.fleet.look(rollout.version, now)
            counts = state.fleet.rehearsed(rollout.id)
        if self._stopping.is_set():
            return machine.Stopped()
        if state.cancelled is not None:
            return state.cancelled
        if state.rehearsal is not None and not state.rehearsal.over and not look.failed:
            rehearsed = self._rehearse(state.rehearsal, counts, now, ready=not look.pending)
            if rehearsed is not None or state.rehearsal.begun is not None:
                return rehearsed or _LOOK_EVERY_S
        return _LOOK_EVERY_S if look.pending and not look.failed and now < rollout.deadline else look

    def _rehearse(
        self, rehearsal: Rehearsal, counts: RehearsalCounts, now: float, *, ready: bool
    ) -> machine.Rehearsed | None:
        """Begin the rehearsal once every replica is ready; returns its end, or None if it goes on."""
        if ready and rehearsal.begun is None:
            rehearsal.begun = now
            self._state.phases = self._state.phases.entered(Phase.REHEARSE, now)
        verdict = rehearsal.verdict(counts, now)
        if verdict is Verdict.GOES_ON:
            return None
        rehearsal.over = True
        passed = verdict is Verdict.PASSED
        says = rehearsal.says(counts)
        log_events.event(
            "rollout.rehearsed", model=self._state.name, version=self._rollout.version, passed=passed, says=says
        )
        return machine.Rehearsed(passed, says, self._grace_s)

    def _do(self, action: Action) -> Event | None:
        """Do one action; returns the event that is its result, or None."""
        state = self._state
        match action:
            case machine.Announce(version):
                identity, watched = self._rollout.id, state.watch is not None
                state.announce(
                    version, identity if state.rehearsal is not None else None, identity if watched else None
                )
            case machine.Withdraw():
                watched = self._rollout.state is RolloutState.COMMITTED and state.watch is not None
                state.announce(None, watch=self._rollout.id if watched else None)
            case machine.StopGranting():
                state.stop_granting()
            case machine.AppendLedger():
                return self._append()
            case machine.Flip(current) | machine.Adopt(current):
                state.adopt(self._ledger.entry(state.name, current.sequence))
            case machine.GrantAgain():
                state.grant_again()
            case machine.RecordAborted():
                self._aborted.record(self._rollout)
        return None

    def _append(self) -> Event:
        rollout = self._rollout
        entry = structs.replace(rollout, state=RolloutState.COMMITTED, rolled_at=utc_now(), deadline=0.0)
        try:
            holder = self._ledger.append(entry, self._stopping)
            if holder.id == entry.id:
                return machine.LedgerAppended()
            newest = self._ledger.newest(rollout.model) or holder
            return machine.LedgerTaken(newest.current)
        except StoreError as error:
            return machine.LedgerFailed(f"the ledger could not be written: {error}")
