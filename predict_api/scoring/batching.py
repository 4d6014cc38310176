"""Micro-batching of requests: the requests that wait in one process are scored in one call of the model.

A scikit-learn pipeline takes about as long for 16 rows as for one. A request that arrives while no call runs is scored
immediately and alone. Requests that arrive during a call wait, and the first of them scores the micro-batch of all.
Before that, it pauses until as many requests wait as the last call had: their callers are about to send the next ones,
which would otherwise come in every second call only. The pause takes at most half of the last call, and at most 3 ms.
A request that arrives that soon after a micro-batch pauses, too; no other request does.

Each loaded version has its own `Batcher`, so a call never mixes versions. Each caller gets its own scores or its own
error: if the call for a micro-batch fails, each of its requests is scored alone.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from changeover.estimator.scores import Scores
from changeover.exceptions import ChangeoverError
from changeover.process.clock import now
from changeover.schema.cell_parsers import Cell

MOST_ROWS: Final = 256  # of one micro-batch; a larger request is scored alone and delays no other
PAUSE_SHARE: Final = 0.5  # of the duration of the last call
LONGEST_PAUSE: Final = 0.003  # seconds: half of the 6 ms that a forest of 200 trees takes (docs/performance.md)
Columns = Mapping[str, Sequence[Cell]]
Score = Callable[[Columns, int], Scores]


@dataclass
class _Request:
    """One waiting request; `woken` is set when it has its outcome, or when it must score the next micro-batch."""

    columns: Columns
    rows: int
    woken: threading.Event = field(default_factory=threading.Event)
    outcome: Scores | Exception | None = None


class Batcher:
    """The micro-batcher of one version. Thread-safe."""

    def __init__(
        self, score: Score, pause: Callable[[float], object] | None = None, clock: Callable[[], float] = now
    ) -> None:
        """`pause` waits for a number of seconds, or until the expected requests are there; `clock` gives the time."""
        self._score, self._clock = score, clock
        self._all_back = threading.Event()
        self._pause = pause or self._all_back.wait
        self._took = self._ended = 0.0  # duration and end of the last call
        self._last_size = 1  # number of requests in the last call
        self._expected = 0  # number of waiting requests that ends the pause
        self._lock = threading.Lock()
        self._busy = False
        self._waiting: list[_Request] = []

    def score(self, columns: Columns, rows: int) -> Scores:
        """The scores of these rows; raises the error of the model's call for them."""
        if rows > MOST_ROWS:
            return self._call(columns, rows)
        with self._lock:
            leads, self._busy = not self._busy, True
            alone = leads and not self._others_come_back()
            if not alone:
                request = _Request(columns, rows)
                self._waiting.append(request)
                if len(self._waiting) >= self._expected:
                    self._all_back.set()
        if alone:
            self._last_size = 1
            try:
                return self._call(columns, rows)
            finally:
                self._pass_on()
        if not leads:
            request.woken.wait()
        if request.outcome is None:
            self._score_for_all(request, self._last_size - leads)
        if isinstance(request.outcome, Exception):
            raise request.outcome
        assert request.outcome is not None
        return request.outcome

    def _others_come_back(self) -> bool:
        """Whether a micro-batch ended just now, so that its callers are about to send the next requests."""
        return self._last_size > 1 and self._clock() - self._ended < self._longest_pause()

    def _longest_pause(self) -> float:
        return min(LONGEST_PAUSE, PAUSE_SHARE * self._took)

    def _pass_on(self) -> None:
        """Wake the first waiting request to score all of them; without one, the next request is scored immediately."""
        with self._lock:
            if self._waiting:
                self._waiting[0].woken.set()
            else:
                self._busy = False

    def _call(self, columns: Columns, rows: int) -> Scores:
        began = self._clock()
        try:
            return self._score(columns, rows)
        finally:
            self._ended = self._clock()
            self._took = self._ended - began

    def _score_for_all(self, leader: _Request, missing: int) -> None:
        """Score `leader` and all waiting requests, after a pause in which `missing` more may arrive."""
        with self._lock:
            self._expected = len(self._waiting) + missing
            self._all_back.clear()
        self._pause(self._longest_pause())
        with self._lock:
            batch = _as_many_as_fit(self._waiting)
            del self._waiting[: len(batch)]
        self._last_size = len(batch)
        try:
            _score_batch(batch, self._call)
        finally:
            self._pass_on()
            for request in batch:
                if request is not leader:
                    request.woken.set()


def _as_many_as_fit(waiting: Sequence[_Request]) -> list[_Request]:
    batch: list[_Request] = []
    rows = 0
    for request in waiting:
        rows += request.rows
        if batch and rows > MOST_ROWS:
            break
        batch.append(request)
    return batch


def _score_batch(batch: list[_Request], score: Score) -> None:
    """Give each request its scores or its error."""
    if len(batch) > 1:
        columns = {name: [cell for request in batch for cell in request.columns[name]] for name in batch[0].columns}
        try:
            _share_out(batch, score(columns, sum(request.rows for request in batch)))
        except Exception:  # noqa: BLE001, S110 scoring each request alone shows which one fails
            pass
        else:
            return
    for request in batch:
        try:
            request.outcome = score(request.columns, request.rows)
        except Exception as error:  # noqa: BLE001 it is raised where the request waits
            request.outcome = error


def _share_out(batch: list[_Request], scores: Scores) -> None:
    if len(scores.labels) != sum(request.rows for request in batch):
        raise ChangeoverError(f"the model answered {len(scores.labels)} rows of {len(batch)} requests")
    start = 0
    for request in batch:
        end = start + request.rows
        probabilities = None if scores.probabilities is None else scores.probabilities[start:end]
        request.outcome = Scores(scores.labels[start:end], probabilities, scores.classes)
        start = end
