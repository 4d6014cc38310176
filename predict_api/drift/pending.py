"""The answered rows of a version that wait to be counted.

A request appends a reference to its rows, which takes 0.1 us, and never waits. No row is kept for longer than the next
count, a second later, and none leaves the process.
"""

import threading
from collections import deque
from typing import Final
from weakref import WeakSet

from changeover.estimator.scores import Scores
from changeover.manifest.manifest import Manifest
from predict_api.scoring.interfaces import RequestRows

PLENTY: Final = 2_000  # rows that wait: from here on only one request in EVERY is kept
MOST: Final = 4_000  # rows that wait: from here on none is kept
EVERY: Final = 8

Answered = tuple[RequestRows, Scores]


class Pending:
    """The rows of one version that wait. `add` is for any thread, `taken` for one thread.

    They end with the version: what it answered in the second before it is unloaded may not be counted.
    """

    __slots__ = ("__weakref__", "_queue", "_requests", "_skipped", "_waiting", "manifest")

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest
        self._queue: deque[Answered] = deque()
        self._waiting = self._requests = self._skipped = 0

    def add(self, rows: RequestRows, scores: Scores) -> None:
        """Add the rows of a request and their answers, or count them as skipped if too many wait."""
        self._requests += 1
        if self._waiting < PLENTY or (self._waiting < MOST and self._requests % EVERY == 0):
            self._waiting += rows.rows
            self._queue.append((rows, scores))
        else:
            self._skipped += rows.rows

    def taken(self) -> tuple[list[Answered], int]:
        """Take the requests that wait; returns them, and the number of rows that were skipped since the last call."""
        requests = [self._queue.popleft() for _ in range(len(self._queue))]
        skipped, self._skipped, self._waiting = self._skipped, 0, 0
        return requests, skipped


class AllPending:
    """The rows that wait, of all versions that are ready in this worker. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._versions: WeakSet[Pending] = WeakSet()

    def of(self, manifest: Manifest) -> Pending | None:
        """The place for the rows of a version that is being prepared; None for one without a reference."""
        if manifest.reference is None:
            return None
        pending = Pending(manifest)
        with self._lock:
            self._versions.add(pending)
        return pending

    def all(self) -> list[Pending]:
        """The versions that are ready."""
        with self._lock:
            return list(self._versions)
