"""The metrics and the span of one rollout: the seconds of its phases preparing, fencing and committing, and its age.

The first two are states of the rollout. The third begins when all leases are over: the ledger entry is written.
"""

from collections.abc import Callable
from typing import Final

from changeover.process import tracing
from changeover.process.clock import now as clock
from changeover.protocol.wire import RolloutState
from model_server import metrics
from model_server.rollouts.rollout import Event, LeasesOver

COMMITTING: Final = "committing"


class RolloutMetrics:
    """The measurement of one rollout, which begins with its preparation at `now`."""

    def __init__(self, model: str, version: str, now: float) -> None:
        self._span = tracing.begin("roll", {"changeover.model": model, "changeover.version": version})
        self._model, self._phase, self._since = model, RolloutState.PREPARING.value, now
        self._age: Callable[[], float] = lambda: clock() - now
        metrics.rollout_age(model, self._age)

    def step(self, state: RolloutState, event: Event, now: float) -> None:
        """Count the phase that ended at `now`, if `event`, which led to `state`, ended one."""
        phase = COMMITTING if isinstance(event, LeasesOver) else state.value
        if phase == self._phase or (self._phase == COMMITTING and phase == RolloutState.FENCING):
            return
        metrics.PHASE_SECONDS.labels(self._model, self._phase).observe(max(0.0, now - self._since))
        self._phase, self._since = phase, now
        if self._span is not None:
            self._span.note(phase)
            if state is RolloutState.ABORTED:
                self._span.fail(phase)

    def end(self) -> None:
        """The rollout is over."""
        metrics.rollout_age(self._model, None)
        if self._span is not None:
            self._span.end()
