"""The thread of a loop: it repeats a step and waits between two steps.

`tests/simulation/` runs the same steps in simulated time.
"""

import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress

from changeover.process import clock


class Wake(threading.Event):
    """An event that begins the next step of a loop; `on_set` is called when it is set."""

    def __init__(self) -> None:
        super().__init__()
        self.on_set: Callable[[], None] | None = None

    def set(self) -> None:
        """Begin the next step now."""
        super().set()
        if self.on_set is not None:
            self.on_set()


class Loop(ABC):
    """A thread that repeats `run_once`. Setting `wake` begins the next step immediately."""

    def __init__(self, name: str, wake: Wake | None = None, *, daemon: bool = True, nice: int = 0) -> None:
        """`nice` is the thread's own priority, which only Linux has; a thread that is no daemon delays the exit."""
        self.wake = wake or Wake()
        self.stopped = False
        self._nice = nice
        self._thread = threading.Thread(target=self._run, name=name, daemon=daemon)

    @abstractmethod
    def run_once(self, now: float) -> float | None:
        """Do what is due at `now`; returns the seconds until the next step, None after the last one.

        A step makes its calls, but does not wait for a time or an event: the thread does.
        """

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self, wait_s: float = 0.0) -> None:
        """End the thread after the step under way; waits for that, `wait_s` at most."""
        self.stopped = True
        self.wake.set()
        if wait_s > 0:
            self._thread.join(wait_s)

    def _run(self) -> None:
        lower_priority(self._nice)
        while not self.stopped:
            self.wake.clear()
            pause_s = self.run_once(clock.now())
            if pause_s is None:
                return
            self.wake.wait(pause_s)


def lower_priority(nice: int) -> None:
    """Lower the priority of the calling thread, which only Linux has."""
    if nice:
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), nice)
