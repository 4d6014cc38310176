"""The event loop of a worker: granian's callbacks run in granian's own thread, and wake no other.

granian calls `call_soon_threadsafe` in its thread for each request, and once more when the body is there. asyncio's loop
would hand both to the main thread, which costs about as much as a prediction of one row. Here the coroutine of a request
makes its steps in granian's thread. It must not use asyncio; futures of granian are all that it awaits.
"""

import asyncio
import contextvars
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Final, Protocol

from granian import loops

NAME: Final = "auto"  # granian's default: it knows its own names only
_CONTEXT: Final = contextvars.copy_context()


class GranianFuture(Protocol):
    """What a coroutine awaits here: the interface of granian's futures."""

    _asyncio_future_blocking: bool

    def cancelled(self) -> bool:
        """Whether it was cancelled."""

    def add_done_callback(self, callback: Callable[[Any], object], *, context: contextvars.Context) -> None:
        """Call `callback` when the future is done, in granian's thread."""


class _Steps:
    """The coroutine of one request, which makes a step when a future of granian is done."""

    __slots__ = ("_coroutine",)

    def __init__(self, coroutine: Coroutine[GranianFuture, None, None]) -> None:
        self._coroutine = coroutine
        self._await(coroutine.send(None))

    def step(self, done: GranianFuture) -> None:
        """Run the coroutine until it awaits the next future, or ends."""
        try:
            if done.cancelled():
                self._await(self._coroutine.throw(asyncio.CancelledError()))
            else:
                self._await(self._coroutine.send(None))
        except StopIteration:
            return

    def _await(self, future: GranianFuture) -> None:
        future._asyncio_future_blocking = False  # noqa: SLF001 as asyncio's tasks do with each future
        future.add_done_callback(self.step, context=_CONTEXT)


class GranianThreadLoop(asyncio.SelectorEventLoop):
    """The loop of the main thread, which has the signals; see above for the requests."""

    def __init__(self) -> None:
        super().__init__()
        self._main = threading.get_ident()

    def call_soon_threadsafe(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.Handle | None:
        """Run a callback of granian, which has a context, in this thread; hand any other to the main thread."""
        if context is None or threading.get_ident() == self._main:
            return super().call_soon_threadsafe(callback, *args, context=context)
        callback(*args)
        return None

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        """Hand a callback to the main thread: a future of granian that is cancelled has to return from that first."""
        if threading.get_ident() == self._main:
            return super().call_soon(callback, *args, context=context)
        return super().call_soon_threadsafe(callback, *args, context=context)

    def create_task(self, coro: Any, **options: Any) -> Any:
        """A task of asyncio in the main thread; the steps of a request in granian's."""
        if threading.get_ident() == self._main:
            return super().create_task(coro, **options)
        try:
            return _Steps(coro)
        except StopIteration:  # it was answered immediately
            return None


@loops.register(NAME)
def build() -> asyncio.AbstractEventLoop:
    """The loop of a worker: granian builds it in the main thread, before it loads the application."""
    loop = GranianThreadLoop()
    asyncio.set_event_loop(loop)
    return loop
