"""The freshness of the models in this worker: whether a request is answered now, waits, or gets a stale response.

One check asks about all models. `Checks` has their order, which all models share, and `Freshness` the state of one model.

1. Checks are numbered in the order of their sending. At most one is in flight and one is queued.
2. A request waits for the queued check, never for the one in flight: only a check that is sent after the request
   arrived can confirm the version for it.
3. After a failed check, or a request that waited in vain, the breaker is open: no request waits, every response is
   stale, and checks are retried with a growing pause until one succeeds.
4. While a lease holds, no request needs a check, and none is stale, even if later checks fail. A lease counts from
   before its check was sent, and is renewed well before it ends.
5. A check that names a version that cannot follow the active one of a model breaks that model alone.

A check that finds nothing changed writes `Checks.latest` only, whatever the number of models: each model remembers since
which check it is confirmed and leased. Its state is written before the check that changed it becomes `latest`, and a
reader reads `latest` first. So no reader combines the lease of a check with the state before that check.

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
_NEVER: Final = float("inf")
_NO_LEASE: Final = Lease()


class Outcome(StrEnum):
    """The result of a check for the active version of a model."""

    CONFIRMED = "confirmed"  # it is current
    BEHIND = "behind"  # another version is current, and it is not prepared here yet
    ABSENT = "absent"  # model_server has no current version of this model
    FAILED = "failed"  # a malformed response, or one that would go back


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


@dataclass(frozen=True)
class Answered:
    """The last check that succeeded: its number, the time of its sending, and its lease."""

    number: int = 0
    sent_at: float = float("-inf")
    lease: Lease = _NO_LEASE


class Checks:
    """The order of the checks of one replica, which ask about all its models."""

    def __init__(self, now: float, renew_every: float = RENEW_EVERY) -> None:
        self.latest = Answered()
        self._renew_every = renew_every
        self._sent = 0  # the number of the last check sent
        self._finished = 0  # the number of the last check that ended, successful or not
        self._queued = False
        self._failures = 0  # in a row; above 0 the breaker is open
        self._due = now
        self._sent_at = now  # when the last check was sent

    @property
    def broken(self) -> bool:
        """Whether the breaker is open: no request waits for a check."""
        return self._failures > 0

    @property
    def in_flight(self) -> bool:
        """Whether a check was sent and has not ended."""
        return self._sent > self._finished

    def ended(self, check: int) -> bool:
        """Whether no request needs to wait for the check of this number any more."""
        return self._finished >= check or self.broken

    def queue(self) -> int:
        """The number of the next check, which the caller will wait for."""
        self._queued = True
        return self._sent + 1

    def give_up(self) -> None:
        """Open the breaker: a request waited in vain."""
        self._failures = max(1, self._failures)

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

    def fail(self, now: float) -> None:
        """End the check in flight at `now`: it has no response."""
        self._end()
        self._failures += 1
        self._queued = False
        self._due = now + min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(self._failures - 1, 10))

    def finish(self, now: float, lease_s: float = 0.0) -> None:
        """End the check in flight at `now`, with a lease of `lease_s` seconds on the models that it confirmed.

        The caller has passed the outcomes to the models before.
        """
        self._end()
        self._failures = 0
        lease = Lease.since(self._sent_at, lease_s)
        self.latest = Answered(self._sent, self._sent_at, lease)
        self._due = min(now + self._renew_every, lease.renew_at(self._sent_at))

    def _end(self) -> None:
        if not self.in_flight:
            raise RuntimeError("no check is in flight")
        self._finished = self._sent


class Freshness:
    """The freshness of one model. A check without a change needs no call here."""

    def __init__(self, checks: Checks) -> None:
        self._checks = checks
        self._confirmed_since = _NEVER  # the number of the check from which on each check has confirmed the version
        self._leased_since = _NEVER  # the same for the leases
        self._confirmed_at = float("-inf")  # when it was last confirmed, if later checks do not confirm it
        self.refused = False  # whether the last check named a version that cannot follow the active one

    @property
    def broken(self) -> bool:
        """Whether no request waits for a check: each response is stale unless a lease holds."""
        return self.refused or self._checks.broken

    def leased(self, now: float) -> bool:
        """Whether a lease holds, so that the active version is current without a check."""
        latest = self._checks.latest  # before `_leased_since`, see above
        return self._leased_since <= latest.number and latest.lease.holds(now)

    def arrive(self, now: float) -> Arrival:
        """The result for a request that arrives at `now`."""
        if self.leased(now):
            return Arrival(Verdict.CONFIRMED)
        if self.broken:
            return Arrival(Verdict.STALE)
        return Arrival(Verdict.WAIT, self._checks.queue())

    def verdict(self, check: int) -> Verdict:
        """The verdict for a request that waits for the check of this number."""
        latest = self._checks.latest
        if self._confirmed_since <= latest.number and latest.number >= check:
            return Verdict.CONFIRMED
        return Verdict.STALE if self.refused or self._checks.ended(check) else Verdict.WAIT

    def give_up(self, check: int) -> Verdict:
        """The verdict for a request whose deadline is over; if it is stale, the breaker opens for the next ones."""
        verdict = self.verdict(check)
        if verdict is Verdict.WAIT:
            self._checks.give_up()
            return Verdict.STALE
        return verdict

    def confirmed_at(self) -> float:
        """The time of sending of the last check that confirmed the active version; `-inf` if none did."""
        latest = self._checks.latest
        return latest.sent_at if self._confirmed_since <= latest.number else self._confirmed_at

    def note(self, outcome: Outcome, check: int, *, leased: bool) -> None:
        """Note the outcome of check number `check`, which is in flight; `leased`: its lease holds for this model."""
        self.refused = outcome is Outcome.FAILED
        if outcome is not Outcome.CONFIRMED:
            self._confirmed_at = self.confirmed_at()
            self._confirmed_since = self._leased_since = _NEVER
            return
        self._confirmed_since = min(self._confirmed_since, check)
        self._leased_since = min(self._leased_since, check) if leased else _NEVER
