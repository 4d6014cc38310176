"""One rehearsal in this worker: the version that is ready scores the sample of what the current version answers."""

from typing import Final

from changeover.estimator.scores import OnError, Options
from changeover.exceptions import ChangeoverError
from changeover.process.clock import now
from changeover.process.log_events import event
from changeover.protocol.rehearsal_counts import RehearsalCounts
from predict_api.prediction.turn import PLAIN_TURN
from predict_api.rehearsal.columns import obstacle, translated
from predict_api.rehearsal.comparison import compared, timed, unanswered
from predict_api.rehearsal.sample import Answered, Sample
from predict_api.scoring.interfaces import Prepared, RequestRows

TIMED: Final = 8  # one request in so many is scored by the current version once more, for its time
_ALL_ROWS: Final = Options(on_error=OnError.NULL)


class Rehearsal:
    """The rehearsal `identity` of `new` against `current`. `step` is for one thread, `counts` for any."""

    def __init__(self, identity: str, current: Prepared, new: Prepared) -> None:
        self.identity, self.current, self.new = identity, current, new
        self._sample = Sample()
        self._requests = 0
        self._ended = False
        self._failure = ""  # the last one that was logged
        self.counts = RehearsalCounts(identity, unable=obstacle(current.reader.schema, new.reader.schema)[:300])

    def begin(self) -> None:
        """Sample what the current version answers from now on, if it can be compared."""
        if not self.counts.unable:
            self.current.tap.join(self._sample)

    def end(self) -> None:
        """Sample no more."""
        self._ended = True
        self.current.tap.leave(self._sample)

    def step(self, end_by: float) -> None:
        """Compare requests that wait, newest first, until `end_by` or the end; the others are dropped."""
        for answered in self._sample.taken():
            if now() >= end_by or self._ended:
                return
            self.counts = self.counts + self._compare(answered)

    def _compare(self, answered: Answered) -> RehearsalCounts:
        request, scores = answered
        self._requests += 1
        rows = translated(request, self.new.reader.schema)
        began = now()
        try:
            new = self.new.scorer.score(rows, PLAIN_TURN, _ALL_ROWS)
            if len(new.labels) != rows.rows:
                raise ChangeoverError(f"the model answered {len(new.labels)} rows of {rows.rows}")
        except Exception as error:  # noqa: BLE001 a model's own code may fail in any way, which is what is counted
            self._log(error)
            return unanswered(rows.rows)
        took = now() - began
        counts = compared(scores, new)
        current_s = self._time_current(request) if self._requests % TIMED == 0 else None
        return counts + timed(took, current_s)

    def _time_current(self, request: RequestRows) -> float | None:
        """The seconds that the current version takes for a request of the sample, None if it does not answer it now."""
        rows = translated(request, self.current.reader.schema)
        began = now()
        try:
            self.current.scorer.score(rows, PLAIN_TURN, _ALL_ROWS)
        except Exception:  # noqa: BLE001 its failures are those of live requests, which are counted there
            return None
        return now() - began

    def _log(self, error: Exception) -> None:
        """Log a failure by its kind, once until another kind comes: its text may have values of rows."""
        kind = type(error).__name__
        if kind != self._failure:
            self._failure = kind
            manifest = self.new.manifest
            event("rehearsal.failed", level="warning", model=manifest.model, version=manifest.version, reason=kind)
