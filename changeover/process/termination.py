"""The handling of SIGTERM and SIGINT: a callback in a service, a flag in the loop of `changeover up`.

A WSGI server may replace signal handlers after our code is loaded, but it does not touch the wake-up descriptor of
`signal.set_wakeup_fd`. So a service listens to that descriptor, and the server itself finishes the requests in flight.
"""

import select
import signal
import socket
import threading
from collections.abc import Callable
from typing import Self

from changeover.process.parent_death import end_with_parent, outlives_parent


def on_termination(callback: Callable[[], None]) -> None:
    """Call `callback` once, in a thread of its own, when SIGTERM or SIGINT arrives. Call from the main thread."""
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)

    def watch() -> None:
        with reader, writer:
            while True:
                received = reader.recv(16)
                if not received or {signal.SIGTERM, signal.SIGINT} & set(received):
                    break
            callback()

    threading.Thread(target=watch, name="termination", daemon=True).start()


class FirstCall:
    """A handler of signals that obeys the first call alone.

    granian's own handler blocks at the third signal that comes before its threads have taken the first, and it holds
    Python's lock, so the worker never ends. And several come: Linux sends one for each thread of a parent that dies.
    """

    def __init__(self) -> None:
        self._called = False

    def of(self, handler: Callable[..., object]) -> Callable[..., None]:
        """`handler` for a signal; of all that come from here, one is called, once."""

        def handle(*arguments: object) -> None:
            if not self._called:
                self._called = True
                handler(*arguments)

        return handle


class Signals:
    """The signals of `up` as a context manager of the main thread: each wakes the loop, some request its end.

    SIGINT, SIGTERM, a closed terminal and the death of the parent request the end. A process that nohup started
    outlives its parent.
    """

    def __init__(self) -> None:
        self.end = False
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)

    def __enter__(self) -> Self:
        signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        signal.signal(signal.SIGINT, self._ask)
        signal.signal(signal.SIGTERM, self._ask)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            signal.signal(signal.SIGHUP, self._ask)
        if not outlives_parent():
            end_with_parent()
        return self

    def __exit__(self, *_: object) -> None:
        signal.set_wakeup_fd(-1)
        self._reader.close()
        self._writer.close()

    def _ask(self, _number: int, _frame: object) -> None:
        self.end = True

    def wait(self, seconds: float) -> None:
        """Return at the next signal, or after `seconds`."""
        if select.select([self._reader], [], [], seconds)[0]:
            self._reader.recv(4096)
