"""Turns of preparations: few versions are prepared at the same time, since each takes processes of its own.

A preparation that takes long keeps its turn, but no longer counts: others do not wait for a model that hangs.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from changeover.process.clock import now

MOST: Final = 4  # of all workers of an instance
LONG_SECONDS: Final = 10.0


class Turns:
    """The turns of one worker. Thread-safe."""

    def __init__(self, most: int, long_seconds: float = LONG_SECONDS) -> None:
        """`most` preparations may run at the same time, beside those that have taken `long_seconds` already."""
        self._most, self._long_seconds = most, long_seconds
        self._changed = threading.Condition()
        self._began: list[float] = []

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a turn, and have it."""
        with self._changed:
            while (seconds := self._wait_seconds(now())) > 0:
                self._changed.wait(seconds)
            began = now()
            self._began.append(began)
        try:
            yield
        finally:
            with self._changed:
                self._began.remove(began)
                self._changed.notify()

    def _wait_seconds(self, time: float) -> float:
        """The seconds until there is a turn if no preparation ends; 0 if there is one."""
        counted = sorted(began for began in self._began if time - began < self._long_seconds)
        return counted[-self._most] + self._long_seconds - time if len(counted) >= self._most else 0.0
