"""The closing loop: it writes the hours that are over into the bucket, deletes old ones, and sets the metrics.

A failure of the store is counted, and the step is repeated.
"""

import time
from collections.abc import Callable, Sequence
from typing import Final

from changeover.drift.judging import sentence
from changeover.process.log_events import event
from changeover.process.loop import Loop
from model_server import metrics
from model_server.drift.hour_objects import HourObjects
from model_server.drift.receipt import Receipt
from model_server.drift.reports import IN_REFERENCE, SENTENCES, Reports, Window
from model_server.drift.sums import Sums
from model_server.drift.windows import text_of
from model_server.rollouts.model_state import Models
from object_store.exceptions import StoreError

EVERY_S: Final = 5.0
DELETE_EVERY_S: Final = 24 * 3600.0
SHOWN_COLUMNS: Final = 20  # of a model, in the metrics
MODELS_AT_A_TIME: Final = 10  # each takes 10 ms with 100 columns


# takes the end of a window, model, version, the columns that changed, and why
Announce = Callable[[str, str, str, Sequence[str], str], None]


class Closing(Loop):
    """The closing loop of this process."""

    def __init__(
        self,
        models: Models,
        sums: Sums,
        hours: HourObjects,
        receipt: Receipt,
        reports: Reports,
        announce: Announce,
    ) -> None:
        super().__init__("drift")
        self._announce = announce
        self._announced: dict[str, float] = {}  # by model, the end of the last window that was announced
        self._models, self._sums, self._hours = models, sums, hours
        self._receipt, self._reports = receipt, reports
        self._delete_due = float("-inf")
        self._next_model = 0
        self._shown: dict[str, set[str]] = {}  # the columns of each model in the metrics

    def run_once(self, now: float) -> float:
        """Close hours, delete old ones, set metrics; returns the seconds until the next step."""
        try:
            if self._models.ready.is_set():
                self.close(time.time())
                self._delete(now)
                self._set_metrics()
        except StoreError as error:
            metrics.STORE_FAILURES.labels(type(error).__name__).inc()
        except Exception as error:  # noqa: BLE001 the thread must outlive any single step
            event("drift.crashed", level="error", error=error)
        return EVERY_S

    def close(self, now: float) -> None:
        """Write each hour that is over, a version at a time; raises StoreError."""
        for hour in self._sums.hours():
            if self._receipt.is_open(hour, now):
                continue
            for (model, version), totals in self._sums.versions_in(hour).items():
                self._hours.write(model, version, hour, totals)
                self._sums.written(hour, model, version)

    def _delete(self, now: float) -> None:
        if now < self._delete_due:
            return
        self._delete_due = now + DELETE_EVERY_S
        deleted = self._hours.delete_old(time.time())
        if deleted:
            event("drift.deleted", objects=deleted)

    def _set_metrics(self) -> None:
        """Set the gauges of a few models, each step of others."""
        states = self._models.all()
        first = self._next_model % max(1, len(states))
        self._next_model = first + MODELS_AT_A_TIME
        for state in (states[first:] + states[:first])[:MODELS_AT_A_TIME]:
            self._set_metrics_of(state.name)

    def _set_metrics_of(self, model: str) -> None:
        latest = self._reports.latest(model)
        if latest is not None:
            self._announce_change(model, *latest)
        shifts = latest[1].verdict.shifts[:SHOWN_COLUMNS] if latest else []
        names = {shift.name for shift in shifts}
        for name in self._shown.get(model, set()) - names:
            metrics.DRIFT_PSI.remove(model, name)
            metrics.DRIFT_LINE.remove(model, name)
        self._shown[model] = names
        for shift in shifts:
            metrics.DRIFT_PSI.labels(model, shift.name).set(shift.psi)
            metrics.DRIFT_LINE.labels(model, shift.name).set(shift.line)

    def _announce_change(self, model: str, version: str, window: Window) -> None:
        """Announce the changes in a window that is over, once: a running one would be judged many times."""
        if not (window.complete and window.verdict.changed) or self._announced.get(model) == window.end:
            return
        self._announced[model] = window.end
        changed = [shift for shift in window.verdict.shifts if shift.changed]
        reasons = [sentence(shift, IN_REFERENCE) for shift in changed[:SENTENCES]]
        self._announce(text_of(window.end), model, version, [shift.name for shift in changed], "; ".join(reasons))
