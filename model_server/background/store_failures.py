"""Logging of store failures, at most once a minute."""

from collections.abc import Callable

from changeover.process import log_events
from model_server import metrics
from object_store.exceptions import StoreError


class StoreFailures:
    """The counter and log of store failures for one loop."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._last = float("-inf")

    def failed(self, error: StoreError) -> None:
        """Count the failure, and log it unless one was logged within the last minute."""
        metrics.STORE_FAILURES.labels(type(error).__name__).inc()
        metrics.STORE_UP.set(0)
        if self._now() - self._last >= 60.0:
            self._last = self._now()
            log_events.event("store.failed", level="error", reason=str(error))

    def recovered(self) -> None:
        """Log the recovery, if a failure was logged."""
        metrics.STORE_UP.set(1)
        if self._last != float("-inf"):
            self._last = float("-inf")
            log_events.event("store.recovered")
