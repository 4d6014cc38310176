"""The limit of failed logins: an address may fail ten times within a minute."""

import threading
from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from math import ceil
from typing import Final

from changeover.process.clock import now

MOST: Final = 10
WINDOW_S: Final = 60.0
_MOST_ADDRESSES: Final = 10_000


class LoginLimit:
    """The failed logins of each address. Thread-safe."""

    def __init__(self, clock: Callable[[], float] = now) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failed: dict[str, tuple[int, float]] = {}  # the number, and the end of their minute

    def begin(self, address: str | None) -> int:
        """Count a login as failed, before it is checked. Returns 0, or the seconds to wait if there were too many."""
        key, time = group_of(address), self._clock()
        with self._lock:
            count, ends_at = self._failed.pop(key, (0, 0.0))
            if ends_at <= time:
                count, ends_at = 0, time + WINDOW_S
            while len(self._failed) >= _MOST_ADDRESSES:
                del self._failed[next(iter(self._failed))]
            self._failed[key] = (min(count + 1, MOST + 1), ends_at)
        return ceil(ends_at - time) if count >= MOST else 0

    def succeeded(self, address: str | None) -> None:
        """Forget the failed logins of an address."""
        with self._lock:
            self._failed.pop(group_of(address), None)


@lru_cache(maxsize=4096)
def group_of(address: str | None) -> str:
    """The address, or its /64 network in IPv6, of which one machine has all addresses."""
    try:
        parsed = ip_address(address or "")
    except ValueError:
        return address or ""
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is None:
        return str(ip_network((parsed, 64), strict=False))
    return str(parsed)
