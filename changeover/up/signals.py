"""How `up` hears that it should end: SIGINT, SIGTERM, a closed terminal, the death of its parent.

A process started by nohup is meant to outlive its parent, so there the parent's death is not heard.
"""

import select
import signal
import socket
from typing import Self

from changeover.parent import end_with_parent, outlives_parent


class Signals:
    """Wakes the loop at a signal and remembers that the end was asked for; use as a context in the main thread."""

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
