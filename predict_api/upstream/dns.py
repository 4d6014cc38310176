"""Name resolution of model_server's host, with a deadline.

The system's resolver may block for 5 to 10 s, as during a restart of a container, and cannot be cancelled. So each
resolution runs in a thread, at most MOST_PENDING at a time. Meanwhile connections use the last resolved address.
"""

import socket
import threading
from concurrent.futures import Future
from typing import Any, Final

from changeover.process.clock import now
from changeover.tls.calls import CallContexts
from predict_api.exceptions import CallFailed

Address = tuple[int, Any]  # family and socket address

MOST_PENDING: Final = 3
REPLACE_AFTER: Final = 5.0  # seconds after which a new call does not wait for a resolution that still runs


class Lookup:
    """The addresses of one service, shared by all connections of a process to it; `tls` has their contexts, if any."""

    def __init__(self, host: str, port: int, tls: CallContexts | None = None) -> None:
        self.tls = tls
        self._host, self._port = host, port
        self._lock = threading.Lock()
        self._pending: list[tuple[float, Future[list[Address]]]] = []  # each with its start
        self._last_good: list[Address] = []
        try:
            self._fixed = self._resolve(socket.AI_NUMERICHOST)
        except socket.gaierror:
            self._fixed = []  # the host is a name, not an IP address

    def addresses(self, deadline: float) -> list[Address]:
        """The addresses, best first; raises CallFailed if none is known before `deadline` (of `clock.now`).

        If an earlier address is known, a new resolution may take at most half of the remaining time.
        """
        if self._fixed:
            return self._fixed
        pending = self._start()
        left = max(0.0, deadline - now())
        reason = f"the lookup of {self._host} did not end in time"
        if pending is not None:
            try:
                return pending.result(left / 2 if self._last_good else left)
            except TimeoutError:
                pass
            except OSError as error:
                reason = f"{self._host} has no address: {error}"
        if self._last_good:
            return self._last_good
        raise CallFailed("name", reason)

    def _start(self) -> Future[list[Address]] | None:
        """A resolution that started less than REPLACE_AFTER ago, or a new one; None if too many are pending."""
        with self._lock:
            self._pending = [(started, pending) for started, pending in self._pending if not pending.done()]
            if self._pending and now() - self._pending[-1][0] < REPLACE_AFTER:
                return self._pending[-1][1]
            if len(self._pending) >= MOST_PENDING:
                return None
            pending: Future[list[Address]] = Future()
            self._pending.append((now(), pending))
        threading.Thread(target=self._run, args=(pending,), name="lookup", daemon=True).start()
        return pending

    def _run(self, pending: Future[list[Address]]) -> None:
        try:
            self._last_good = self._resolve()
        except OSError as error:
            pending.set_exception(error)
        else:
            pending.set_result(self._last_good)

    def _resolve(self, flags: int = 0) -> list[Address]:
        entries = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM, flags=flags)
        return [(family, address) for family, _, _, _, address in entries]
