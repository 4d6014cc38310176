"""The lease: the time for which a replica may trust the last freshness check.

Carries "Every request checks" of the design. The safety argument is one inequality over two processes and their clocks,
so both halves stand here: what a replica *holds* ends before what model_server *granted* plus its margin. The replica
counts from before it sent the check, the server from when it answered, which is later; and the two clocks may run apart
by the margin, so that a lease measured by the slower one is over when the faster one says so.

Pure: time is a number of seconds on a clock that never steps.
"""

from dataclasses import dataclass
from typing import Final

MARGIN: Final = 0.01  # of a lease: by how much two clocks may run apart


@dataclass(frozen=True)
class Granted:
    """What model_server granted of one model: one number, the latest moment at which a lease that is out may end."""

    latest_expiry: float = float("-inf")

    def grant(self, lease_s: float, now: float) -> "Granted":
        """What is out once a lease of `lease_s` seconds was answered at `now`."""
        return Granted(max(self.latest_expiry, now + lease_s * (1 + MARGIN)))

    def over(self, now: float) -> bool:
        """Whether every lease that was granted has run out, on every clock that keeps within the margin."""
        return now >= self.latest_expiry


@dataclass(frozen=True)
class Held:
    """What a replica was granted: it may answer without asking while `now` is before `until`."""

    until: float = float("-inf")

    @classmethod
    def since(cls, sent_at: float, lease_s: float) -> "Held":
        """A lease that came with the answer to a check that was sent at `sent_at`: it counts from before the send."""
        return cls(sent_at + lease_s) if lease_s > 0 else cls()

    def holds(self, now: float) -> bool:
        """Whether what was heard is still to be trusted."""
        return now < self.until

    def renew_at(self, sent_at: float) -> float:
        """When the next check is due, so that a lost one can be repeated before the lease is over: after a third."""
        return sent_at + (self.until - sent_at) / 3 if self.until > sent_at else float("inf")
