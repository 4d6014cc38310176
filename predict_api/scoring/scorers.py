"""The scorer of a version with an ONNX twin: the twin in this process, the model for the rows that it does not support.

The header `Model-Runtime` of each response names the one that scored.
"""

from collections.abc import Mapping, Sequence

from changeover.estimator.scores import PLAIN, Options, Runtime, Scores
from changeover.exceptions import AskOriginal
from changeover.onnx_twin.description import ScoreKind
from changeover.onnx_twin.session import TwinRunner
from changeover.request.columns import TypedColumns
from changeover.request.fast_reader import TypedRows
from changeover.request.tensors import Numbers, Texts, tensors
from changeover.schema.cell_parsers import Cell
from changeover.schema.schema import Schema
from predict_api.scoring.interfaces import RequestRows, Scorer, Turn


def score_by_twin(twin: TwinRunner, schema: Schema, columns: Mapping[str, Sequence[Cell]], rows: int) -> Scores:
    """The scores of the ONNX twin; raises AskOriginal for rows that it does not support."""
    if not rows:
        raise AskOriginal("there are no rows")
    return _run_twin(twin, tensors(schema, columns, rows))


def _run_twin(twin: TwinRunner, inputs: tuple[Numbers, Texts | None], *, small: bool = False) -> Scores:
    labels, probabilities = twin.run(*inputs, small=small)
    description = twin.description
    classes = description.classes if description.scores is ScoreKind.PROBABILITIES else None
    return Scores(labels, probabilities, classes, Runtime.ONNX)


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
                return _run_twin(self._twin, rows.tensors(), small=True)
            return score_by_twin(self._twin, self._schema, rows.columns, rows.rows)
        except AskOriginal:
            return self._model.score(rows, turn, options)
