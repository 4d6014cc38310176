"""What model_server says is current of one model, and the leases on it that are out.

Carries steps 2 and 3 of "The changeover", and the first moments after a restart: when a lease may be granted, when all
of them are over, and that what is said never goes back. Pure: the caller brings the time and keeps calls apart.
"""

from dataclasses import dataclass, field

from changeover.protocol.lease import Granted
from changeover.protocol.wire import Current
from model_server.rollouts.freshness import Pointer


@dataclass
class Standing:
    """What checks of one model are answered by. `granting_from` is when leases may be granted (again)."""

    pointer: Pointer = field(default_factory=Pointer)
    granted: Granted = field(default_factory=Granted)
    granting_from: float = float("-inf")

    def succeed(self, current: Current, lease_s: float, now: float) -> None:
        """Take over from a former life: its leases may be out, `lease_s` long; until they are over none is granted."""
        self.granted = Granted().grant(lease_s, now)
        self.granting_from = self.granted.latest_expiry
        self.adopt(current)

    def grant(self, lease_ms: int, now: float) -> tuple[Pointer, int]:
        """What a check is answered by, and the lease that comes with it, in milliseconds; both in one step."""
        if lease_ms == 0 or self.pointer.current is None or now < self.granting_from:
            return self.pointer, 0
        self.granted = self.granted.grant(lease_ms / 1000, now)
        return self.pointer, lease_ms

    def stop_granting(self) -> None:
        """Grant no lease from now on."""
        self.granting_from = float("inf")

    def grant_again(self) -> None:
        """Grant leases again."""
        self.granting_from = float("-inf")

    def follow(self, current: Current, now: float) -> bool:
        """Grant no lease from now on, and answer by `current`, which another wrote, once all are over; says whether.

        Called again and again until it does.
        """
        self.stop_granting()
        if not self.granted.over(now):
            return False
        self.adopt(current)
        self.grant_again()
        return True

    def adopt(self, current: Current) -> bool:
        """Answer by `current` from now on, unless by a newer one already; says whether it does."""
        held = self.pointer.current
        if held is not None and held.sequence >= current.sequence:
            return False
        self.pointer = Pointer(current, self.pointer.next_version)
        return True

    def announce(self, version: str | None) -> None:
        """Let checks carry `Next-Version`, or no longer."""
        self.pointer = Pointer(self.pointer.current, version)
