"""The objects that granian gives with a request: its connection, and futures, as `granian.rsgi` has them."""

import contextvars
from collections.abc import AsyncIterator, Callable
from typing import Any, Final, Protocol

CONTEXT: Final = contextvars.copy_context()  # of all callbacks: granian's futures ask for one


class Future(Protocol):
    """A future of granian."""

    def result(self) -> Any:
        """What it was for; raises CancelledError, or RuntimeError if the caller has closed the connection."""

    def cancel(self) -> bool:
        """Give up: the callback is called in the main thread."""

    def add_done_callback(self, callback: Callable[[Any], object], *, context: contextvars.Context) -> None:
        """Call `callback` when the future is done, in granian's thread."""

    def remove_done_callback(self, callback: Callable[[Any], object]) -> int:
        """Call nothing."""


class Connection(Protocol):
    """The side of a request that granian has: `granian.rsgi.HTTPProtocol`."""

    def __call__(self) -> Future:
        """The whole body."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """The body in pieces: futures of bytes."""

    def client_disconnect(self) -> Future:
        """A future that is done when the caller closes the connection."""

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        """Send the response."""


class ClosingConnection:
    """A connection that the response ends: that of a listener whose certificates have been replaced."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __call__(self) -> Future:
        """The whole body."""
        return self._connection()

    def __aiter__(self) -> AsyncIterator[bytes]:
        """The body in pieces: futures of bytes."""
        return self._connection.__aiter__()

    def client_disconnect(self) -> Future:
        """A future that is done when the caller closes the connection."""
        return self._connection.client_disconnect()

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        """Send the response, the last one on this connection."""
        self._connection.response_bytes(status, [*headers, ("Connection", "close")], body)
