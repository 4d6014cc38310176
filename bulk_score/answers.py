"""The answers of a version as Arrow columns: their types, which the manifest alone decides, and their arrays."""

import json
from collections.abc import Sequence
from itertools import chain
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import types

from bulk_score.exceptions import OtherAnswer
from changeover.json_documents import objects_in
from changeover.manifest.manifest import Manifest
from changeover.request import arrow_arrays

PREDICTION: Final = "prediction"
PROBABILITIES: Final = "predict_proba"
VERSION: Final = "model_version"
_NUMBERS: Final = {"int64": np.int64, "double": np.float64}
Array = npt.NDArray[Any]


def answer_fields(manifest: Manifest) -> list[pa.Field]:
    """The fields of the three columns of answers.

    `prediction` is a string, boolean, int64 or double, or a list of them for several outputs. Labels of several types
    are texts of JSON. `predict_proba` is list<double>, or a list of such lists for several outputs.
    """
    classes = manifest.classes
    several = bool(classes) and all(isinstance(entry, list) for entry in classes or ())
    if classes:
        labels = [label for entry in classes for label in (entry if isinstance(entry, list) else [entry])]
    else:
        outputs = objects_in((manifest.golden or {}).get("outputs"))
        known = [output.get(PREDICTION) for output in outputs]
        several = any(isinstance(label, list) for label in known)
        labels = [part for label in known for part in (label if isinstance(label, list) else [label])]
        if manifest.estimator.get("kind") == "regressor":
            labels = [0.0]
    kind = _scalar(labels)
    row = pa.list_(pa.float64())
    return [
        pa.field(PREDICTION, pa.list_(kind) if several else kind),
        pa.field(PROBABILITIES, pa.list_(row) if several and classes else row),
        pa.field(VERSION, pa.string()),
    ]


def array_of(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """The values, None for a missing one, as an array of this type; raises OtherAnswer for a value of another type."""
    valid = arrow_arrays.validity(values)
    try:
        if types.is_list(kind):
            filled = [[] if value is None else value for value in values]
            inner = array_of(list(chain.from_iterable(filled)), kind.value_type)
            return arrow_arrays.list_array(inner, [*map(len, filled)], kind, valid)
        if types.is_string(kind):
            return arrow_arrays.text_array(["" if value is None else _text(value) for value in values], valid)
        if types.is_boolean(kind):
            return arrow_arrays.boolean_array([*map(_boolean, values)], valid)
        dtype = _NUMBERS[str(kind)]
        plain = [0 if value is None else _number(value, whole=dtype is np.int64) for value in values]
        return arrow_arrays.number_array(np.array(plain, dtype=dtype), kind, valid)
    except (TypeError, ValueError, OverflowError) as error:
        raise OtherAnswer(
            f"the model answered {error}, and {kind} follows from its manifest: publish it again, with golden rows that "
            "have each kind of answer"
        ) from None


def number_array(numbers: Array, kind: pa.DataType) -> pa.Array:
    """float64[N, c] as doubles or whole numbers (c is 1), or as lists of c of them."""
    if types.is_list(kind):
        rows, width = numbers.shape
        inner = number_array(numbers.reshape(-1, 1), kind.value_type)
        offsets = pa.py_buffer(np.arange(rows + 1, dtype=np.int32) * width)
        return pa.Array.from_buffers(kind, rows, [None, offsets], children=[inner])
    flat = numbers[:, 0]
    if not types.is_floating(kind):
        return array_of(flat.tolist(), kind)
    return arrow_arrays.number_array(np.ascontiguousarray(flat), kind)


def chosen(labels: Sequence[Any], positions: Array, kind: pa.DataType) -> pa.Array:
    """The label at each position."""
    indices = arrow_arrays.number_array(positions.astype(np.int64), pa.int64())
    return array_of(labels, kind).take(indices)


def repeated(text: str, rows: int) -> pa.Array:
    """The same text in each row."""
    encoded = text.encode()
    offsets = pa.py_buffer(np.arange(rows + 1, dtype=np.int32) * len(encoded))
    return pa.Array.from_buffers(pa.string(), rows, [None, offsets, pa.py_buffer(encoded * rows)])


def missing(rows: int, kind: pa.DataType) -> pa.Array:
    """As many missing values."""
    return array_of([None] * rows, kind)


def _scalar(labels: Sequence[Any]) -> pa.DataType:
    kinds = {type(label) for label in labels}
    if kinds == {bool}:
        return pa.bool_()
    if kinds == {int}:
        return pa.int64()
    return pa.float64() if kinds and kinds <= {int, float} else pa.string()


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _boolean(value: object) -> bool:
    if value is not None and not isinstance(value, bool):
        raise ValueError(repr(value)[:60])
    return bool(value)


def _number(value: Any, *, whole: bool) -> float | int:
    fits = isinstance(value, int | float) and not isinstance(value, bool)
    if not fits or (whole and value != int(value)):
        raise ValueError(repr(value)[:60])
    return int(value) if whole else float(value)
