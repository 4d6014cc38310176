"""How a loaded version computes its answers: by its proven twin where it has one, else by the estimator itself.

Carries *attribution* ("or whose twin did"): a row that the twin leaves to the model is computed by the model, and every
answer says which of the two it was. Whoever waits for the estimator is scored in one call with the others.
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

_IGNORE: Final = ("ignore", None, Warning, None, 0)  # as `warnings` keeps what is set below


def by_estimator(estimator: object, schema: Schema, columns: Mapping[str, Sequence[Cell]], rows: int) -> Scores:
    """What the estimator says, in one call; raises ScoringFailed."""
    _ignore_warnings()
    # A model with n_jobs > 1 would start processes of its own here; threads need none.
    with parallel_config(backend="threading"):
        return score(estimator, schema, columns, rows)


def by_twin(twin: TwinRunner, fed: tuple[Numbers, Texts | None], *, small: bool = False) -> Scores:
    """What the twin says to two tensors, as `TwinRunner.run` takes them; raises AskOriginal."""
    labels, probabilities = twin.run(*fed, small=small)
    known = twin.description
    classes = known.classes if known.scores is Kind.PROBABILITIES else None
    return Scores(labels, None if probabilities is None else probabilities.tolist(), classes)


def _ignore_warnings() -> None:
    """Have this process ignore them by a single filter; admission has told whoever publishes.

    scikit-learn sets up all filters anew for each tree of a forest, which takes as long as the trees themselves where
    there are as many as libraries add.
    """
    if warnings.filters != [_IGNORE]:
        warnings.resetwarnings()
        warnings.simplefilter("ignore")


class ByEstimator:
    """The estimator of one version."""

    def __init__(self, estimator: object, schema: Schema) -> None:
        self._joined = Joined(partial(by_estimator, estimator, schema))

    def score(self, asked: Asked) -> Computed:
        """The scores of typed rows; raises ScoringFailed."""
        return Computed(self.by_itself(asked.columns, asked.rows), Runtime.SKLEARN)

    def by_itself(self, columns: Mapping[str, Sequence[Cell]], rows: int) -> Scores:
        """What the estimator says."""
        return self._joined.score(columns, rows)


class ByTwin:
    """The twin of one version, with the estimator for what the twin leaves to it."""

    def __init__(self, twin: TwinRunner, schema: Schema, original: ByEstimator) -> None:
        self._twin, self._schema, self._original = twin, schema, original

    def score(self, asked: Asked) -> Computed:
        """The scores of typed rows; raises ScoringFailed."""
        try:
            return Computed(self._by_twin(asked), Runtime.ONNX)
        except AskOriginal:
            return self._original.score(asked)

    def either(self, columns: Mapping[str, Sequence[Cell]], rows: int) -> Scores:
        """The scores alone of typed columns, whichever computed them."""
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
