"""HTTP with urllib3 and requests, where one deadline covers a whole call: connect, send, wait, and every byte.

`within` sets the deadline of a call, and its connection checks it before each read and write. Only name resolution is
not covered: no library can interrupt it.
"""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final, cast

import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.response import BaseHTTPResponse

from changeover.process.timed_socket import TimedSocket, seconds_until

_DEADLINE: ContextVar[float] = ContextVar("deadline")


@contextmanager
def within(deadline: float) -> Iterator[None]:
    """Calls begun in this block end, or raise, by `deadline` (on `changeover.process.clock.now`), body included."""
    token = _DEADLINE.set(deadline)
    try:
        yield
    finally:
        _DEADLINE.reset(token)


class _Connection(HTTPConnection):
    def connect(self) -> None:
        super().connect()
        self.sock = cast("Any", TimedSocket(self.sock, _DEADLINE.get()))

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> None:
        if isinstance(self.sock, TimedSocket):
            self.sock.deadline = _DEADLINE.get()
        super().request(method, url, *args, **kwargs)


class _TLSConnection(_Connection, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls = _TLSConnection


_POOLS: Final[Any] = {"http": _Pool, "https": _TLSPool}


class TimedPool(urllib3.PoolManager):
    """A pool of `size` connections a host; a thread waits for a free one until its deadline.

    It never retries and follows no redirect: only the caller knows if a request may be repeated.
    """

    def __init__(self, size: int, connect_timeout: float, context: ssl.SSLContext | None = None) -> None:
        """`context` is that of HTTPS; without one, the authorities of the system are trusted."""
        trusted = {} if context is None else {"ssl_context": context}
        super().__init__(maxsize=size, block=True, retries=False, **trusted)  # type: ignore[arg-type]
        self.pool_classes_by_scheme = _POOLS
        self._connect_timeout = connect_timeout

    def urlopen(  # type: ignore[override]  # as in urllib3, where PoolManager's differs from its base
        self, method: str, url: str, redirect: bool = False, **kwargs: Any
    ) -> BaseHTTPResponse:
        """Send one request, called inside `within`. Raises TimeoutError or an urllib3 HTTPError."""
        left = seconds_until(_DEADLINE.get())
        kwargs["retries"] = False
        kwargs["pool_timeout"] = left
        kwargs["timeout"] = urllib3.Timeout(connect=min(self._connect_timeout, left), read=left)
        return super().urlopen(method, url, redirect=False, **kwargs)


def give_back(response: BaseHTTPResponse) -> None:
    """Close a connection with unread bytes, keep another for reuse; both free their slot in the pool."""
    response.close()
    response.release_conn()


class TimedAdapter(HTTPAdapter):
    """The transport of a requests session, called inside `within`; redirects and proxies are those of requests."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Create the pool of direct connections."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: Any, **kwargs: Any) -> Any:
        """Return the pool of connections by `proxy`."""
        manager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = _POOLS
        return manager
