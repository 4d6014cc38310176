"""The concurrency limit for large requests, so that small ones do not wait for them.

A body of megabytes occupies a thread for as long as thousands of small requests. At most half of THREADS process such
bodies at the same time, in the order of arrival. A worker has additional threads in which large requests can wait, so
that small requests always have THREADS. While a large request runs, the interpreter switches threads more often.
"""

import sys
import threading
from collections import deque
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Final

LARGE: Final = 256 * 1024  # bytes of a body from which on the limit applies
WAITING: Final = 3  # additional threads for each of THREADS, in which large requests wait
SWITCH_SECONDS: Final = 0.0005  # a tenth of Python's default: a small request waits this long for each switch

_AT_ONCE: Final = nullcontext()


def threads_of_a_worker(threads: int) -> int:
    """The number of threads of a worker with THREADS=`threads`."""
    return threads * (1 + WAITING)


class LargeRequestLimit:
    """The concurrency limit of one worker process. Thread-safe."""

    def __init__(self, threads: int) -> None:
        """`threads` is THREADS."""
        self._large = _Turn(max(1, threads // 2))

    def of(self, size: int) -> AbstractContextManager[None]:
        """The context in which a body of `size` bytes is processed; a small one never waits for it."""
        return self._large if size >= LARGE else _AT_ONCE

    @property
    def waiting(self) -> int:
        """The number of large requests that wait."""
        return len(self._large.waiting)


class _Turn(AbstractContextManager[None]):
    """A first-in, first-out semaphore with `at_once` places."""

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
