"""The reading of bodies, without a thread: within MAX_BODY_BYTES, and within BODY_SECONDS.

granian reads the body, and makes a call when it is there. A body that is not there in time is given up, and granian closes
its connection.
"""

import asyncio
import itertools
from collections.abc import Callable
from typing import Any, Final, Protocol, cast
from wsgiref.types import WSGIEnvironment

from changeover.exceptions import ChangeoverError
from predict_api.edge.connection import CONTEXT, Connection, Future
from predict_api.exceptions import BodyCutOff, BodyTooSlow

_DROPPED: Final = 4  # times MAX_BODY_BYTES of a larger body are read and dropped


class Reader(Protocol):
    """What a body is read for."""

    def go_on(self, body: bytes) -> None:
        """Take the body; past MAX_BODY_BYTES a part of it that is longer than that."""

    def refuse(self, error: ChangeoverError, *, close: bool = False) -> None:
        """Take the error: BodyTooSlow or BodyCutOff."""


class Bodies:
    """The bodies that are being read in this worker."""

    def __init__(self, most_bytes: int, seconds: float, clock: Callable[[], float]) -> None:
        """`most_bytes` is MAX_BODY_BYTES, `seconds` BODY_SECONDS."""
        self._most, self._seconds, self._clock = most_bytes, seconds, clock
        self._numbers = itertools.count()
        self._read: dict[int, tuple[float, Future]] = {}  # the end of each

    def read(self, connection: Connection, environ: WSGIEnvironment, began: float, reader: Reader) -> None:
        """Read the body of a request whose head `began` then; `reader` gets it, or the error."""
        end = began + self._seconds
        length = environ.get("CONTENT_LENGTH")
        if "HTTP_TRANSFER_ENCODING" not in environ:
            if length is None or length == "0":
                reader.go_on(b"")
                return
            if int(length) <= self._most:
                self._within(connection(), end, reader, length, reader.go_on)
                return
        if environ.get("HTTP_EXPECT", "").lower() == "100-continue" and length is not None and int(length) > self._most:
            reader.go_on(b"")  # the caller waits for the answer before it sends anything
            return
        self._piece(_Pieces(aiter(connection), end, reader, length or "more"))

    def end_late(self) -> None:
        """Give up the bodies that have not come in time."""
        now = self._clock()
        late = [future for end, future in list(self._read.values()) if end <= now]
        for future in late:
            future.cancel()

    def _within(self, future: Future, end: float, reader: Reader, length: str, then: Callable[[bytes], object]) -> None:
        number = next(self._numbers)
        self._read[number] = end, future  # one operation of a dict needs no lock

        def done(future: Future) -> None:
            del self._read[number]
            late = cut_off = False
            body = b""
            try:
                body = future.result()
            except asyncio.CancelledError:
                late = True
            except RuntimeError:  # granian's error: the caller has closed the connection, or at least its half of it
                cut_off = True
            if late:  # not within `except`: granian closes a connection when nothing refers to its body
                reason = f"the body did not come within {self._seconds:g} s (BODY_SECONDS)"
                reader.refuse(BodyTooSlow(reason), close=True)
            elif cut_off:
                reader.refuse(BodyCutOff(f"the body announces {length} bytes, and ended before"))
            else:
                then(body)

        future.add_done_callback(done, context=CONTEXT)

    def _piece(self, pieces: "_Pieces") -> None:
        """Read the next piece. What follows the first bytes past the cap is read and dropped.

        A caller that still sends would see a reset connection instead of the answer.
        """

        def came(piece: bytes) -> None:
            pieces.size += len(piece)
            if pieces.size <= self._most:
                pieces.kept.append(piece)
            else:
                pieces.kept.clear()
            if piece and pieces.size <= _DROPPED * self._most:
                self._piece(pieces)
            else:
                pieces.reader.go_on(b"".join(pieces.kept) if pieces.size <= self._most else bytes(self._most + 1))

        try:
            future = cast("Future", anext(pieces.stream))
        except StopAsyncIteration:
            came(b"")
        else:
            self._within(future, pieces.end, pieces.reader, pieces.length, came)


class _Pieces:
    """A body that is read in pieces."""

    def __init__(self, stream: Any, end: float, reader: Reader, length: str) -> None:
        self.stream, self.end, self.reader, self.length = stream, end, reader, length
        self.kept: list[bytes] = []
        self.size = 0
