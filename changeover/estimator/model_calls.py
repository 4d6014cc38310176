"""One call of a method of an estimator, and what it returned as JSON, a value for each row."""

from typing import Any

import numpy as np
import numpy.typing as npt

from changeover.exceptions import NotFinite, ScoringFailed
from changeover.json_types import Json

Array = npt.NDArray[np.generic]


def call(estimator: object, method: str, inputs: object, **options: object) -> object:
    """What the method returned; raises ScoringFailed with the model's error as its cause."""
    try:
        return getattr(estimator, method)(inputs, **options)
    except Exception as error:  # a model is foreign code and may raise anything
        raise ScoringFailed(f"the model raised {type(error).__name__} in {method}") from error


def last_step(pipeline: Any, inputs: object, method: str = "predict_proba") -> tuple[object, object]:
    """The last step of a pipeline and its input: what the other steps make of `inputs`, computed once for two calls.

    Raises ScoringFailed, which names `method`.
    """
    *before, (_, last) = pipeline.steps
    try:
        for _, step in before:
            if step is not None and step != "passthrough":
                inputs = step.transform(inputs)
    except Exception as error:  # a model is foreign code and may raise anything
        raise ScoringFailed(f"the model raised {type(error).__name__} in {method}") from error
    return last, inputs


def rows_of(returned: object, method: str, rows: int) -> list[Json]:
    """What `method` returned for `rows` rows, a value each; raises ScoringFailed, and NotFinite that names rows."""
    if hasattr(returned, "toarray"):
        returned = returned.toarray()
    array: Array = np.asarray(returned)
    if array.ndim == 0 or len(array) != rows:
        raise ScoringFailed(f"the model's {method} returned an array of shape {array.shape} for {rows} rows")
    if array.dtype.kind == "f" and not (finite := np.isfinite(array)).all():
        bad = np.logical_not(finite.reshape(rows, -1).all(axis=1)).nonzero()[0].tolist()
        raise NotFinite(f"the model's {method} returned NaN or an infinite number, which has no JSON form", bad)
    if array.ndim == 2 and array.shape[1] == 1 and method == "predict":
        array = array[:, 0]  # a column is one output, as scikit-learn itself reads it
    values = array.tolist()
    try:
        return [plain(value, method) for value in values]
    except NotFinite as error:
        raise NotFinite(str(error), [index for index, value in enumerate(values) if _is_not_finite(value)]) from None


def _is_not_finite(value: object) -> bool:
    try:
        plain(value, "")
    except ScoringFailed as error:
        return isinstance(error, NotFinite)
    return False


def plain(value: object, where: str) -> Json:
    """A label as JSON of its own type; raises ScoringFailed for what has no JSON form."""
    if isinstance(value, np.generic):
        value = float(value) if isinstance(value, np.floating) else value.item()
    if isinstance(value, list):
        return [plain(entry, where) for entry in value]
    if isinstance(value, float):
        if value - value == 0.0:
            return value
        raise NotFinite(f"the model's {where} holds NaN or an infinite number, which has no JSON form")
    if value is None or isinstance(value, bool | int | str):
        return value
    raise ScoringFailed(f"the model's {where} holds a {type(value).__name__}, which has no JSON form")
