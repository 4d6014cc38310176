"""The event loop of a worker: granian's callbacks run in granian's own thread, and wake no other.

granian calls `call_soon_threadsafe` in its thread for each request, and once more when the body is there. asyncio's loop
would hand both to the main thread, which costs about as much as a prediction of one row. Here `receive` gets the request
in granian's thread, and the callbacks of its futures run there too. granian's coroutine for the request is not run.
"""

import asyncio
import contextvars
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, Final, Protocol

from granian import loops

from changeover.process.termination import FirstCall
from predict_api.edge.connection import ClosingConnection, Connection
from predict_api.edge.environ import Scope

NAME: Final = "auto"  # granian's default: it knows its own names only
_ARGUMENTS_OF_A_REQUEST: Final = 2  # its coroutine, and granian's object with what that would be given


class Receiver(Protocol):
    """What receives the requests of a worker."""

    def receive(self, scope: Scope, connection: Connection) -> None:
        """Begin to answer a request, without waiting for anything."""


class GranianThreadLoop(asyncio.SelectorEventLoop):
    """The loop of the main thread, which has the signals; see above for the requests."""

    def __init__(self) -> None:
        super().__init__()
        self._main = threading.get_ident()
        self.receiver: Receiver | None = None
        self._first_signal = FirstCall()

    def add_signal_handler(self, sig: int, callback: Callable[..., object], *args: Any) -> None:  # type: ignore[override]
        """Set granian's handler for a signal that ends the worker: of all signals, it gets the first."""
        super().add_signal_handler(sig, self._first_signal.of(callback), *args)

    def call_soon_threadsafe(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.Handle | None:
        """Run a callback of granian, which has a context, in this thread; hand any other to the main thread."""
        if context is None or threading.get_ident() == self._main:
            return super().call_soon_threadsafe(callback, *args, context=context)
        if self.receiver is not None and len(args) == _ARGUMENTS_OF_A_REQUEST:
            coroutine, request = args
            coroutine.close()
            self.receiver.receive(request.scope, request.proto)
        else:
            callback(*args)
        return None

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        """Hand a callback to the main thread: a future of granian that is cancelled has to return from that first."""
        if threading.get_ident() == self._main:
            return super().call_soon(callback, *args, context=context)
        return super().call_soon_threadsafe(callback, *args, context=context)


class GenerationLoop:
    """The loop as one generation of the listener has it: once that is retired, each response ends its connection."""

    def __init__(self, loop: GranianThreadLoop) -> None:
        self._loop = loop
        self._retired = False

    def retire(self) -> None:
        """Have each further response end its connection."""
        self._retired = True

    def __getattr__(self, name: str) -> Any:  # the other methods of the loop
        return getattr(self._loop, name)

    def call_soon_threadsafe(
        self, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.Handle | None:
        """Run a callback of granian, as the loop does."""
        if self._retired and len(args) == _ARGUMENTS_OF_A_REQUEST:
            coroutine, request = args
            args = (coroutine, SimpleNamespace(scope=request.scope, proto=ClosingConnection(request.proto)))
        return self._loop.call_soon_threadsafe(callback, *args, context=context)


@loops.register(NAME)
def build() -> asyncio.AbstractEventLoop:
    """The loop of a worker: granian builds it in the main thread, before it loads the application."""
    loop = GranianThreadLoop()
    asyncio.set_event_loop(loop)
    return loop
