"""The sample of live requests that a rehearsal compares: a bounded queue that exists only while a rehearsal goes on.

A request appends a reference to its rows and scores, and never waits. Nothing is kept beyond the comparison, a quarter of a
second later, and nothing leaves the process.
"""

from collections import deque
from typing import Final

from changeover.estimator.scores import Scores
from predict_api.scoring.interfaces import RequestRows

MOST_REQUESTS: Final = 64  # that wait
MOST_ROWS: Final = 1000  # of a request in the sample

Answered = tuple[RequestRows, Scores]


class Sample:
    """The requests that wait to be compared: the newest ones. `add` is for any thread, `taken` for one thread."""

    __slots__ = ("_queue",)

    def __init__(self) -> None:
        self._queue: deque[Answered] = deque(maxlen=MOST_REQUESTS)

    def add(self, rows: RequestRows, scores: Scores, took_s: float) -> None:
        """Add a request; a large one is left out."""
        if rows.rows <= MOST_ROWS:
            self._queue.append((rows, scores))

    def failed(self) -> None:
        """Leave out a request that the current version did not answer."""

    def taken(self) -> list[Answered]:
        """Take the requests that wait, the newest first."""
        waiting: list[Answered] = []
        try:
            while len(waiting) < MOST_REQUESTS:
                waiting.append(self._queue.pop())
        except IndexError:
            pass
        return waiting
