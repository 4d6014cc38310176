"""One deadline for a whole call of the store: connect, send, wait, and every byte of the response.

A socket timeout restarts with each read, so a store that sends one byte a second never reaches it. Here `within` sets
the deadline of a call, and the connection checks it before each read and write. Only name resolution is not covered: no
library can interrupt it.
"""

import io
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, cast

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.response import BaseHTTPResponse

from changeover.process import clock

_DEADLINE: ContextVar[float] = ContextVar("deadline")


@contextmanager
def within(deadline: float) -> Iterator[None]:
    """Requests begun in this block end, or raise, by `deadline` (on `changeover.process.clock.now`), body included."""
    token = _DEADLINE.set(deadline)
    try:
        yield
    finally:
        _DEADLINE.reset(token)


def _left(deadline: float) -> float:
    left = deadline - clock.now()
    if left <= 0:
        raise TimeoutError("the deadline of the call is over")
    return left


class _TimedSocket:
    """A connected socket that has `deadline` for all of its reads and writes together."""

    def __init__(self, wrapped: socket.socket, deadline: float) -> None:
        self._wrapped = wrapped
        self.deadline = deadline

    def __getattr__(self, name: str) -> Any:  # the other methods of a socket
        return getattr(self._wrapped, name)

    def settimeout(self, value: float | None) -> None:
        """Ignore the HTTP library's timeout for single reads; the deadline counts."""

    def sendall(self, data: bytes, flags: int = 0) -> None:
        """Send all or raise TimeoutError."""
        self._wrapped.settimeout(_left(self.deadline))
        self._wrapped.sendall(data, flags)

    def makefile(self, mode: str) -> io.BufferedReader:
        """The file object that the HTTP library reads a response from."""
        return io.BufferedReader(_TimedReader(self._wrapped, self.deadline))


class _TimedReader(io.RawIOBase):
    """The reading side of a connection, with the deadline of its request."""

    def __init__(self, wrapped: socket.socket, deadline: float) -> None:
        self._wrapped = wrapped
        self._raw = wrapped.makefile("rb", buffering=0)
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._wrapped.settimeout(_left(self._deadline))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Connection(HTTPConnection):
    """A connection without TLS that enforces deadlines."""

    _deadline = 0.0

    def connect(self) -> None:
        super().connect()
        self.sock = cast("socket.socket", _TimedSocket(self.sock, self._deadline))

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> None:
        self._deadline = _note(self.sock)
        super().request(method, url, *args, **kwargs)


class _TLSConnection(HTTPSConnection):
    """A connection with TLS that enforces deadlines; urllib3 connects it before it sends."""

    def connect(self) -> None:
        super().connect()
        self.sock = cast("socket.socket", _TimedSocket(self.sock, _DEADLINE.get()))

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> None:
        _note(self.sock)
        super().request(method, url, *args, **kwargs)


def _note(sock: object) -> float:
    deadline = _DEADLINE.get()
    if isinstance(sock, _TimedSocket):
        sock.deadline = deadline
    return deadline


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls = _TLSConnection


class TimedPool(urllib3.PoolManager):
    """A pool of `size` connections a host; a thread waits for a free one until its deadline.

    It never retries and follows no redirect: only the caller knows if a request may be repeated.
    """

    def __init__(self, size: int, connect_timeout: float) -> None:
        super().__init__(maxsize=size, block=True, retries=False)
        self.pool_classes_by_scheme = {"http": _Pool, "https": _TLSPool}
        self._connect_timeout = connect_timeout

    def urlopen(  # type: ignore[override]  # as in urllib3, where PoolManager's differs from its base
        self, method: str, url: str, redirect: bool = False, **kwargs: Any
    ) -> BaseHTTPResponse:
        """Send one request, called inside `within`. Raises TimeoutError or an urllib3 HTTPError."""
        left = _left(_DEADLINE.get())
        kwargs["retries"] = False
        kwargs["pool_timeout"] = left
        kwargs["timeout"] = urllib3.Timeout(connect=min(self._connect_timeout, left), read=left)
        return super().urlopen(method, url, redirect=False, **kwargs)


def give_back(response: BaseHTTPResponse) -> None:
    """Close a connection with unread bytes, keep another for reuse; both free their slot in the pool."""
    response.close()
    response.release_conn()
