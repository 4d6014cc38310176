"""The receipt of counts from replicas: which are stored, and the reason for the others."""

import time
from typing import Final

from changeover.exceptions import InvalidManifest, UnknownVersion
from changeover.json_types import JsonObject
from changeover.names import short
from changeover.protocol.drift_counts import HourCounts, ReplicaCounts
from model_server import metrics
from model_server.drift.references import KnownReference, References
from model_server.drift.sums import Sums
from model_server.drift.windows import HOUR, beginning_of
from model_server.rollouts.model_state import Models
from model_server.versions.versions import Versions

GRACE_S: Final = 60.0  # after an hour, or a start: for counts that are on their way
_AHEAD_S: Final = 300.0  # that the clock of a replica may be ahead
_BEHIND_S: Final = 3 * HOUR


class Receipt:
    """The receipt of counts. Thread-safe."""

    def __init__(self, models: Models, versions: Versions, references: References, sums: Sums) -> None:
        self._models, self._versions, self._references, self._sums = models, versions, references, sums
        self.started = time.time()

    def receive(self, report: ReplicaCounts) -> JsonObject:
        """Store the counts; returns the reason for those that were not stored. Raises StoreError."""
        now = time.time()
        return {
            counts.key: reason
            for counts in report.counts
            if (reason := self._receive(report.replica, counts, now)) is not None
        }

    def is_open(self, hour: str, now: float) -> bool:
        """Whether counts of an hour are still taken."""
        beginning = beginning_of(hour)
        return now < max(beginning + HOUR, self.started) + GRACE_S

    def _receive(self, replica: str, counts: HourCounts, now: float) -> str | None:
        if self._models.find(counts.model) is None:
            return f"there is no model {counts.model!r}; see GET /models"
        try:
            known = self._references.of(self._versions.manifest(counts.model, counts.version))
        except (UnknownVersion, InvalidManifest) as error:
            return str(error)
        if known is None or counts.reference != known.digest:
            former = self._former(counts)
            reason = _misfit(known, counts) if former is None else _misfit(former, counts)
        else:
            reason = _misfit(known, counts)
        reason = reason or self._out_of_time(counts.hour, now)
        if reason:
            return reason
        more = self._sums.add(replica, counts, now)
        if more is not None and known is not None and counts.reference == known.digest:
            missing, unseen = known.missing_and_unseen(more.sums.tolist())
            metrics.MISSING.labels(counts.model).inc(missing)
            metrics.UNSEEN.labels(counts.model).inc(unseen)
        return None

    def _former(self, counts: HourCounts) -> KnownReference | None:
        """The reference of the version before, by which the rows of the current one are counted, too."""
        state = self._models.find(counts.model)
        entry = state.entry if state else None
        if entry is None or entry.version != counts.version or entry.previous is None:
            return None
        try:
            return self._references.of(self._versions.manifest(counts.model, entry.previous))
        except (UnknownVersion, InvalidManifest):
            return None

    def _out_of_time(self, hour: str, now: float) -> str | None:
        try:
            beginning = beginning_of(hour)
        except ValueError:
            return f"{hour!r} is no hour"
        if not now - _BEHIND_S < beginning < now + _AHEAD_S:
            return f"{hour} is not about now: compare the clocks of predict_api and model_server"
        return None if self.is_open(hour, now) else f"{hour} is over"


def _misfit(known: KnownReference | None, counts: HourCounts) -> str | None:
    """The reason if these are no counts by the version's reference."""
    if known is None:
        return f"version {short(counts.version)} has no reference"
    if counts.reference != known.digest or len(counts.sums) != known.length:
        return "they are by a former reference of this version, until the replica prepares it again"
    return None
