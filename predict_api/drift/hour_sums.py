"""The sums of this worker: the counts of each version since the beginning of the hour, until model_server has them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from changeover.drift.counting import Counts
from changeover.protocol.drift_counts import LARGEST_COUNTS, HourCounts

KEPT_SECONDS: Final = 2 * 3600.0  # after the last count: for a model_server that restarts meanwhile
_DIGITS: Final = 12  # of a number in JSON, with its comma

Key = tuple[str, str, str, str]  # model, version, digest of the reference, hour


@dataclass
class _Sum:
    sums: Counts
    seen: int = 0
    rows: int = 0
    counted_at: float = 0.0
    sent: bool = False  # all of it
    sent_once: bool = False
    again: bool = False


@dataclass
class HourSums:
    """The sums by model, version, reference and hour. For one thread."""

    _sums: dict[Key, _Sum] = field(default_factory=dict)

    def add(self, key: Key, counts: Counts, seen: int, rows: int, now: float) -> None:
        """Add the counts of `rows` rows; `seen` have been answered."""
        known = self._sums.setdefault(key, _Sum(np.zeros(len(counts), dtype=np.int64)))
        known.sums += counts
        known.seen, known.rows, known.counted_at, known.sent = known.seen + seen, known.rows + rows, now, False

    def to_send(self) -> list[HourCounts]:
        """The sums that model_server does not have yet."""
        return [
            HourCounts(*key, known.seen, known.rows, known.sums.tolist(), known.again)
            for key, known in sorted(self._sums.items())
            if not known.sent
        ]

    def sent(self, counts: Iterable[HourCounts]) -> None:
        """Record that model_server has these, or does not want them."""
        for each in counts:
            known = self._sums[each.model, each.version, each.reference, each.hour]
            known.sent, known.sent_once, known.again = True, True, False

    def send_again(self) -> None:
        """Send all sums again: model_server has restarted."""
        for known in self._sums.values():
            known.again, known.sent = known.sent_once, False

    def forget(self, now: float) -> None:
        """Forget sums that nothing was added to for long."""
        self._sums = {key: known for key, known in self._sums.items() if now - known.counted_at < KEPT_SECONDS}


def calls(counts: Iterable[HourCounts]) -> Iterator[list[HourCounts]]:
    """The counts in groups that are small enough for one call each."""
    group: list[HourCounts] = []
    size = 0
    for each in counts:
        length = 500 + _DIGITS * len(each.sums)
        if group and size + length > LARGEST_COUNTS:
            yield group
            group, size = [], 0
        group.append(each)
        size += length
    if group:
        yield group
