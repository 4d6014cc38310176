"""The scorers of a loaded version: its verified ONNX twin if it has one, else its estimator.

The estimator scores the rows that the twin does not support. The header `Model-Runtime` of each response names the one
that scored. Requests that wait for the estimator are scored in micro-batches.
"""

import warnings
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from joblib import parallel_config

from changeover.estimator.scores import Scores
from changeover.estimator.scoring import score
from changeover.exceptions import AskOriginal
from changeover.onnx_twin.description import Scores as Kind
from changeover.onnx_twin.session import TwinRunner
from changeover.request.fast_reader import TypedRows
from changeover.request.tensors import Numbers, Texts, tensors
from changeover.schema.cell_parsers import Cell
from changeover.schema.schema import Schema
from predict_api.scoring.batching import Joined
from predict_api.scoring.interfaces import Asked, Computed, Runtime

_IGNORE: Final = ("ignore", None, Warning, None, 0)  # the filter in the form in which `warnings` stores it


def by_estimator(estimator: object, schema: Schema, columns: Mapping[str, Sequence[Cell]], rows: int) -> Scores:
    """The scores of the estimator, from one call; raises ScoringFailed."""
    _ignore_warnings()
    # Without this, a model with n_jobs > 1 would start processes here.
    with parallel_config(backend="threading"):
        return score(estimator, schema, columns, rows)


def by_twin(twin: TwinRunner, fed: tuple[Numbers, Texts | None], *, small: bool = False) -> Scores:
    """The scores of the ONNX twin for two tensors, as `TwinRunner.run` takes them; raises AskOriginal."""
    labels, probabilities = twin.run(*fed, small=small)
    known = twin.description
    classes = known.classes if known.scores is Kind.PROBABILITIES else None
    return Scores(labels, None if probabilities is None else probabilities.tolist(), classes)


def _ignore_warnings() -> None:
    """Ignore all warnings in this process, by a single filter; admission has shown them to the publisher.

    scikit-learn sets all filters again for each tree of a forest. With the filters that libraries add, this takes as
    long as the trees.
    """
    if warnings.filters != [_IGNORE]:
        warnings.resetwarnings()
        warnings.simplefilter("ignore")


class ByEstimator:
    """The scorer that uses the estimator of one version."""

    def __init__(self, estimator: object, schema: Schema) -> None:
        self._joined = Joined(partial(by_estimator, estimator, schema))

    def score(self, asked: Asked) -> Computed:
        """The scores of typed rows; raises ScoringFailed."""
        return Computed(self.by_itself(asked.columns, asked.rows), Runtime.SKLEARN)

    def by_itself(self, columns: Mapping[str, Sequence[Cell]], rows: int) -> Scores:
        """The scores of the estimator."""
        return self._joined.score(columns, rows)


class ByTwin:
    """The scorer that uses the ONNX twin of one version, and the estimator for rows that the twin does not support."""

    def __init__(self, twin: TwinRunner, schema: Schema, original: ByEstimator) -> None:
        self._twin, self._schema, self._original = twin, schema, original

    def score(self, asked: Asked) -> Computed:
        """The scores of typed rows; raises ScoringFailed."""
        try:
            return Computed(self._by_twin(asked), Runtime.ONNX)
        except AskOriginal:
            return self._original.score(asked)

    def either(self, columns: Mapping[str, Sequence[Cell]], rows: int) -> Scores:
        """The scores of typed columns, from the twin or the estimator."""
        try:
            return by_twin(self._twin, tensors(self._schema, columns, rows))
        except AskOriginal:
            return self._original.by_itself(columns, rows)

    def _by_twin(self, asked: Asked) -> Scores:
        if isinstance(asked, TypedRows):
            return by_twin(self._twin, asked.tensors(), small=True)
        if not asked.rows:
            raise AskOriginal("there are no rows")
        return by_twin(self._twin, tensors(self._schema, asked.columns, asked.rows))
