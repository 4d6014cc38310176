"""Name resolution of model_server's host, with a deadline.

The system's resolver may block for 5 to 10 s, as during a restart of a container, and cannot be cancelled. So each
resolution runs in a thread, at most MOST_PENDING at a time. Meanwhile connections use the last resolved address.
"""

import socket
import threading
from collections.abc import Iterable
from typing import Final

from changeover.process.clock import now
from predict_api.exceptions import CallFailed

Address = tuple[int, tuple[str | int, ...]]  # family and socket address
_Found = tuple[int, int, int, str, tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]]

MOST_PENDING: Final = 3
REPLACE_AFTER: Final = 5.0  # seconds after which a new call does not wait for a resolution that still runs


class _Pending:
    """One resolution in its thread."""

    def __init__(self) -> None:
        self.started = now()
        self.ended = threading.Event()
        self.found: list[Address] = []
        self.fault = ""


class Lookup:
    """The addresses of one service, shared by all connections of a process to it."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._lock = threading.Lock()
        self._pending: list[_Pending] = []
        self._last_good: list[Address] = []
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
        except socket.gaierror:
            self._fixed: list[Address] = []  # the host is a name, not an IP address
        else:
            self._fixed = _addresses(found)

    def addresses(self, deadline: float) -> list[Address]:
        """The addresses, best first; raises CallFailed if none is known before `deadline` (of `clock.now`).

        If an earlier address is known, a new resolution may take at most half of the remaining time.
        """
        if self._fixed:
            return self._fixed
        pending = self._ask()
        left = deadline - now()
        if pending is not None:
            pending.ended.wait(max(0.0, left / 2 if self._last_good else left))
            if pending.found:
                return pending.found
        if self._last_good:
            return self._last_good
        if pending is not None and pending.fault:
            raise CallFailed("name", f"{self._host} has no address: {pending.fault}")
        raise CallFailed("name", f"the lookup of {self._host} did not end in time")

    def _ask(self) -> _Pending | None:
        """A resolution that started less than REPLACE_AFTER ago, or a new one; None if too many are pending."""
        with self._lock:
            self._pending = [pending for pending in self._pending if not pending.ended.is_set()]
            if self._pending and now() - self._pending[-1].started < REPLACE_AFTER:
                return self._pending[-1]
            if len(self._pending) >= MOST_PENDING:
                return None
            pending = _Pending()
            self._pending.append(pending)
        threading.Thread(target=self._run, args=(pending,), name="lookup", daemon=True).start()
        return pending

    def _run(self, pending: _Pending) -> None:
        try:
            pending.found = _addresses(socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM))
            self._last_good = pending.found or self._last_good
        except OSError as error:
            pending.fault = str(error)
        finally:
            pending.ended.set()


def _addresses(found: Iterable[_Found]) -> list[Address]:
    return [(family, address) for family, _, _, _, address in found if not isinstance(address[1], bytes)]
