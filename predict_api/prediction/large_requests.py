"""The concurrency limit for large requests, so that small ones do not wait for them.

A body of megabytes occupies a thread for as long as thousands of small requests. At most half of THREADS process such
bodies at the same time, in the order of arrival. A worker has additional threads in which large requests can wait, so
that small requests always have THREADS. While a large request runs, the interpreter switches threads more often.

A request that waits long for a model's own process computes nothing here and lends its turn: a model that hangs delays
the large requests of no other model.
"""

import sys
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import TracebackType
from typing import Final, Self

from changeover.process.clock import now
from predict_api import metrics

LARGE: Final = 256 * 1024  # bytes of a body from which on the limit applies
WAITING: Final = 5  # additional threads for each of THREADS, in which large requests and those of slow models wait
SWITCH_SECONDS: Final = 0.0005  # a tenth of Python's default: a small request waits this long for each switch


def threads_of_a_worker(threads: int) -> int:
    """The number of threads of a worker with THREADS=`threads`."""
    return threads * (1 + WAITING)


class _NoLimit(AbstractContextManager["_NoLimit"]):
    """The turn of a small request."""

    def lent_after(self, seconds: float) -> AbstractContextManager[None]:
        """A context in which nothing changes."""
        return nullcontext()

    def __exit__(self, *_: object) -> None:
        pass


_NO_LIMIT: Final = _NoLimit()


class LargeRequestLimit(AbstractContextManager["LargeRequestLimit"]):
    """The limit of one worker process: a first-in, first-out semaphore. Thread-safe."""

    def __init__(self, threads: int) -> None:
        """`threads` is THREADS."""
        self._most, self._running = max(1, threads // 2), 0
        self._lock = threading.Lock()
        self._switch_interval = sys.getswitchinterval()
        self._waiting: deque[threading.Event] = deque()

    def of(self, size: int) -> "LargeRequestLimit | _NoLimit":
        """The context in which a body of `size` bytes is processed, its turn; a small one never waits for it."""
        return self if size >= LARGE else _NO_LIMIT

    @contextmanager
    def lent_after(self, seconds: float) -> Iterator[None]:
        """The context, within a turn, in which another request may have it after `seconds`."""
        lock, lent, over = threading.Lock(), False, False

        def lend() -> None:
            nonlocal lent
            with lock:
                if not over:
                    lent = True
                    self.__exit__(None, None, None)

        timer = threading.Timer(seconds, lend)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            with lock:
                over = True
            if lent:
                self.__enter__()

    @property
    def waiting(self) -> int:
        """The number of large requests that wait."""
        return len(self._waiting)

    def __enter__(self) -> Self:
        with self._lock:
            if self._running < self._most:
                self._running += 1
                sys.setswitchinterval(SWITCH_SECONDS)
                metrics.QUEUE_SECONDS.observe(0.0)
                return self
            woken = threading.Event()
            self._waiting.append(woken)
        metrics.QUEUE_LENGTH.inc()
        began = now()
        woken.wait()
        metrics.QUEUE_LENGTH.dec()
        metrics.QUEUE_SECONDS.observe(now() - began)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()
                return
            self._running -= 1
            if not self._running:
                sys.setswitchinterval(self._switch_interval)
