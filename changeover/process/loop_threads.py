"""A fixed number of threads that run the steps of many loops.

A loop that is added here needs no thread of its own. Its steps never overlap. One thread waits for the time of the next
step, and the others wait for it, so that idle threads cost nothing.
"""

import heapq
import threading
from itertools import count
from typing import Final

from changeover.process import clock
from changeover.process.loop import Loop, lower_priority

_NEVER: Final = float("inf")


class LoopThreads:
    """The threads and the times of the next steps. Thread-safe."""

    def __init__(self, name: str, threads: int, nice: int = 0) -> None:
        """`nice` is the priority of the threads, as in `Loop`."""
        self._nice = nice
        self._changed = threading.Condition()
        self._queue: list[tuple[float, int, Loop]] = []
        self._numbers = count()
        self._due: dict[Loop, float] = {}  # the time of the next step of each loop that waits for one
        self._running: set[Loop] = set()
        self._waits = False  # whether a thread waits for the time of the next step
        self._stopped = False
        self._threads = [
            threading.Thread(target=self._run, name=f"{name}-{number}", daemon=True) for number in range(threads)
        ]

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def add(self, loop: Loop) -> None:
        """Begin the first step of `loop` now, and repeat it from then on."""
        loop.wake.on_set = lambda: self._hasten(loop)
        with self._changed:
            self._plan(loop, float("-inf"))

    def stop(self) -> None:
        """End the threads after the steps under way."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def _hasten(self, loop: Loop) -> None:
        with self._changed:
            if loop in self._due:  # otherwise it runs, and looks at `wake` afterwards
                self._plan(loop, float("-inf"))

    def _plan(self, loop: Loop, due: float) -> None:
        """Plan the next step of `loop` for `due`, unless it is planned earlier; the caller has the lock."""
        if due < self._due.get(loop, _NEVER):
            self._due[loop] = due
            heapq.heappush(self._queue, (due, next(self._numbers), loop))
            self._changed.notify_all() if self._waits else self._changed.notify()

    def _run(self) -> None:
        lower_priority(self._nice)
        while (loop := self._next()) is not None:
            loop.wake.clear()
            pause_s = None if loop.stopped else loop.run_once(clock.now())
            with self._changed:
                self._running.discard(loop)
                if pause_s is not None and not loop.stopped:
                    self._plan(loop, float("-inf") if loop.wake.is_set() else clock.now() + pause_s)

    def _next(self) -> Loop | None:
        """Wait for the next step that is due; returns its loop, None at the end."""
        with self._changed:
            while not self._stopped:
                due = self._first_due()
                if due <= clock.now():
                    _, _, loop = heapq.heappop(self._queue)
                    del self._due[loop]
                    self._running.add(loop)
                    self._changed.notify()
                    return loop
                if self._waits or due == _NEVER:
                    self._changed.wait()
                else:
                    self._waits = True
                    self._changed.wait(due - clock.now())
                    self._waits = False
            return None

    def _first_due(self) -> float:
        """The time of the first step; forgets the entries of steps that were planned earlier since."""
        while self._queue and self._due.get(self._queue[0][2]) != self._queue[0][0]:
            heapq.heappop(self._queue)
        return self._queue[0][0] if self._queue else _NEVER
