"""The removal of wrappers around an estimator: a search, a frozen estimator, a decision threshold."""

from dataclasses import dataclass
from typing import Any

from sklearn.pipeline import Pipeline

from changeover.estimator.inspection import SAMPLES
from changeover.estimator.libraries.find import adapted
from changeover.estimator.scoring import classes_of
from changeover.estimator.wrappers import FIXED_THRESHOLD, FROZEN, TUNED_THRESHOLD
from changeover.json_types import Json
from changeover.onnx_twin.description import Threshold
from changeover.onnx_twin.exceptions import NoTwin


@dataclass(frozen=True)
class Unwrapped:
    """The inner estimator, and the decision threshold, if any."""

    inside: Any
    threshold: Threshold | None


def unwrap(estimator: Any) -> Unwrapped:
    """Remove the wrappers; raises NoTwin for a threshold on something else than a probability."""
    threshold = None
    estimator = adapted(estimator)
    while True:
        if isinstance(estimator, FIXED_THRESHOLD + TUNED_THRESHOLD):
            threshold = threshold or _threshold(estimator)
            estimator = estimator.estimator_
        elif isinstance(estimator, FROZEN):
            estimator = estimator.estimator
        elif hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        else:
            return Unwrapped(_without_samplers(estimator), threshold)


def _without_samplers(estimator: Any) -> Any:
    """A pipeline without the steps of imbalanced-learn that do something in fitting only."""
    steps = getattr(estimator, "steps", ())
    kept = [(name, step) for name, step in steps if not hasattr(step, SAMPLES)]
    return estimator if len(kept) == len(steps) else Pipeline(kept)


def _threshold(model: Any) -> Threshold:
    kind = type(model).__name__
    if isinstance(model, FIXED_THRESHOLD):
        value = 0.5 if model.threshold == "auto" else model.threshold
        positive = model.pos_label
    else:
        value = model.best_threshold_
        positive = model._curve_scorer._get_pos_label()  # noqa: SLF001  predict itself asks it
    if model.response_method == "decision_function" or not hasattr(model.estimator_, "predict_proba"):
        raise NoTwin(f"the {kind} decides by another figure than a probability")
    classes: list[Json] = classes_of(model) or []
    if len(classes) != 2:
        raise NoTwin(f"the {kind} has {len(classes)} classes: two were expected")
    index = 1 if positive is None else model.classes_.tolist().index(positive)
    return Threshold(index, float(value), classes[index], classes[1 - index])
