"""Large requests take turns, so that small ones never wait for more than a few of them.

A body of megabytes keeps a thread busy for as long as thousands of small requests. At most half of THREADS work on such
bodies at once, first come, first served; a worker has as many threads besides as make the others wait without keeping a
small request from one. While a large one works, the interpreter changes threads more often.
"""

import sys
import threading
from collections import deque
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Final

LARGE: Final = 256 * 1024  # bytes of a body from which on a request takes turns
WAITING: Final = 3  # large requests for each of THREADS that hold a thread, and small ones have THREADS all the same
SWITCH_SECONDS: Final = 0.0005  # a tenth of Python's own: what a small request waits each time that it wants to go on

_AT_ONCE: Final = nullcontext()


def threads_of_a_worker(threads: int) -> int:
    """How many threads serve requests where THREADS is `threads`."""
    return threads * (1 + WAITING)


class Turns:
    """The turns of one worker process; safe for threads."""

    def __init__(self, threads: int) -> None:
        """`threads` is THREADS."""
        self._large = _Turn(max(1, threads // 2))

    def of(self, size: int) -> AbstractContextManager[None]:
        """`with turns.of(len(body)):` around the work on a body: a small one goes on at once."""
        return self._large if size >= LARGE else _AT_ONCE

    @property
    def waiting(self) -> int:
        """How many large requests wait."""
        return len(self._large.waiting)


class _Turn(AbstractContextManager[None]):
    """At most `at_once` are within; who leaves hands its place to the one that has waited longest."""

    def __init__(self, at_once: int) -> None:
        self._at_once, self._within = at_once, 0
        self._lock = threading.Lock()
        self._usual = sys.getswitchinterval()
        self.waiting: deque[threading.Event] = deque()

    def __enter__(self) -> None:
        with self._lock:
            if self._within < self._at_once:
                self._within += 1
                sys.setswitchinterval(SWITCH_SECONDS)
                return
            called = threading.Event()
            self.waiting.append(called)
        called.wait()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            if self.waiting:
                self.waiting.popleft().set()
                return
            self._within -= 1
            if not self._within:
                sys.setswitchinterval(self._usual)
