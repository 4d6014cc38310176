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
    """One waiting request; `woken` is set when it has its result, or when it must score the next micro-batch."""

    columns: Columns
    rows: int
    woken: threading.Event = field(default_factory=threading.Event)
    scores: Scores | None = None
    error: Exception | None = None

    @property
    def answered(self) -> bool:
        return self.scores is not None or self.error is not None


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
        self._answered = 1  # number of requests in the last call
        self._expected = 0  # number of waiting requests that ends the pause
        self._lock = threading.Lock()
        self._busy = False
        self._waiting: list[_Request] = []

    def score(self, columns: Columns, rows: int) -> Scores:
        """The scores of these rows; raises the error of the model's call for them."""
        if rows > MOST_ROWS:
            return self._call(columns, rows)
        with self._lock:
            first, self._busy = not self._busy, True
            alone = first and not self._others_come_back()
            if not alone:
                request = _Request(columns, rows)
                self._waiting.append(request)
                if len(self._waiting) >= self._expected:
                    self._all_back.set()
        if alone:
            self._answered = 1
            try:
                return self._call(columns, rows)
            finally:
                self._pass_on()
        if not first:
            request.woken.wait()
        if not request.answered:
            self._score_for_all(request, self._answered - first)
        if request.error is not None:
            raise request.error
        assert request.scores is not None
        return request.scores

    def _others_come_back(self) -> bool:
        """Whether a micro-batch ended just now, so that its callers are about to send the next requests."""
        return self._answered > 1 and self._clock() - self._ended < self._longest_pause()

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

    def _score_for_all(self, first: _Request, away: int) -> None:
        """Score `first` and all waiting requests, after a pause in which `away` more may arrive."""
        with self._lock:
            self._expected = len(self._waiting) + away
            self._all_back.clear()
        self._pause(self._longest_pause())
        with self._lock:
            taken = _as_many_as_fit(self._waiting)
            del self._waiting[: len(taken)]
        self._answered = len(taken)
        try:
            _answer(taken, self._call)
        finally:
            self._pass_on()
            for request in taken:
                if request is not first:
                    request.woken.set()


def _as_many_as_fit(waiting: Sequence[_Request]) -> list[_Request]:
    taken: list[_Request] = []
    rows = 0
    for request in waiting:
        rows += request.rows
        if taken and rows > MOST_ROWS:
            break
        taken.append(request)
    return taken


def _answer(requests: list[_Request], score: Score) -> None:
    """Give each request its scores or its error."""
    if len(requests) > 1:
        try:
            _share_out(requests, score(*_together(requests)))
        except Exception:  # noqa: BLE001, S110 scoring each request alone shows which one fails
            pass
        else:
            return
    for request in requests:
        try:
            request.scores = score(request.columns, request.rows)
        except Exception as error:  # noqa: BLE001 it is raised where the request waits
            request.error = error


def _together(requests: list[_Request]) -> tuple[Columns, int]:
    joint: dict[str, list[Cell]] = {}
    for name in requests[0].columns:
        cells: list[Cell] = []
        for request in requests:
            cells += request.columns[name]
        joint[name] = cells
    return joint, sum(request.rows for request in requests)


def _share_out(requests: list[_Request], scores: Scores) -> None:
    if len(scores.labels) != sum(request.rows for request in requests):
        raise ChangeoverError(f"the model answered {len(scores.labels)} rows of {len(requests)} joined requests")
    start = 0
    shares = []
    for request in requests:
        end = start + request.rows
        probabilities = None if scores.probabilities is None else scores.probabilities[start:end]
        shares.append(Scores(scores.labels[start:end], probabilities, scores.classes))
        start = end
    for request, share in zip(requests, shares, strict=True):
        request.scores = share
