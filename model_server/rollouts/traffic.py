"""The traffic of one model in the last minutes: what its workers answered, added up in slots of 20 seconds.

Workers report totals since their start. What a worker answered before its first report is not known to be recent, so it is
not counted. Times are seconds of a monotonic clock.
"""

from dataclasses import dataclass, field
from typing import Final

from changeover.protocol.traffic_counts import TrafficCounts
from model_server.rollouts.fleet import MOST_REPLICAS

SLOT_S: Final = 20.0
WINDOW_S: Final = 300.0


@dataclass
class Traffic:
    """The traffic of one model. Its owner guards it with a lock."""

    first_at: float | None = None  # the first report
    _totals: dict[str, tuple[TrafficCounts, float]] = field(default_factory=dict)  # by worker, and when they came
    _slots: dict[int, TrafficCounts] = field(default_factory=dict)

    def add(self, replica: str, totals: TrafficCounts, now: float) -> None:
        """Add what a worker answered since its last report; its first one is where counting begins."""
        if replica not in self._totals and len(self._totals) >= MOST_REPLICAS:
            self._totals = {name: known for name, known in self._totals.items() if now - known[1] <= WINDOW_S}
            if len(self._totals) >= MOST_REPLICAS:
                return
        before = self._totals.get(replica)
        self._totals[replica] = totals, now
        self.first_at = now if self.first_at is None else self.first_at
        more = totals.since(before[0]) if before is not None else None
        if more is not None and more.requests:
            slot = int(now // SLOT_S)
            self._slots[slot] = self._slots.get(slot, TrafficCounts()) + more
            self._slots = {each: counts for each, counts in self._slots.items() if each >= _oldest(now)}

    def window(self, now: float) -> tuple[TrafficCounts, float] | None:
        """What was answered in the last minutes, and their length in seconds; None before the first report."""
        if self.first_at is None:
            return None
        oldest = _oldest(now)
        counts = (counts for slot, counts in self._slots.items() if slot >= oldest)
        return sum(counts, TrafficCounts()), now - max(self.first_at, oldest * SLOT_S)


def _oldest(now: float) -> int:
    """The first slot that lies within the window as a whole."""
    return int((now - WINDOW_S) // SLOT_S) + 1
