"""The scorer of a version whose own model scores, in confined processes: deadlines, crashes, fairness.

A call that takes longer than SCORE_TIMEOUT is ended with its process. One model occupies half of a worker's threads at
most while a call of its hangs, so that requests for other models are answered.
"""

import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from changeover.estimator.scores import PLAIN, Options, Scores
from changeover.process.clock import now
from changeover.schema.schema import Schema
from model_runner.pool.exceptions import ModelOutOfMemory, ModelTimeout, RunnerEnded
from predict_api import metrics
from predict_api.exceptions import Overloaded
from predict_api.prediction.turn import about_to_wait
from predict_api.scoring.batching import MOST_ROWS, Batcher, Columns, Note
from predict_api.scoring.ends import Cause, VersionEnds
from predict_api.scoring.interfaces import RequestRows, Turn
from predict_api.scoring.scorer_pool import ScorerPool
from predict_api.scoring.times import Times, lend_seconds


@dataclass(frozen=True)
class ScoreLimits:
    """The limits of scoring: SCORE_TIMEOUT in seconds, and the threads that a model that hangs may occupy."""

    timeout: float
    threads: int


class _Calls:
    """The calls of one version's scorer processes. It does not know its RunnerScorer: they must be no cycle."""

    def __init__(self, pool: ScorerPool, schema: Schema, limits: ScoreLimits, ends: VersionEnds) -> None:
        self._pool, self._limits, self._ends = pool, limits, ends
        self._names = [column.name for column in schema.columns]

    def score(self, columns: Columns, rows: int, times: Times, options: Options = PLAIN) -> Scores:
        """The scores of one call."""
        with self._pool.scorer(times, large=rows > MOST_ROWS) as scorer:
            try:
                return scorer.score([columns[name] for name in self._names], rows, times.end_by - now(), options)
            except RunnerEnded as error:
                self._ends.record(_cause(error))
                if isinstance(error, ModelTimeout):
                    raise ModelTimeout(
                        f"the model took longer than {self._limits.timeout:g} s (SCORE_TIMEOUT); its process was ended"
                    ) from error
                raise


class RunnerScorer:
    """The scorer of one version in this worker. Its scorer processes end with it.

    That is when the last reference to it goes: the collector never frees what a worker had when it began to serve
    (`gc_tuning.py`), so no cycle may hold it.
    """

    def __init__(
        self, pool: ScorerPool, schema: Schema, limits: ScoreLimits, ends: VersionEnds, *, joins: bool = True
    ) -> None:
        """`joins`: whether a call may have the rows of several requests."""
        self._pool, self._limits = pool, limits
        self._calls = _Calls(pool, schema, limits, ends)
        self._batcher = Batcher(self._calls.score, limits.timeout, joins=joins, note=_sizes_of(ends.model))
        self._lock = threading.Lock()
        self._threads = 0
        weakref.finalize(self, pool.close)

    def score(self, rows: RequestRows, turn: Turn, options: Options = PLAIN) -> Scores:
        """The scores of typed rows.

        Raises RowsNotAnswered, ScoringFailed, ModelTimeout, ModelCrashed, ModelOutOfMemory, NoRunner, or Overloaded.
        """
        about_to_wait()
        with self._thread(), turn.lent_after(lend_seconds(self._limits.timeout)):
            return self._batcher.score(rows.columns, rows.rows, options)

    def score_now(self, columns: Columns, rows: int, seconds: float) -> Scores:
        """The scores of typed columns during the preparation, within `seconds`; raises the same errors."""
        end_by = now() + seconds
        return self._calls.score(columns, rows, Times(end_by, end_by))

    @contextmanager
    def _thread(self) -> Iterator[None]:
        """Count this thread; raises Overloaded if too many wait for a model that hangs."""
        with self._lock:
            self._threads += 1
            threads = self._threads
        try:
            if threads > self._limits.threads and self._pool.hangs():
                raise Overloaded("the model takes long, and as many requests as may wait for it do; try again later")
            yield
        finally:
            with self._lock:
                self._threads -= 1


def _sizes_of(model: str) -> Note:
    """The function that counts the sizes of the calls of a model."""
    joined, rows = metrics.BATCH_REQUESTS.labels(model), metrics.BATCH_ROWS.labels(model)

    def note(number: int, size: int) -> None:
        joined.observe(number)
        rows.observe(size)

    return note


def _cause(error: RunnerEnded) -> Cause:
    if isinstance(error, ModelTimeout):
        return Cause.TIMEOUT
    return Cause.MEMORY if isinstance(error, ModelOutOfMemory) else Cause.CRASH
