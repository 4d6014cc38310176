"""The conversion of example inputs, in any common container, into a frame of named columns.

A frame keeps its column names; an array, a list of strings or a sparse matrix has columns by position.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from changeover.estimator.inputs import frames
from changeover.exceptions import InvalidSchema
from changeover.json_types import Json, JsonObject
from changeover.request.validation_errors import ValidationErrors
from changeover.schema.cell_parsers import BadCell, Cell
from changeover.schema.schema import Column, Schema

TEXT_COLUMN = "text"
_SEEN = 10_000


def frame_of(example: object) -> pd.DataFrame:
    """`example` as a frame, a row an observation: a frame, a series, an array, a sparse matrix or a list.

    Raises InvalidSchema for any other object.
    """
    if isinstance(example, pd.DataFrame):
        return example
    if isinstance(example, pd.Series):
        return example.to_frame()
    if hasattr(example, "toarray"):
        example = example.toarray()
    if isinstance(example, Sequence) and not isinstance(example, str):
        if example and all(isinstance(row, dict) for row in example):
            return pd.DataFrame(list(example))
        if example and all(isinstance(row, str) for row in example):
            return pd.DataFrame({TEXT_COLUMN: list(example)})
    try:
        array = np.asarray(example)
    except ValueError as error:
        raise InvalidSchema(f"the example is no table: {error}") from error
    if array.ndim not in (1, 2) or (array.dtype.kind == "O" and array.ndim == 1 and not len(array)):
        raise InvalidSchema(f"the example is a {type(example).__name__}: give a frame of inputs, a row an observation")
    return pd.DataFrame(array)


def inputs_of(example: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """The columns of `example` in `schema`, by name; by position if unnamed and equal in number."""
    known = [name for name in example.columns if str(name) in schema.by_name]
    named = all(isinstance(name, str) for name in example.columns)
    if len(known) < len(schema.columns) and not named and len(example.columns) == len(schema.columns):
        return example.set_axis(list(schema.by_name), axis=1)
    return example[known]


def text_column(example: pd.DataFrame | None) -> str:
    """The name of the only string column; raises InvalidSchema if several columns could be it."""
    if example is None:
        return TEXT_COLUMN
    names = list(example.columns)
    if TEXT_COLUMN in names:
        return TEXT_COLUMN
    if len(names) > 1:
        names = [name for index, name in enumerate(names) if _holds_texts(example.iloc[:, index])]
    if len(names) != 1:
        raise InvalidSchema(
            f"the model takes strings, and the example has {len(example.columns)} columns, {len(names)} of them strings: "
            f"give it the one column that the model was fitted on"
        )
    return names[0] if isinstance(names[0], str) else TEXT_COLUMN


def _holds_texts(series: "pd.Series[str]") -> bool:
    present = series.head(_SEEN).dropna()
    return len(present) > 0 and all(isinstance(value, str) for value in present)


def typed_frame(schema: Schema, columns: Mapping[str, Sequence[Cell]]) -> pd.DataFrame:
    """A frame of typed `columns`: float64, int64 (float64 where nullable), bool, and pandas' `str` with NaN."""
    return frames(schema.columns)(columns)


def read_frame(frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Convert a raw frame (strings, formats, missing values) to the typed frame that a request would become.

    Columns that the schema does not know, such as the target, are left out. Raises RequestFaults naming rows (by
    position) and columns that do not fit. The index is kept.
    """
    errors = ValidationErrors()
    columns: dict[str, list[Cell]] = {}
    for column in schema.columns:
        if column.name not in frame.columns:
            errors.add(None, column.name, "the frame has no such column")
            continue
        columns[column.name] = _read_column(frame[column.name], column, errors)
    if errors.any:
        raise errors.error()
    return typed_frame(schema, columns).set_axis(frame.index, axis=0)


def raw_values(series: "pd.Series[Any]") -> list[object]:
    """The values of a raw column as Python objects; every missing value is None, days and times are in ISO 8601.

    A column of midnights without a zone holds days.
    """
    if series.dtype.kind == "M" and series.dt.tz is None and (series.isna() | (series == series.dt.normalize())).all():
        series = series.dt.strftime("%Y-%m-%d")
    values = series.astype(object).where(series.notna(), None).tolist()
    return [_plain(value) for value in values]


def _plain(value: object) -> object:
    if isinstance(value, np.generic):
        return str(value) if isinstance(value, np.datetime64) else value.item()
    return value.isoformat() if isinstance(value, date) else value


def rows_of(frame: pd.DataFrame) -> list[JsonObject]:
    """The rows of a raw frame as a consumer would send them: one object a row, missing values as null.

    Raises InvalidSchema for a value that has no JSON form, such as a timestamp.
    """
    columns: dict[str, list[Json]] = {}
    for position, name in enumerate(frame.columns):
        cells: list[Json] = []
        for value in raw_values(frame.iloc[:, position]):
            if value is not None and not isinstance(value, bool | int | float | str):
                raise InvalidSchema(f"column {str(name)!r} holds a {type(value).__name__}, which has no JSON form")
            cells.append(value)
        columns[str(name)] = cells
    return [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]


def _read_column(series: "pd.Series[Any]", column: Column, errors: ValidationErrors) -> list[Cell]:
    parse = column.parse
    values = raw_values(series)
    try:
        return [parse(value) for value in values]
    except BadCell:
        pass
    for position, value in enumerate(values):
        try:
            parse(value)
        except BadCell as error:
            errors.add(position, column.name, str(error))
    return []
