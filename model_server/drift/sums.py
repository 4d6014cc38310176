"""The sums of all replicas, in memory: by hour, until the hour is in the bucket, and by minute, for two hours.

A replica sends its counts since the beginning of the hour. What it sent before is replaced, so that a repeated call changes
nothing. A minute gets the difference to the call before.
"""

import threading
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from operator import add, sub
from typing import Final

from changeover.protocol.drift_counts import HourCounts
from model_server.drift.windows import MINUTE

MINUTES_KEPT: Final = 120
MOST_MINUTES: Final = 5_000  # over all versions: 60 MB, if each has 100 columns

Key = tuple[str, str, str]  # model, version, digest of the reference


@dataclass
class Total:
    """Added counts: `rows` rows were counted of `seen` rows that were answered."""

    seen: int = 0
    rows: int = 0
    sums: "array[int]" = field(default_factory=lambda: array("q"))

    def plus(self, other: "Total") -> "Total":
        """The sum of both."""
        longer = (
            other.sums if not self.sums else array("q", map(add, self.sums, other.sums)) if other.sums else self.sums
        )
        return Total(self.seen + other.seen, self.rows + other.rows, longer)

    def minus(self, other: "Total") -> "Total":
        """The difference; of counts that only grow, none is negative."""
        rest = array("q", map(sub, self.sums, other.sums)) if other.sums else self.sums
        return Total(self.seen - other.seen, self.rows - other.rows, rest)


@dataclass
class HourTotal:
    """One version in one hour: the total, and what each replica sent last."""

    total: Total = field(default_factory=Total)
    replicas: dict[str, Total] = field(default_factory=dict)


class Sums:
    """The sums of this process. Thread-safe."""

    def __init__(self, most_minutes: int = MOST_MINUTES) -> None:
        self._lock = threading.Lock()
        self._most_minutes, self._minute = most_minutes, 0
        self._hours: dict[str, dict[Key, HourTotal]] = {}
        self._minutes: dict[Key, dict[int, Total]] = {}

    def add(self, replica: str, counts: HourCounts, time: float) -> Total | None:
        """Take the counts of a replica at `time`; returns what they add of this minute, None if that is nothing."""
        key = (counts.model, counts.version, counts.reference)
        now = Total(counts.seen, counts.rows, array("q", counts.sums))
        with self._lock:
            hour = self._hours.setdefault(counts.hour, {}).setdefault(key, HourTotal())
            before = hour.replicas.get(replica)
            more = now if before is None else now.minus(before)
            if more.rows <= 0 or min(more.sums, default=0) < 0:
                return None
            hour.replicas[replica] = now
            hour.total = hour.total.plus(more)
            if before is None and counts.again:
                return None
            self._add_to_minute(key, int(time // MINUTE), more)
        return more

    def _add_to_minute(self, key: Key, minute: int, more: Total) -> None:
        if minute > self._minute:
            self._minute = minute
            self._forget(minute)
        minutes = self._minutes.setdefault(key, {})
        minutes[minute] = minutes.get(minute, Total()).plus(more)

    def _forget(self, minute: int) -> None:
        """Forget minutes after two hours, and the oldest ones if there are too many."""
        oldest = minute - MINUTES_KEPT
        kept = sorted(number for minutes in self._minutes.values() for number in minutes if number >= oldest)
        if len(kept) > self._most_minutes:
            oldest = kept[-self._most_minutes]
        self._minutes = {
            key: recent
            for key, minutes in self._minutes.items()
            if (recent := {number: total for number, total in minutes.items() if number >= oldest})
        }

    def of_minutes(self, key: Key, start: float, end: float) -> Total:
        """The total of the minutes from `start` to `end`."""
        with self._lock:
            minutes = dict(self._minutes.get(key, {}))
        return added(total for number, total in minutes.items() if start <= number * MINUTE < end)

    def of_hour(self, key: Key, hour: str) -> Total | None:
        """The total of an hour that is not in the bucket yet; None if it has none here."""
        with self._lock:
            found = self._hours.get(hour, {}).get(key)
            return None if found is None else found.total

    def hours(self) -> list[str]:
        """The hours that are not in the bucket yet."""
        with self._lock:
            return sorted(self._hours)

    def versions_in(self, hour: str) -> dict[tuple[str, str], dict[str, HourTotal]]:
        """The totals of an hour: by model and version, then by the digest of the reference."""
        versions: dict[tuple[str, str], dict[str, HourTotal]] = {}
        with self._lock:
            for (model, version, reference), total in self._hours.get(hour, {}).items():
                versions.setdefault((model, version), {})[reference] = total
        return versions

    def written(self, hour: str, model: str, version: str) -> None:
        """Forget the hour of a version: it is in the bucket."""
        with self._lock:
            totals = self._hours.get(hour, {})
            for key in [key for key in totals if key[:2] == (model, version)]:
                del totals[key]
            if not totals:
                self._hours.pop(hour, None)


def added(totals: Iterable[Total]) -> Total:
    """The sum of totals."""
    result = Total()
    for total in totals:
        result = result.plus(total)
    return result
