"""The reading of bodies, without a thread: within MAX_BODY_BYTES, and within BODY_SECONDS.

granian reads the body, and wakes the coroutine of the request when it is there. A body that is not there in time is given
up, and granian closes its connection.
"""

import asyncio
import itertools
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol, cast
from wsgiref.types import WSGIEnvironment

from predict_api.exceptions import BodyTooSlow


class Future(Awaitable[bytes], Protocol):
    """A future of granian."""

    def cancel(self) -> bool:
        """Give up; the coroutine that awaits it gets CancelledError."""


class Connection(Protocol):
    """The side of a request that granian has: `granian.rsgi.HTTPProtocol`."""

    def __call__(self) -> Future:
        """The whole body."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """The body in pieces."""

    def client_disconnect(self) -> Future:
        """A future that is done when the caller closes the connection."""

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        """Send the response."""


class Bodies:
    """The bodies that are being read in this worker. Thread-safe."""

    def __init__(self, most_bytes: int, seconds: float, clock: Callable[[], float]) -> None:
        """`most_bytes` is MAX_BODY_BYTES, `seconds` BODY_SECONDS."""
        self._most, self._seconds, self._clock = most_bytes, seconds, clock
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self._read: dict[int, tuple[float, Future]] = {}  # the end of each

    async def read(self, connection: Connection, environ: WSGIEnvironment, began: float) -> bytes:
        """The body of a request whose head `began` then, and past MAX_BODY_BYTES a part of it that is longer than that.

        Raises BodyTooSlow, or granian's error if the caller closes the connection.
        """
        length = environ.get("CONTENT_LENGTH")
        if "HTTP_TRANSFER_ENCODING" not in environ:
            if length in (None, "0"):
                return b""
            if int(length) <= self._most:
                return await self._within(connection(), began + self._seconds)
        if environ.get("HTTP_EXPECT", "").lower() == "100-continue" and length is not None and int(length) > self._most:
            return b""  # the caller waits for the answer before it sends anything
        return await self._pieces(connection, began + self._seconds)

    def end_late(self) -> None:
        """Give up the bodies that have not come in time."""
        with self._lock:
            now = self._clock()
            late = [future for end, future in self._read.values() if end <= now]
        for future in late:
            future.cancel()

    async def _within(self, future: Future, end: float) -> bytes:
        with self._lock:
            number = next(self._numbers)
            self._read[number] = end, future
        try:
            return await future
        except asyncio.CancelledError:
            pass
        finally:
            with self._lock:
                del self._read[number]
        # not within `except`: granian closes a connection when nothing refers to its body, and a context would
        raise BodyTooSlow(f"the body did not come within {self._seconds:g} s after its head (BODY_SECONDS)")

    async def _pieces(self, connection: Connection, end: float) -> bytes:
        """The body, or its first bytes past the cap. What follows is read and dropped.

        A caller that still sends would see a reset connection instead of the answer.
        """
        pieces: list[bytes] = []
        size = 0
        stream = aiter(connection)
        while size <= 4 * self._most:
            try:
                piece = await self._within(cast("Future", anext(stream)), end)
            except StopAsyncIteration:
                break
            if not piece:
                break
            size += len(piece)
            if size <= self._most:
                pieces.append(piece)
            elif pieces:
                pieces = []
        return b"".join(pieces) if size <= self._most else bytes(self._most + 1)
