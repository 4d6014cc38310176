"""The span of each score, around the scorer of a version; used only when spans are on."""

from dataclasses import replace

from changeover.estimator.scores import PLAIN, Options, Scores
from changeover.process import tracing
from predict_api.scoring.interfaces import Prepared, RequestRows, Scorer, Turn


class TracedScorer:
    """`scorer`, with a span for each call."""

    def __init__(self, scorer: Scorer, version: str) -> None:
        self._scorer, self._version = scorer, version

    def score(self, rows: RequestRows, turn: Turn, options: Options = PLAIN) -> Scores:
        """The scores of the rows; raises the errors of the scorer."""
        with tracing.span("score", {"changeover.version": self._version, "changeover.rows": rows.rows}):
            return self._scorer.score(rows, turn, options)


def traced(prepared: Prepared) -> Prepared:
    """`prepared`, whose scores have spans if spans are on."""
    if tracing.active() is None:
        return prepared
    return replace(prepared, scorer=TracedScorer(prepared.scorer, prepared.version))
