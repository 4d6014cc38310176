"""The scheduling of a worker's threads: which of them Linux interrupts for another one that has just been woken.

Two threads answer a small request: granian's for the sockets, and the one that receives. Under many small requests each would
interrupt the other several times a request; without that, a third more requests a second are answered. While a large request
is computed, both have to interrupt it: a small one would else wait for its time slices.
"""

import os
import threading
from pathlib import Path
from typing import Final

_TASKS: Final = Path("/proc/self/task")
_BATCH: Final = getattr(os, "SCHED_BATCH", None)  # Linux alone: a thread that is woken interrupts no other


class Scheduling:
    """The policy of granian's threads in this worker."""

    def __init__(self) -> None:
        self._threads: list[int] | None = None

    def begin(self) -> None:
        """Let granian's threads finish: it starts them from this thread afterwards."""
        if _BATCH is not None:
            os.sched_setscheduler(0, _BATCH, os.sched_param(0))

    def interrupt(self, *, others: bool) -> None:
        """Set whether granian's threads interrupt others when they are woken."""
        if _BATCH is None:
            return
        if self._threads is None:
            self._threads = _threads_of_others()
        for thread in self._threads:
            try:
                os.sched_setscheduler(thread, os.SCHED_OTHER if others else _BATCH, os.sched_param(0))
            except ProcessLookupError:  # it has ended
                continue


def _threads_of_others() -> list[int]:
    """The threads of this process that Python did not start."""
    own = {thread.native_id for thread in threading.enumerate() if not isinstance(thread, threading._DummyThread)}  # noqa: SLF001
    return [int(task.name) for task in _TASKS.iterdir() if int(task.name) not in own]
