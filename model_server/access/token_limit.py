"""The limit of calls with invalid bearer tokens, by address and by the name of a token that has ended.

An address may try ten different invalid tokens within a minute. After that its calls are refused unchecked until the
minute is over, but those with tokens that it has used with success: a program that guesses, or has an old token, stops
no other program behind the same address. The same invalid token again counts once. A token that has ended names its
owner: after ten calls within a minute, from whatever addresses, it gets the refusal with the wait.
"""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from math import ceil
from typing import Final, TypeVar

from changeover.process.clock import now
from model_server.access.login_limit import MOST, WINDOW_S, group_of

_MOST_KEYS: Final = 10_000  # addresses, names, and pairs of address and token: the oldest make room
Key = tuple[str, bytes]
K = TypeVar("K")
V = TypeVar("V")


class TokenLimit:
    """The invalid tokens of each address and name in the last minute. Thread-safe."""

    def __init__(self, clock: Callable[[], float] = now) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failed: OrderedDict[str, tuple[set[bytes], float]] = OrderedDict()  # the end of their minute
        self._ended: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._good: OrderedDict[Key, None] = OrderedDict()

    def wait_s(self, address: str | None, token: str) -> int:
        """The seconds until a call with this token is checked, 0 for now."""
        key = _key(address, token)
        with self._lock:
            tried, ends_at = self._failed.get(key[0], (set(), 0.0))
            time = self._clock()
            if len(tried) < MOST or ends_at <= time or key in self._good or key[1] in tried:
                return 0
            return ceil(ends_at - time)

    def succeeded(self, address: str | None, token: str) -> None:
        """Record that the token was valid."""
        key = _key(address, token)
        with self._lock:
            _put(self._good, key, None)

    def failed(self, address: str | None, token: str) -> None:
        """Record that the token was invalid."""
        group, digest = _key(address, token)
        time = self._clock()
        with self._lock:
            self._good.pop((group, digest), None)
            tried, ends_at = self._failed.get(group, (set(), 0.0))
            if ends_at <= time:
                tried, ends_at = set(), time + WINDOW_S
            if len(tried) < MOST:
                tried.add(digest)
            _put(self._failed, group, (tried, ends_at))

    def ended(self, name: str) -> int:
        """Record a call with a token of this name that has ended; the seconds to wait if there were too many, else 0."""
        time = self._clock()
        with self._lock:
            count, ends_at = self._ended.get(name, (0, 0.0))
            if ends_at <= time:
                count, ends_at = 0, time + WINDOW_S
            _put(self._ended, name, (min(count + 1, MOST + 1), ends_at))
        return ceil(ends_at - time) if count >= MOST else 0


def _put(entries: "OrderedDict[K, V]", key: K, value: V) -> None:
    """Add the newest entry, and remove the oldest ones above the limit."""
    entries[key] = value
    entries.move_to_end(key)
    while len(entries) > _MOST_KEYS:
        entries.popitem(last=False)


def _key(address: str | None, token: str) -> Key:
    """The group of the address, and a short digest of the token."""
    return group_of(address), hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()[:16]
