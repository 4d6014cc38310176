"""The freshness of a model in this worker: whether a request may be answered now, must wait, or gets a stale response.

1. Checks are numbered in the order of their sending. At most one is in flight and one is queued.
2. A request waits for the queued check, never for the one in flight: only a check that is sent after the request
   arrived can confirm the version for it.
3. After a failed check, or a request that waited in vain, the breaker is open: no request waits, every response is
   stale, and checks are retried with a growing pause until one succeeds.
4. While a lease holds, no request needs a check, and none is stale, even if later checks fail. A lease counts from
   before its check was sent, and is renewed well before it ends.

Times are numbers of seconds. `predict_api/replica/freshness_loop.py` has the thread and the clock. `docs/protocol.md`
says why the rules are right.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from changeover.protocol.lease import Held as Lease

RENEW_EVERY: Final = 0.3
FIRST_PAUSE: Final = 0.05
LONGEST_PAUSE: Final = 0.5


class Outcome(StrEnum):
    """The result of a check for the active version."""

    CONFIRMED = "confirmed"  # it is current
    BEHIND = "behind"  # another version is current, and it is not prepared here yet
    ABSENT = "absent"  # model_server has no current version of this model
    FAILED = "failed"  # no response, a malformed one, or one that would go back


class Verdict(StrEnum):
    """The state of a request: its response is confirmed, it is stale, or the request must wait."""

    CONFIRMED = "confirmed"
    STALE = "stale"
    WAIT = "wait"


@dataclass(frozen=True)
class Arrival:
    """The result for a request that arrives: a verdict, and for WAIT the number of the check to wait for."""

    verdict: Verdict
    check: int = 0


class Freshness:
    """The state of the checks of one model in one replica."""

    def __init__(self, now: float, renew_every: float = RENEW_EVERY) -> None:
        self._renew_every = renew_every
        self._sent = 0  # the number of the last check sent
        self._finished = 0  # the number of the last check that ended, successful or not
        self._confirmed = 0  # the number of the last check that confirmed the active version
        self._queued = False
        self._failures = 0  # in a row; above 0 the breaker is open
        self._due = now
        self._sent_at = now  # when the last check was sent
        self._lease = Lease()

    @property
    def broken(self) -> bool:
        """Whether the breaker is open: no request waits for a check."""
        return self._failures > 0

    @property
    def in_flight(self) -> bool:
        """Whether a check was sent and has not ended."""
        return self._sent > self._finished

    def leased(self, now: float) -> bool:
        """Whether a lease holds, so that the active version is current without a check."""
        return self._lease.holds(now)

    def arrive(self, now: float) -> Arrival:
        """The result for a request that arrives at `now`."""
        if self.leased(now):
            return Arrival(Verdict.CONFIRMED)
        if self.broken:
            return Arrival(Verdict.STALE)
        self._queued = True
        return Arrival(Verdict.WAIT, self._sent + 1)

    def verdict(self, check: int) -> Verdict:
        """The verdict for a request that waits for the check of this number."""
        if self._confirmed >= check:
            return Verdict.CONFIRMED
        if self._finished >= check or self.broken:
            return Verdict.STALE
        return Verdict.WAIT

    def give_up(self, check: int) -> Verdict:
        """The verdict for a request whose deadline is over; if it is stale, the breaker opens for the next ones."""
        verdict = self.verdict(check)
        if verdict is Verdict.WAIT:
            self._failures = 1
            return Verdict.STALE
        return verdict

    def next_send(self) -> float | None:
        """The time of the next check (a past time: immediately), or None while one is in flight."""
        if self.in_flight:
            return None
        return float("-inf") if self._queued and not self.broken else self._due

    def hasten(self, now: float) -> None:
        """Make the next check due at `now`, since a version became ready."""
        self._due = min(self._due, now)

    def send(self, now: float) -> int:
        """Count a check as sent at `now`; returns its number. The queued requests wait for this one."""
        if self.in_flight:
            raise RuntimeError(f"check {self._sent} is in flight: there is never a second one beside it")
        self._sent += 1
        self._sent_at = now
        self._queued = False
        return self._sent

    def finish(self, outcome: Outcome, now: float, lease_s: float = 0.0) -> None:
        """End the check in flight at `now` with `outcome`, and with a lease of `lease_s` seconds if CONFIRMED."""
        if not self.in_flight:
            raise RuntimeError("no check is in flight")
        self._finished = self._sent
        if outcome is Outcome.FAILED:
            self._failures += 1
            self._queued = False
            self._due = now + min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(self._failures - 1, 10))
            return
        self._failures = 0
        self._due = now + self._renew_every
        self._lease = Lease()
        if outcome is Outcome.CONFIRMED:
            self._confirmed = self._sent
            self._lease = Lease.since(self._sent_at, lease_s)
            self._due = min(self._due, self._lease.renew_at(self._sent_at))
