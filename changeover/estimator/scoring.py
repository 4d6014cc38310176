"""One call of an estimator: typed columns in, labels and probabilities out, or ScoringFailed.

Labels keep their type in JSON. A model that returns NaN raises NotFinite, which names the rows. `predict` decides the
label (a decision threshold is part of the model), `predict_proba` gives the probabilities.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

import numpy as np
import numpy.typing as npt
from sklearn.base import is_classifier, is_regressor
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from changeover.estimator.includes import included, includes_of
from changeover.estimator.inputs import Feed, feeding
from changeover.estimator.inspection import last_part
from changeover.estimator.libraries.adapted import AdaptedClassifier
from changeover.estimator.libraries.find import adapted, original_of
from changeover.estimator.model_calls import call, last_step, plain, rows_of
from changeover.estimator.scores import Scores
from changeover.estimator.wrappers import FIXED_THRESHOLD
from changeover.exceptions import NotAnEstimator, ScoringFailed
from changeover.json_types import Json, JsonObject
from changeover.schema.cell_parsers import Cell
from changeover.schema.schema import Schema

Array = npt.NDArray[np.generic]
_FORESTS: Final = {
    *(f"sklearn.ensemble._forest.{name}" for name in ("RandomForestClassifier", "ExtraTreesClassifier")),
    "lightgbm.sklearn.LGBMClassifier",
}


def score(
    estimator: object,
    schema: Schema,
    columns: Mapping[str, Sequence[Cell]],
    rows: int,
    feed: Feed | None = None,
    include: Sequence[str] = (),
) -> Scores:
    """Score `rows` rows of typed `columns`, as returned by `decode`, with `estimator`.

    `feed` is what `feeding` returned for the estimator and the schema, for many calls. `include` names what the scores
    have beside labels and probabilities, of `includes_of`.

    Raises ScoringFailed if the model raises (its error is the cause; the message carries no data of the caller's), or
    returns another number of rows or what has no JSON form; NotFinite, which names rows, if it returns NaN or
    infinities; NotAnEstimator without `predict`.
    """
    estimator = _checked(estimator)
    if rows == 0:
        return Scores([], [], classes_of(estimator)) if hasattr(estimator, "predict_proba") else Scores([], None, None)
    return score_inputs(estimator, (feed or feeding(estimator, schema))(columns), rows, include)


def score_inputs(estimator: object, inputs: object, rows: int, include: Sequence[str] = ()) -> Scores:
    """Score `rows` rows, at least one, in the form in which the estimator takes them; raises the errors of `score`."""
    model = estimator = _checked(estimator)
    has_probabilities = hasattr(estimator, "predict_proba")
    if has_probabilities and _asks_twice(estimator):
        model, inputs = last_step(estimator, inputs)
    returned = _call_for_probabilities(model, inputs) if has_probabilities else None
    probabilities = None if returned is None else _probabilities(returned, rows)
    labels: object = _labels_from(estimator, returned)
    if labels is None:
        labels = call(model, "predict", inputs)
    labels = rows_of(labels, "predict", rows)
    more = {name: included(name, model, inputs, rows) for name in include} or None
    if probabilities is None:
        return Scores(labels, None, None, included=more)
    classes = _fitting(classes_of(estimator), probabilities[0], labels[0])
    return Scores(labels, probabilities, classes, included=more)


def own_answers(estimator: object, inputs: object, rows: int) -> Scores:
    """What a notebook sees: `predict` and `predict_proba`, each called with the inputs; raises the errors of `score`."""
    estimator = _checked(estimator)
    labels = rows_of(call(estimator, "predict", inputs), "predict", rows)
    returned = _call_for_probabilities(estimator, inputs) if hasattr(estimator, "predict_proba") else None
    if returned is None:
        return Scores(labels, None, None)
    probabilities = _probabilities(returned, rows)
    return Scores(labels, probabilities, _fitting(classes_of(estimator), probabilities[0], labels[0]))


def _asks_twice(estimator: Any) -> bool:
    """Whether it is a pipeline that is called for probabilities, and again for labels."""
    return type(estimator) is Pipeline and len(estimator.steps) > 1 and not _votes(estimator)


def _labels_from(estimator: object, probabilities: object) -> Array | None:
    """The labels from the probabilities, without a second run of the pipeline, or None: then `predict` must be called."""
    if not isinstance(probabilities, np.ndarray):
        return None
    if isinstance(estimator, AdaptedClassifier):
        best: Array = estimator.classes_.take(np.argmax(probabilities, axis=1))
        return best
    if type(estimator) in FIXED_THRESHOLD:
        return _labels_by_threshold(estimator, probabilities)
    return _labels_by_votes(estimator, probabilities)


def _labels_by_threshold(estimator: Any, probabilities: npt.NDArray[Any]) -> Array | None:
    """The labels of a FixedThresholdClassifier, or None if its threshold is on other scores."""
    if estimator.response_method == "decision_function" or estimator.pos_label is not None:
        return None
    classes: Array = np.asarray(estimator.classes_)
    if classes.shape != (2,) or probabilities.shape[1:] != (2,):
        return None
    threshold = 0.5 if estimator.threshold == "auto" else estimator.threshold
    labels: Array = classes[(probabilities[:, 1] >= threshold).astype(int)]
    return labels


def _votes(estimator: Any) -> bool:
    """Whether the labels of a model, or of a pipeline's last step, are those of the highest probability."""
    while type(estimator) is Pipeline:
        estimator = estimator.steps[-1][1]
    kind = type(estimator)  # by name: an import of all ensembles would slow the start of every process
    return f"{kind.__module__}.{kind.__qualname__}" in _FORESTS


def _labels_by_votes(estimator: Any, probabilities: Array) -> Array | None:
    """The labels of a forest: the class of the highest probability, as scikit-learn and lightgbm document.

    None for every other estimator, whose `predict` may differ.
    """
    while type(estimator) is Pipeline:
        estimator = estimator.steps[-1][1]
    if not _votes(estimator):
        return None
    classes = estimator.classes_
    if not isinstance(classes, np.ndarray) or probabilities.shape[1:] != classes.shape:
        return None
    labels: Array = classes.take(np.argmax(probabilities, axis=1), axis=0)
    return labels


def classes_of(estimator: object) -> list[Json] | None:
    """The labels in the order of `predict_proba` (a list of lists for several outputs), or None.

    A model with one probability for each of several labels (a ClassifierChain), or for each component of a mixture, has
    their indices as classes.
    """
    estimator = adapted(estimator)
    classes, last = getattr(estimator, "classes_", None), last_part(estimator)
    if classes is None:
        parts_of_mixture = getattr(last, "weights_", None) if hasattr(estimator, "predict_proba") else None
        return None if parts_of_mixture is None else list(range(len(parts_of_mixture)))
    if isinstance(classes, list) and classes and all(isinstance(output, np.ndarray) for output in classes):
        if hasattr(last, "chain_method"):
            return list(range(len(classes)))
        several: list[Json] = [[plain(label, "classes_") for label in output.tolist()] for output in classes]
        return several if len(several) > 1 else cast("list[Json]", several[0])
    return [plain(label, "classes_") for label in np.asarray(classes).tolist()]


def _fitting(classes: list[Json] | None, first: Json, label: Json) -> list[Json] | None:
    """`classes`, or indices if the `first` row's probabilities have another shape, or are one for each of several labels."""
    if not isinstance(first, list) or not first or isinstance(first[0], list):
        return classes
    if isinstance(label, list) and len(label) == len(first):
        return list(range(len(first)))
    return list(range(len(first))) if classes is None or isinstance(classes[0], list) else classes


def describe(estimator: object) -> JsonObject:
    """`{"type": "Pipeline", "kind": "classifier" | "regressor" | "other", "predict_proba": true, "includes": [...]}`.

    `includes` is what a request may have beside the answers: `decision`, `std`.

    Raises NotAnEstimator for an object without `predict`, not fitted, or with classes without a JSON form.
    """
    estimator = _checked(estimator)
    try:
        check_is_fitted(estimator)
    except NotFittedError:
        raise NotAnEstimator(f"the {type(estimator).__name__} is not fitted: call fit before publishing it") from None
    except (TypeError, AttributeError):
        pass  # no scikit-learn estimator: only a call shows if it is fitted
    try:
        classes_of(estimator)
    except ScoringFailed as error:
        raise NotAnEstimator(
            f"{error}: fit it on labels that are strings, finite numbers or bools, without the rows that have no label"
        ) from None
    return {
        "type": type(original_of(estimator)).__name__,
        "kind": _kind(estimator),
        "predict_proba": hasattr(estimator, "predict_proba"),
        "includes": [*includes_of(estimator)],
    }


def _kind(estimator: object) -> str:
    try:
        if is_classifier(estimator):
            return "classifier"
        return "regressor" if is_regressor(estimator) else "other"
    except (AttributeError, TypeError):  # not of scikit-learn's kind
        return "other"


def _checked(estimator: object) -> object:
    """`estimator` in the form of a scikit-learn estimator; raises NotAnEstimator if it cannot predict."""
    if isinstance(estimator, type) or not callable(getattr(estimator, "predict", None)):
        name = estimator.__name__ if isinstance(estimator, type) else type(estimator).__name__
        raise NotAnEstimator(f"the artifact holds a {name}, which cannot predict: save a fitted estimator or pipeline")
    return adapted(estimator)


def _call_for_probabilities(estimator: object, inputs: object) -> object | None:
    """The result of `predict_proba`, or None if the method exists but is not available."""
    try:
        return call(estimator, "predict_proba", inputs)
    except ScoringFailed as error:
        cause = error.__cause__
        if isinstance(cause, NotImplementedError):
            return None
        if isinstance(cause, AttributeError) and "predict_proba" in str(cause):
            return None
        raise


def _probabilities(returned: object, rows: int) -> list[Json]:
    if isinstance(returned, list):  # several outputs: one array each
        outputs = [rows_of(output, "predict_proba", rows) for output in returned]
        if len(outputs) == 1:
            return outputs[0]
        return [list(row) for row in zip(*outputs, strict=True)]
    return rows_of(returned, "predict_proba", rows)
