"""May this request be answered now, must it wait for the queued check, or go stale: the asking half.

Carries the promises *no way back* and *freshness*. Rules of this file:

1. Checks are numbered in the order in which they are sent; at most one is in flight and one is queued.
2. A request that arrives joins the queued check, never the one in flight: only a check that is sent after the request
   arrived can say what is current for it.
3. Once a check has failed, or a request has waited in vain, the breaker is open: nobody waits, every answer is stale,
   and checks are retried with a growing pause until one gets an answer.
4. A lease spares the asking, and the staleness too: while it holds, what it came with is current, whatever became of
   later checks. It counts from before its check was sent, and is renewed well before it ends.

Pure: time comes in as a number of seconds. `freshness_loop.py` owns the thread and the clock.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from changeover.protocol.lease import Held as Lease

RENEW_EVERY: Final = 0.3
FIRST_PAUSE: Final = 0.05
LONGEST_PAUSE: Final = 0.5


class Outcome(StrEnum):
    """What a check said about the version that this replica answers by."""

    CONFIRMED = "confirmed"  # it is current
    BEHIND = "behind"  # another version is current, and it is not prepared here yet
    ABSENT = "absent"  # model_server knows no current version of this model
    FAILED = "failed"  # no answer, none that can be trusted, or one that would go back


class Verdict(StrEnum):
    """How a request may be answered."""

    CONFIRMED = "confirmed"
    STALE = "stale"
    WAIT = "wait"


@dataclass(frozen=True)
class Arrival:
    """What a request that arrives is told: a verdict, and when that is WAIT the number of the check to wait for."""

    verdict: Verdict
    check: int = 0


class Freshness:
    """The state of the checks of one model in one replica."""

    def __init__(self, now: float, renew_every: float = RENEW_EVERY) -> None:
        self._renew_every = renew_every
        self._sent = 0  # the number of the last check sent
        self._finished = 0  # the number of the last check that ended, one way or the other
        self._confirmed = 0  # the number of the last check that confirmed what is held
        self._queued = False
        self._failures = 0  # in a row; above 0 the breaker is open
        self._due = now
        self._sent_at = now  # when the last check was sent
        self._lease = Lease()

    @property
    def broken(self) -> bool:
        """Whether the breaker is open: nobody waits for the network."""
        return self._failures > 0

    @property
    def in_flight(self) -> bool:
        """Whether a check was sent and has not ended."""
        return self._sent > self._finished

    def leased(self, now: float) -> bool:
        """Whether a lease says that what is held is current, so that nobody need be asked."""
        return self._lease.holds(now)

    def arrive(self, now: float) -> Arrival:
        """A request arrived at `now`: how it may be answered, or which check it must wait for."""
        if self.leased(now):
            return Arrival(Verdict.CONFIRMED)
        if self.broken:
            return Arrival(Verdict.STALE)
        self._queued = True
        return Arrival(Verdict.WAIT, self._sent + 1)

    def verdict(self, check: int) -> Verdict:
        """How a request that waits for the check of this number may be answered by now."""
        if self._confirmed >= check:
            return Verdict.CONFIRMED
        if self._finished >= check or self.broken:
            return Verdict.STALE
        return Verdict.WAIT

    def give_up(self, check: int) -> Verdict:
        """A request's time is over: answer it, and spare the next ones the wait."""
        verdict = self.verdict(check)
        if verdict is Verdict.WAIT:
            self._failures = 1
            return Verdict.STALE
        return verdict

    def next_send(self) -> float | None:
        """When the next check is to be sent: a moment (past ones mean at once), or None while one is in flight."""
        if self.in_flight:
            return None
        return float("-inf") if self._queued and not self.broken else self._due

    def hasten(self, now: float) -> None:
        """Something changed here (a version became ready): the next check is due at `now`."""
        self._due = min(self._due, now)

    def send(self, now: float) -> int:
        """A check is about to be sent at `now`: its number. Whoever is queued waits for this one."""
        if self.in_flight:
            raise RuntimeError(f"check {self._sent} is in flight: there is never a second one beside it")
        self._sent += 1
        self._sent_at = now
        self._queued = False
        return self._sent

    def finish(self, outcome: Outcome, now: float, lease_s: float = 0.0) -> None:
        """The check in flight ended at `now` with `outcome`, and with a lease of `lease_s` seconds if CONFIRMED."""
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
