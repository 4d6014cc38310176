"""A socket with one deadline for all of its reads and writes together.

A socket timeout restarts with each read, so a peer that sends one byte a second never reaches it. The HTTP clients of
both services read and write by this socket: `predict_api/upstream/connection.py`, and `timed_pool.py` for urllib3.
"""

import io
import socket
from typing import Any

from changeover.process.clock import now


def seconds_until(deadline: float) -> float:
    """The time left until `deadline` (of `clock.now`); raises TimeoutError if it is over."""
    left = deadline - now()
    if left <= 0:
        raise TimeoutError("the deadline of the call is over")
    return left


class TimedSocket:
    """A connected socket, with or without TLS. A client that keeps the connection sets `deadline` for each call."""

    def __init__(self, connected: socket.socket, deadline: float) -> None:
        self._connected = connected
        self.deadline = deadline

    def __getattr__(self, name: str) -> Any:  # the other methods of a socket
        return getattr(self._connected, name)

    def settimeout(self, value: float | None) -> None:
        """Ignore the HTTP library's timeout for single reads; the deadline counts."""

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Send all or raise TimeoutError."""
        self._connected.settimeout(seconds_until(self.deadline))
        self._connected.sendall(data, flags)

    def makefile(self, mode: str) -> io.BufferedReader:
        """The file object that the HTTP library reads a response from."""
        return io.BufferedReader(_TimedReader(self._connected, self.deadline))


class _TimedReader(io.RawIOBase):
    """The reading side of a connection, with the deadline of its call."""

    def __init__(self, connected: socket.socket, deadline: float) -> None:
        self._connected = connected
        self._open = connected.makefile("rb", buffering=0)  # a socket closed before its last byte is read stays open
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._connected.settimeout(seconds_until(self._deadline))
        return self._connected.recv_into(buffer)

    def close(self) -> None:
        self._open.close()
        super().close()
