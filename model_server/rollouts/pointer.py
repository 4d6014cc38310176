"""The pointer of one model to its current version, and the leases on it.

It decides when a lease may be granted and when all of them are over. The pointer never goes back to a lower sequence.
The caller passes the time and does the locking (`model_server/rollouts/model_state.py`).
"""

from dataclasses import dataclass, field, replace

from changeover.protocol.lease import Granted
from changeover.protocol.wire import Current
from changeover.sealed.envelope import Envelope
from model_server.rollouts.freshness import Pointer


@dataclass
class LeasedPointer:
    """The pointer of one model and its leases. No lease is granted before `granting_from`."""

    pointer: Pointer = field(default_factory=Pointer)
    granted: Granted = field(default_factory=Granted)
    granting_from: float = float("-inf")

    def succeed(self, current: Current, lease_s: float, now: float, seal: Envelope | None = None) -> None:
        """Take over from a previous run: its leases may be out, `lease_s` long; no lease is granted until they end."""
        self.granted = Granted().grant(lease_s, now)
        self.granting_from = self.granted.latest_expiry
        self.adopt(current, seal)

    def grant(self, lease_ms: int, now: float) -> tuple[Pointer, int]:
        """The pointer for the response to a check, and the lease granted with it, in milliseconds."""
        if lease_ms == 0 or not self.grants(now):
            return self.pointer, 0
        self.granted = self.granted.grant(lease_ms / 1000, now)
        return self.pointer, lease_ms

    def grants(self, now: float) -> bool:
        """Whether a lease may be granted at `now`."""
        return self.pointer.current is not None and now >= self.granting_from

    def stop_granting(self, shared: Granted | None = None) -> None:
        """Grant no lease from now on; `shared` are the leases on the set of all models, which count until now."""
        if shared is not None and self.granting_from != float("inf"):
            self.granted = self.granted.joined(shared)
        self.granting_from = float("inf")

    def grant_again(self) -> None:
        """Grant leases again."""
        self.granting_from = float("-inf")

    def follow(self, current: Current, now: float, seal: Envelope | None = None) -> bool:
        """Stop granting, and adopt `current`, of another process, once all leases are over; True if it did.

        The caller repeats this until it does.
        """
        self.stop_granting()
        if not self.granted.over(now):
            return False
        self.adopt(current, seal)
        self.grant_again()
        return True

    def adopt(self, current: Current, seal: Envelope | None = None) -> bool:
        """Point to `current`, whose ledger entry has this seal; False if the pointer has this sequence or a higher one already."""
        before = self.pointer.current
        if before is not None and before.sequence >= current.sequence:
            return False
        self.pointer = replace(self.pointer, current=current, seal=seal)
        return True

    def announce(self, version: str | None, rehearsal: str | None = None, watch: str | None = None) -> None:
        """Set the `Next-Version` of the responses to checks, the id of its rehearsal and of its watch; None removes it."""
        self.pointer = replace(self.pointer, next_version=version, rehearsal=rehearsal, watch=watch)
