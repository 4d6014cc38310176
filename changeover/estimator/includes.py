"""The values of a row that a model has beside its label and probabilities: a decision, a standard deviation.

`decision` is what `decision_function` returns, else `score_samples` (outlier detectors, mixtures, SVMs without
probabilities): a number for each row, or one for each class. `std` is the standard deviation of the prediction, of
models whose `predict` takes `return_std` (Gaussian processes, Bayesian regressions), also as the last step of a pipeline
and in a search.
"""

import inspect
from typing import Any, Final

from changeover.estimator.inspection import last_part
from changeover.estimator.model_calls import call, last_step, rows_of
from changeover.exceptions import ScoringFailed
from changeover.json_types import Json

DECISION: Final = "decision"
STD: Final = "std"
_DECISIONS: Final = ("decision_function", "score_samples")


def includes_of(estimator: object) -> list[str]:
    """Those of `decision` and `std` that a fitted estimator has."""
    has = {DECISION: _decision(estimator) is not None, STD: _returns_std(last_part(estimator))}
    return [name for name, is_there in has.items() if is_there]


def included(name: str, estimator: object, inputs: object, rows: int) -> list[Json]:
    """The value of `decision` or `std` for each of the `rows` rows of `inputs`; raises ScoringFailed.

    `estimator` is one that `includes_of` says to have it, or its last step with the input of that.
    """
    if name == DECISION:
        method = _decision(estimator)
        if method is None:
            raise ScoringFailed("the model has no decision_function and no score_samples")
        return rows_of(call(estimator, method, inputs), method, rows)
    return rows_of(_deviations(estimator, inputs), "predict with return_std", rows)


def _decision(estimator: object) -> str | None:
    return next((method for method in _DECISIONS if callable(getattr(estimator, method, None))), None)


def _deviations(estimator: Any, inputs: object) -> object:
    while not _returns_std(estimator):
        if hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        elif hasattr(estimator, "steps"):
            estimator, inputs = last_step(estimator, inputs, "predict")
        else:
            raise ScoringFailed("the predict of the model takes no return_std")
    returned = call(estimator, "predict", inputs, return_std=True)
    if not isinstance(returned, tuple) or len(returned) != 2:
        raise ScoringFailed("the model's predict returned no pair for return_std")
    return returned[1]


def _returns_std(estimator: object) -> bool:
    """Whether its own `predict` takes `return_std`; a pipeline's takes any option."""
    try:
        return "return_std" in inspect.signature(estimator.predict).parameters  # type: ignore[attr-defined]
    except (AttributeError, TypeError, ValueError):
        return False
