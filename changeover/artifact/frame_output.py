"""The output containers of a model that was fitted under `sklearn.set_config(transform_output="pandas")`.

That setting belongs to a process and is not in the artifact: loaded elsewhere, the steps of a pipeline give arrays, and
a later step that selects columns by name fails. A step that was fitted on names shows that the one before it gave a
frame, so that one is set to give frames again, as `set_output` would have kept it.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Final

_CONFIGURED: Final = "_sklearn_output_config"
_LONGEST: Final = 10_000  # longer lists hold no steps
_CONTAINERS: Final = (list, tuple)


def restore(model: object) -> None:
    """Let the transformers of each pipeline in `model` give the frames that the steps after them were fitted on."""
    for pipeline in _pipelines(model):
        for transformer, following in pairwise(_steps(pipeline)):
            if _gave_frame(transformer, following):
                transformer.set_output(transform="pandas")


def _steps(pipeline: Any) -> list[Any]:
    """The estimators of a pipeline in order; none if its state is not that of a pipeline."""
    from sklearn.base import BaseEstimator

    steps = vars(pipeline).get("steps")
    pairs = [step for step in steps if isinstance(step, _CONTAINERS) and len(step) == 2] if type(steps) is list else []
    return [estimator for _, estimator in pairs if isinstance(estimator, BaseEstimator)]


def _gave_frame(transformer: Any, following: Any) -> bool:
    """Whether the names that `following` was fitted on are those that `transformer` gives, if it gives frames."""
    try:
        if "transform" in vars(transformer).get(_CONFIGURED, {}) or not hasattr(transformer, "set_output"):
            return False
        fitted = getattr(following, "feature_names_in_", None)
        if fitted is None:
            return False
        if hasattr(transformer, "get_feature_names_out"):
            given = transformer.get_feature_names_out()
        else:  # a FunctionTransformer, whose function keeps the columns
            given = transformer.feature_names_in_
        return list(given) == list(fitted)
    except (AttributeError, TypeError, ValueError):
        return False


def _pipelines(model: object) -> Iterator[Any]:
    """Every pipeline within `model`: in attributes, lists, tuples and dicts of scikit-learn's objects."""
    from sklearn.base import BaseEstimator
    from sklearn.pipeline import Pipeline

    seen: set[int] = set()
    waiting: list[Any] = [model]
    while waiting:
        part = waiting.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        if isinstance(part, Pipeline):
            yield part
        if isinstance(part, BaseEstimator):
            part = vars(part)
        if type(part) is dict:
            part = list(part.values())
        if isinstance(part, _CONTAINERS) and len(part) <= _LONGEST:
            waiting += [inner for inner in part if isinstance(inner, BaseEstimator | dict | list | tuple)]
