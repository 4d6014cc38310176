"""The lease: the time for which a replica may trust the last freshness check.

The safety argument is one inequality over two processes and their clocks, so both halves are in this file: the lease of
a replica (`Held`) ends before the lease in model_server (`Granted`) plus its margin. The replica counts from before it
sent the check, model_server from its response, which is later. The margin covers the drift between the two clocks.
`docs/protocol.md` has the whole argument.

Time is passed in, as seconds on a monotonic clock.
"""

from dataclasses import dataclass
from typing import Final

MARGIN: Final = 0.01  # of a lease: the largest drift between two clocks


@dataclass(frozen=True)
class Granted:
    """The leases that model_server has granted of one model, as one number: the latest end."""

    latest_expiry: float = float("-inf")

    def grant(self, lease_s: float, now: float) -> "Granted":
        """The granted leases after one more lease of `lease_s` seconds at `now`."""
        return Granted(max(self.latest_expiry, now + lease_s * (1 + MARGIN)))

    def joined(self, other: "Granted") -> "Granted":
        """The leases of both."""
        return Granted(max(self.latest_expiry, other.latest_expiry))

    def over(self, now: float) -> bool:
        """Whether every granted lease has expired, on every clock within the margin."""
        return now >= self.latest_expiry


@dataclass(frozen=True)
class Held:
    """The lease of a replica: it may answer without a freshness check while `now` is before `until`."""

    until: float = float("-inf")

    @classmethod
    def since(cls, sent_at: float, lease_s: float) -> "Held":
        """The lease from the response to a check that was sent at `sent_at`; it counts from before the send."""
        return cls(sent_at + lease_s) if lease_s > 0 else cls()

    def holds(self, now: float) -> bool:
        """Whether the lease is still valid."""
        return now < self.until

    def renew_at(self, sent_at: float) -> float:
        """The time of the next check: after a third of the lease, so that a lost check can be repeated in time."""
        return sent_at + (self.until - sent_at) / 3 if self.until > sent_at else float("inf")
