"""Micro-batching of requests: the requests that wait in one process are scored in one call of the model.

A scikit-learn pipeline takes about as long for 16 rows as for one. A request that arrives while no call runs is scored
immediately and alone. Requests that arrive during a call wait, and the first of them scores the micro-batch of all.
Before that, it pauses until as many requests wait as the last call had: their callers are about to send the next ones,
which would otherwise come in every second call only. The pause takes at most half of the last call, and at most 6 ms.
A request that arrives within half of the last call after a micro-batch pauses, too; no other request does. A third of the
calls were for one request when that time was 3 ms: sixteen callers of a worker need longer to send their next requests.

No request waits for long behind a call that hangs: after `queue_seconds`, the oldest waiting request begins the next call
beside it. Each loaded version has its own `Batcher`, so a call never mixes versions. Each caller gets its own scores or
its own error: if the call for a micro-batch fails, each of its requests is scored once more, alone, by its own thread. A
micro-batch has half of the time that its requests have, so that there is time for that. Only that second call looks for
the rows at fault.

A version whose answer to a row may depend on other rows has no micro-batches: each request is a call of its own. So is a
request with options.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from changeover.estimator.scores import PLAIN, OnError, Options, Scores
from changeover.exceptions import ChangeoverError
from changeover.process.clock import now
from changeover.schema.cell_parsers import Cell
from model_runner.pool.exceptions import ModelCrashed, NoRunner, RunnerEnded
from predict_api.exceptions import Overloaded
from predict_api.scoring.times import Times, queue_seconds

MOST_ROWS: Final = 256  # of one micro-batch; a larger request is scored alone and delays no other
PAUSE_SHARE: Final = 0.5  # of the duration of the last call
LONGEST_PAUSE: Final = 0.006  # seconds: half of what fifty boosted stumps take for a micro-batch
BATCH_SHARE: Final = 0.5  # of the time that is left to the first of several requests
Columns = Mapping[str, Sequence[Cell]]
Score = Callable[[Columns, int, Times, Options], Scores]
Note = Callable[[int, int], None]
_JOINED: Final = Options(on_error=OnError.FAIL)


@dataclass(eq=False)
class _Request:
    """One request; `woken` is set when it has its outcome, or when it leads: it must score the next micro-batch.

    `alone` is set when its own thread must score it once more.
    """

    columns: Columns
    rows: int
    times: Times
    options: Options = PLAIN
    woken: threading.Event = field(default_factory=threading.Event)
    outcome: Scores | Exception | None = None
    alone: Times | None = None


class Batcher:
    """The micro-batcher of one version. Thread-safe."""

    def __init__(
        self,
        score: Score,
        score_timeout: float,
        pause: Callable[[float], object] | None = None,
        clock: Callable[[], float] = now,
        *,
        joins: bool = True,
        note: Note = lambda _requests, _rows: None,
    ) -> None:
        """`pause` waits for a number of seconds, or until the expected requests are there; `clock` gives the time.

        `joins`: whether requests may share a call. `note` gets the number of requests and rows of each call.
        """
        self._note = note
        self._score, self._clock, self._joins = score, clock, joins
        self._score_timeout, self._queue_seconds = score_timeout, queue_seconds(score_timeout)
        self._all_back = threading.Event()
        self._pause = pause or self._all_back.wait
        self._took = self._ended = 0.0  # duration and end of the last call
        self._last_size = 1  # number of requests in the last call
        self._expected = 0  # number of waiting requests that ends the pause
        self._lock = threading.Lock()
        self._busy = False
        self._line = 0  # a number for each line of calls; a call that hangs is left behind with its line
        self._waiting: list[_Request] = []

    def score(self, columns: Columns, rows: int, options: Options = PLAIN) -> Scores:
        """The scores of these rows; raises the error of the model's call for them."""
        arrived = self._clock()
        request = _Request(columns, rows, Times(arrived + self._queue_seconds, arrived + self._score_timeout), options)
        if rows > MOST_ROWS or not self._joins or options is not PLAIN:
            return self._score_one(request)
        with self._lock:
            leads, self._busy = not self._busy, True
            line = self._line
            alone = leads and not self._others_come_back()
            if not alone:
                if leads:
                    request.woken.set()
                self._waiting.append(request)
                if len(self._waiting) >= self._expected:
                    self._all_back.set()
        if alone:
            self._last_size = 1
            try:
                return self._score_one(request)
            finally:
                self._pass_on(line)
        if not leads:
            self._wait(request)
        if request.outcome is None and request.alone is None:
            self._score_for_all(request, self._last_size - leads)
        if request.alone is not None:
            return self._call(request.columns, request.rows, request.alone, request.options)
        if isinstance(request.outcome, Exception):
            raise request.outcome
        assert request.outcome is not None
        return request.outcome

    def _wait(self, request: _Request) -> None:
        """Wait until the request has its outcome, or leads: because it was its turn, or the call under way hangs."""
        while not request.woken.wait(self._queue_seconds):
            with self._lock:
                if request in self._waiting and not self._waiting[0].woken.is_set():
                    self._line += 1
                    self._waiting.remove(request)
                    self._waiting.insert(0, request)
                    request.woken.set()

    def _others_come_back(self) -> bool:
        """Whether a micro-batch ended just now, so that its callers are about to send the next requests."""
        return self._last_size > 1 and self._clock() - self._ended < PAUSE_SHARE * self._took

    def _longest_pause(self) -> float:
        return min(LONGEST_PAUSE, PAUSE_SHARE * self._took)

    def _pass_on(self, line: int) -> None:
        """Wake the first waiting request to score all of them; without one, the next request is scored immediately."""
        with self._lock:
            if line != self._line:
                return
            if self._waiting:
                self._waiting[0].woken.set()
            else:
                self._busy = False

    def _call(self, columns: Columns, rows: int, times: Times, options: Options, requests: int = 1) -> Scores:
        self._note(requests, rows)
        began = self._clock()
        try:
            return self._score(columns, rows, times, options)
        finally:
            self._ended = self._clock()
            self._took = self._ended - began

    def _score_one(self, request: _Request) -> Scores:
        """The scores of a request of its own; once more after a crash, which another process may have caused."""
        try:
            return self._call(request.columns, request.rows, request.times, request.options)
        except ModelCrashed:
            return self._call(request.columns, request.rows, _again(request, eager=True), request.options)

    def _score_for_all(self, leader: _Request, missing: int) -> None:
        """Score `leader` and all waiting requests, after a pause in which `missing` more may arrive."""
        with self._lock:
            self._expected = len(self._waiting) + missing
            self._all_back.clear()
        self._pause(self._longest_pause())
        with self._lock:
            line = self._line
            batch = _as_many_as_fit(self._waiting)
            del self._waiting[: len(batch)]
        self._last_size = len(batch)
        try:
            self._score_batch(batch)
        finally:
            self._pass_on(line)
            for request in batch:
                if request is not leader:
                    request.woken.set()

    def _score_batch(self, batch: list[_Request]) -> None:
        """Give each request its scores or its error, or have its thread score it alone."""
        if len(batch) == 1:
            try:
                batch[0].outcome = self._score_one(batch[0])
            except Exception as error:  # noqa: BLE001 it is raised where the request waits
                batch[0].outcome = error
            return
        columns = {name: [cell for request in batch for cell in request.columns[name]] for name in batch[0].columns}
        first_end, time = min(request.times.end_by for request in batch), self._clock()
        begin_by = max(request.times.begin_by for request in batch)
        times = Times(begin_by, time + BATCH_SHARE * max(0.0, first_end - time))
        try:
            _share_out(batch, self._call(columns, sum(request.rows for request in batch), times, _JOINED, len(batch)))
        except (Overloaded, NoRunner) as error:
            for request in batch:
                request.outcome = error
        except Exception as error:  # noqa: BLE001  scoring each request alone shows which one fails
            for request in batch:
                request.alone = _again(request, eager=isinstance(error, RunnerEnded))


def _again(request: _Request, *, eager: bool) -> Times:
    return Times(request.times.end_by, request.times.end_by, eager)


def _as_many_as_fit(waiting: Sequence[_Request]) -> list[_Request]:
    batch: list[_Request] = []
    rows = 0
    for request in waiting:
        rows += request.rows
        if batch and rows > MOST_ROWS:
            break
        batch.append(request)
    return batch


def _share_out(batch: list[_Request], scores: Scores) -> None:
    if len(scores.labels) != sum(request.rows for request in batch):
        raise ChangeoverError(f"the model answered {len(scores.labels)} rows of {len(batch)} requests")
    start = 0
    for request in batch:
        end = start + request.rows
        probabilities = None if scores.probabilities is None else scores.probabilities[start:end]
        request.outcome = Scores(scores.labels[start:end], probabilities, scores.classes)
        start = end
