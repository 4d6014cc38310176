"""The scorer of a version with an ONNX twin: the twin in this process, the model for the rows that it does not support.

The header `Model-Runtime` of each response names the one that scored.
"""

from changeover.estimator.scores import PLAIN, Options, Scores
from changeover.exceptions import AskOriginal
from changeover.onnx_twin.scoring import run_twin, score_by_twin
from changeover.onnx_twin.session import TwinRunner
from changeover.request.columns import TypedColumns
from changeover.request.fast_reader import TypedRows
from changeover.schema.schema import Schema
from predict_api.scoring.interfaces import RequestRows, Scorer, Turn


class TwinScorer:
    """The scorer that uses the ONNX twin of one version, and `model` for rows that the twin does not support."""

    def __init__(self, twin: TwinRunner, schema: Schema, model: Scorer) -> None:
        self._twin, self._schema, self._model = twin, schema, model

    def score(self, rows: RequestRows, turn: Turn, options: Options = PLAIN) -> Scores:
        """The scores of typed rows; raises the errors of `model`, which alone has more than answers to include."""
        if options.include:
            return self._model.score(rows, turn, options)
        try:
            if isinstance(rows, TypedRows | TypedColumns):
                return run_twin(self._twin, rows.tensors(), small=True)
            return score_by_twin(self._twin, self._schema, rows.columns, rows.rows)
        except AskOriginal:
            return self._model.score(rows, turn, options)
