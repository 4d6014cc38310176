"""The deliveries to one address: which events it has taken, which are pending, and which is due now.

Times are seconds of a monotonic clock.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from model_server.webhooks.event import Event

FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 300.0
PATIENT: Final = 5  # attempts after which an event lets others go first


@dataclass
class _Pending:
    event: Event
    attempts: int = 0
    not_before: float = float("-inf")


class Deliveries:
    """The events of one address. Only events from `since` (RFC 3339, UTC) on count."""

    def __init__(self, since: str, delivered: Iterable[str]) -> None:
        self.since = since
        self.delivered = set(delivered)  # the ids
        self.failures = 0  # in a row, for which the address was at fault
        self._not_before = float("-inf")
        self._pending: dict[str, _Pending] = {}

    def add(self, events: Iterable[Event]) -> None:
        """Add the events that the address has not taken yet."""
        for event in events:
            if event.timestamp >= self.since and event.id not in self.delivered:
                self._pending.setdefault(event.id, _Pending(event))

    @property
    def pending(self) -> int:
        """The number of events that the address has not taken yet."""
        return len(self._pending)

    def attempts(self, event: Event) -> int:
        """The failed attempts of a pending event."""
        return self._pending[event.id].attempts

    def waits_for(self, event: Event) -> bool:
        """Whether this event is pending."""
        return event.id in self._pending

    def due(self, now: float) -> Event | None:
        """The event to send now: the oldest one, but one that failed PATIENT times comes after the others."""
        if now < self._not_before:
            return None
        due = [pending for pending in self._pending.values() if now >= pending.not_before]
        first = min(due, key=lambda one: (one.attempts // PATIENT, one.event.timestamp, one.event.id), default=None)
        return first.event if first else None

    def wait_s(self, now: float) -> float:
        """The seconds until an event may be due; infinite if none is pending."""
        first = min((pending.not_before for pending in self._pending.values()), default=float("inf"))
        return max(0.0, max(first, self._not_before) - now)

    def succeeded(self, event: Event) -> None:
        """Record that the address has taken the event."""
        self._pending.pop(event.id, None)
        self.delivered.add(event.id)
        self.failures = 0

    def failed(self, event: Event, now: float, *, refused: bool, jitter: float, retry_after_s: float = 0.0) -> float:
        """Record a failed attempt; returns the seconds of the pause, which doubles with each failure in a row.

        `refused`: the receiver answered that it does not take this event, so that only this event waits, else all wait.
        `jitter` is a factor of the pause, 0.5 to 1. `retry_after_s` is what the receiver asked for.
        """
        pending = self._pending[event.id]
        pending.attempts += 1
        if not refused:
            self.failures += 1
        in_a_row = pending.attempts if refused else self.failures
        doubled_s = FIRST_PAUSE_S * 2.0 ** min(in_a_row - 1, 20)
        pause_s = min(LONGEST_PAUSE_S, max(doubled_s * jitter, retry_after_s))
        if refused:
            pending.not_before = now + pause_s
        else:
            self._not_before = now + pause_s
        return pause_s
