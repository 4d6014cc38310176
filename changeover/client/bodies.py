"""The body of a prediction request, made from frames, arrays, or dicts with values of numpy or pandas.

Missing values (None, NaN, pd.NA, NaT) are sent as null, integers exactly, times as ISO 8601: `2024-01-01T00:00:00` for a
time, `2024-01-01` for a day. Neither numpy nor pandas is imported: their values exist only if the caller imported them.
"""

import json
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, time
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from changeover.exceptions import UnsendableValue
from changeover.json_types import Json

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

_Path = tuple[int | str, ...]  # of a value in the body: keys and indices
_MOST_BITS: Final = 1024  # of an integer: more are beyond a double, and slow to write


def json_of(body: object) -> bytes:
    """The JSON of a prediction request, in UTF-8.

    A DataFrame or an array of two dimensions is a batch, a Series or a dict one row; lists and dicts are sent in their
    form. Raises UnsendableValue for infinity, bytes and anything else that JSON cannot hold.
    """
    return json.dumps(_json(body), allow_nan=False).encode()


def _json(body: object) -> Json:
    pandas, numpy = sys.modules.get("pandas"), sys.modules.get("numpy")
    if pandas is not None and isinstance(body, pandas.DataFrame):
        return _rows_of_frame(body)
    if pandas is not None and isinstance(body, pandas.Series):
        labels = list(body.index)
        names = [f"x{label}" for label in labels] if _numbered(labels) else _names(labels)
        return {name: _value(cell, (0, name)) for name, cell in zip(names, body.tolist(), strict=True)}
    if numpy is not None and isinstance(body, numpy.ndarray) and body.ndim:
        if body.ndim == 1:
            raise UnsendableValue(
                "an array of one dimension may be a row or a column: send array.reshape(1, -1), one row"
            )
        if body.ndim > 2:
            raise UnsendableValue(f"the array has {body.ndim} dimensions: a row an observation, a column a feature")
    return _value(body, ())


def _rows_of_frame(frame: "pd.DataFrame") -> Json:
    """The rows of `frame` as objects; as arrays if its columns are only numbered."""
    labels = list(frame.columns)
    numbered = _numbered(labels)
    names: Sequence[int | str] = range(len(labels)) if numbered else _names(labels)
    columns = [
        [_value(cell, (row, name)) for row, cell in enumerate(frame.iloc[:, index].tolist())]
        for index, name in enumerate(names)
    ]
    if numbered:
        return [list(row) for row in zip(*columns, strict=True)]
    return [dict(zip(map(str, names), row, strict=True)) for row in zip(*columns, strict=True)]


def _numbered(labels: Sequence[object]) -> bool:
    """Whether the labels are those that pandas gives by default: 0, 1 and so on."""
    return bool(labels) and labels == list(range(len(labels)))


def _names(labels: Iterable[object]) -> list[str]:
    """The labels of columns, which must be strings and differ."""
    names = [_name(label) for label in labels]
    twice = next((name for index, name in enumerate(names) if name in names[:index]), None)
    if twice is not None:
        raise UnsendableValue(f"the name {twice!r} stands there twice: rename one of the columns")
    return names


def _name(label: object) -> str:
    if not isinstance(label, str):
        kind = type(label).__name__
        raise UnsendableValue(f"the name {label!r} is {_article(kind)} {kind}: columns have strings as names")
    return str(label)


def _value(value: object, path: _Path) -> Json:
    """A cell, or a list or dict of them. `np.float64` is a float, a Timestamp or NaT a datetime."""
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, float):
        return _float(value, path)
    if isinstance(value, int):
        return _integer(value, path)
    if isinstance(value, Decimal):
        return _decimal(value, path)
    if isinstance(value, date | time):
        text = value.isoformat()
        return None if text == "NaT" else text
    if isinstance(value, Mapping):
        return _mapping(value, path)
    if isinstance(value, list | tuple):
        return _items(value, path)
    if isinstance(value, bytes | bytearray | memoryview):
        raise _unsendable(path, "bytes cannot be sent as JSON: decode them to a string")
    return _of_library(value, path)


def _float(value: float, path: _Path) -> Json:
    if math.isfinite(value):
        return float(value)
    if math.isnan(value):
        return None
    raise _unsendable(path, "infinity is no JSON number: replace it, or send None for a missing value")


def _integer(value: int, path: _Path) -> Json:
    if value.bit_length() > _MOST_BITS:
        raise _unsendable(path, f"an integer of more than {_MOST_BITS} bits is beyond every column")
    return int(value)


def _decimal(value: Decimal, path: _Path) -> Json:
    """An integer exactly, a fraction as the nearest double: predict_api would round it in the same way."""
    if not value.is_finite():
        return _float(math.nan if value.is_nan() else math.inf, path)
    if abs(value) >= Decimal("1.8e308"):
        raise _unsendable(path, f"the number {value:.3E} is beyond a double")
    return int(value) if value == value.to_integral_value() else float(value)


def _mapping(value: Mapping[object, object], path: _Path) -> Json:
    """An object; the keys below a column are labels of rows, which pandas numbers."""
    is_column = any(isinstance(key, str) for key in path)
    return {
        name: _value(cell, (*path, name))
        for name, cell in ((str(key) if is_column else _name(key), cell) for key, cell in value.items())
    }


def _items(value: Iterable[object], path: _Path) -> Json:
    return [_value(cell, (*path, index)) for index, cell in enumerate(value)]


def _of_library(value: object, path: _Path) -> Json:
    """A value of numpy or pandas."""
    pandas, numpy = sys.modules.get("pandas"), sys.modules.get("numpy")
    if pandas is not None:
        if value is pandas.NA:
            return None
        if isinstance(value, pandas.Series | pandas.Index | pandas.api.extensions.ExtensionArray):
            return _items(value.tolist(), path)
    if numpy is not None:
        if isinstance(value, numpy.ndarray):
            return _items(list(value), path) if value.ndim else _value(value[()], path)
        if isinstance(value, numpy.datetime64):
            return _datetime64(value)
        if isinstance(value, numpy.longdouble):
            return _float(float(value), path)
        if isinstance(value, numpy.bool_ | numpy.integer | numpy.floating) and not isinstance(value, numpy.timedelta64):
            return _value(value.item(), path)
    kind = type(value).__name__
    raise _unsendable(
        path, f"{_article(kind)} {kind} cannot be sent as JSON: send a number, a string or a boolean in its place"
    )


def _datetime64(value: "np.datetime64") -> Json:
    moment = value.astype("datetime64[us]")
    if moment != value:  # missing, which equals nothing, or nanoseconds
        text = str(value)
        return None if text == "NaT" else text
    day = value.item() if isinstance(value.item(), date) else moment.item()
    return day.isoformat() if isinstance(day, date) else str(value)


def _article(kind: str) -> str:
    return "an" if kind[:1].lower() in "aeiou" else "a"


def _unsendable(path: _Path, reason: str) -> UnsendableValue:
    """The exception for the value at `path`, with its row and column."""
    indices = [key for key in path if isinstance(key, int)]
    names = [key for key in path if isinstance(key, str)]
    if not path:
        return UnsendableValue(reason)
    row = indices[0] if indices else 0
    column: int | str = indices[1] if len(indices) > 1 else repr(names[0]) if names else 0
    return UnsendableValue(f"row {row}, column {column}: {reason}")
