"""The scorers of a loaded version: its verified ONNX twin if it has one, else its estimator.

The estimator scores the rows that the twin does not support. The header `Model-Runtime` of each response names the one
that scored. Requests that wait for the estimator are scored in micro-batches.
"""

import warnings
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from joblib import parallel_config

from changeover.estimator.scores import Runtime, Scores
from changeover.estimator.scoring import score
from changeover.exceptions import AskOriginal
from changeover.onnx_twin.description import ScoreKind
from changeover.onnx_twin.session import TwinRunner
from changeover.request.fast_reader import TypedRows
from changeover.request.tensors import Numbers, Texts, tensors
from changeover.schema.cell_parsers import Cell
from changeover.schema.schema import Schema
from predict_api.scoring.batching import Batcher
from predict_api.scoring.interfaces import RequestRows

_IGNORE: Final = ("ignore", None, Warning, None, 0)  # the filter in the form in which `warnings` stores it


def score_by_estimator(estimator: object, schema: Schema, columns: Mapping[str, Sequence[Cell]], rows: int) -> Scores:
    """The scores of the estimator, from one call; raises ScoringFailed."""
    _ignore_warnings()
    # Without this, a model with n_jobs > 1 would start processes here.
    with parallel_config(backend="threading"):
        return score(estimator, schema, columns, rows)


def score_by_twin(twin: TwinRunner, schema: Schema, columns: Mapping[str, Sequence[Cell]], rows: int) -> Scores:
    """The scores of the ONNX twin; raises AskOriginal for rows that it does not support."""
    if not rows:
        raise AskOriginal("there are no rows")
    return _run_twin(twin, tensors(schema, columns, rows))


def score_by_either(
    twin: TwinRunner, estimator: object, schema: Schema, columns: Mapping[str, Sequence[Cell]], rows: int
) -> Scores:
    """The scores of the ONNX twin, or of the estimator for rows that the twin does not support."""
    try:
        return score_by_twin(twin, schema, columns, rows)
    except AskOriginal:
        return score_by_estimator(estimator, schema, columns, rows)


def _run_twin(twin: TwinRunner, inputs: tuple[Numbers, Texts | None], *, small: bool = False) -> Scores:
    labels, probabilities = twin.run(*inputs, small=small)
    description = twin.description
    classes = description.classes if description.scores is ScoreKind.PROBABILITIES else None
    return Scores(labels, probabilities, classes, Runtime.ONNX)


def _ignore_warnings() -> None:
    """Ignore all warnings in this process, by a single filter; admission has shown them to the publisher.

    scikit-learn sets all filters again for each tree of a forest. With the filters that libraries add, this takes as
    long as the trees.
    """
    if warnings.filters != [_IGNORE]:
        warnings.resetwarnings()
        warnings.simplefilter("ignore")


class EstimatorScorer:
    """The scorer that uses the estimator of one version."""

    def __init__(self, estimator: object, schema: Schema) -> None:
        self._batcher = Batcher(partial(score_by_estimator, estimator, schema))

    def score(self, rows: RequestRows) -> Scores:
        """The scores of typed rows; raises ScoringFailed."""
        return self._batcher.score(rows.columns, rows.rows)


class TwinScorer:
    """The scorer that uses the ONNX twin of one version, and the estimator for rows that the twin does not support."""

    def __init__(self, twin: TwinRunner, schema: Schema, estimator_scorer: EstimatorScorer) -> None:
        self._twin, self._schema, self._estimator_scorer = twin, schema, estimator_scorer

    def score(self, rows: RequestRows) -> Scores:
        """The scores of typed rows; raises ScoringFailed."""
        try:
            if isinstance(rows, TypedRows):
                return _run_twin(self._twin, rows.tensors(), small=True)
            return score_by_twin(self._twin, self._schema, rows.columns, rows.rows)
        except AskOriginal:
            return self._estimator_scorer.score(rows)
