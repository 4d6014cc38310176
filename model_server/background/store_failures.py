"""A store that fails is said once a minute in the log, however often somebody tries."""

from collections.abc import Callable

from changeover.process import log_events
from model_server import metrics
from object_store.exceptions import StoreError


class StoreFailures:
    """Counts and logs failures of the store for one loop."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._last = float("-inf")

    def failed(self, error: StoreError) -> None:
        """Say it, unless it was said within the minute."""
        metrics.STORE_FAILURES.labels(type(error).__name__).inc()
        if self._now() - self._last >= 60.0:
            self._last = self._now()
            log_events.event("store.failed", level="error", reason=str(error))

    def recovered(self) -> None:
        """Say that it works again, if it had been said that it does not."""
        if self._last != float("-inf"):
            self._last = float("-inf")
            log_events.event("store.recovered")
