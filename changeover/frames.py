"""Typed columns become what the estimator was fitted on, and a raw training frame becomes the same typed columns.

Training and serving meet here: `read_frame` and a request go through the same parsers and get the same dtypes.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from changeover.anatomy import input_names, is_missing, takes_texts
from changeover.cells import BadCell, Cell, ColumnType
from changeover.exceptions import InvalidSchema
from changeover.faults import Faults
from changeover.json_types import Json, JsonObject
from changeover.records import Record, records, takes_records
from changeover.schema import Column, Schema

Features = pd.DataFrame | npt.NDArray[np.generic] | list[Cell] | list[Record]
_NUMERIC: Final = (ColumnType.NUMBER, ColumnType.INTEGER)


def features(estimator: object, schema: Schema, columns: Mapping[str, Sequence[Cell]]) -> Features:
    """What `estimator.predict` is fed for typed `columns`.

    A list of texts for a text pipeline, of dicts for one that begins with a DictVectorizer, a frame in the order of fitting for one fitted on names, else an array.
    """
    if takes_texts(estimator):
        return list(columns[schema.columns[0].name])
    if takes_records(estimator):
        return records(schema, columns)
    names = input_names(estimator)
    if names is None:
        return _array(schema, columns)
    if len(names) == len(schema.columns) and all(name in schema.by_name for name in names):
        return _frame([schema.by_name[name] for name in names], columns)
    return _frame(schema.columns, columns)


def typed_frame(schema: Schema, columns: Mapping[str, Sequence[Cell]]) -> pd.DataFrame:
    """A frame of typed `columns`: float64, int64 (float64 where nullable), bool, and pandas' `str` with NaN."""
    return _frame(schema.columns, columns)


def read_frame(frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """A raw frame (texts, formats and gaps as they come) as the typed frame that a request would become.

    Columns that the schema does not know, such as the target, are left out. Raises RequestFaults naming rows (by
    position) and columns that do not fit. The index is kept.
    """
    faults = Faults()
    columns: dict[str, list[Cell]] = {}
    for column in schema.columns:
        if column.name not in frame.columns:
            faults.add(None, column.name, "the frame has no such column")
            continue
        columns[column.name] = _read_column(frame[column.name], column, faults)
    if faults.any:
        raise faults.error()
    return typed_frame(schema, columns).set_axis(frame.index, axis=0)


def raw_values(series: "pd.Series[Any]") -> list[object]:
    """The values of a raw column as plain Python objects; every kind of missing value is None, a date its ISO form.

    Times of the day and of a zone are no dates and stay what they are, which no column takes.
    """
    if series.dtype.kind == "M" and series.dt.tz is None and (series.isna() | (series == series.dt.normalize())).all():
        series = series.dt.strftime("%Y-%m-%d")
    values = series.astype(object).where(series.notna(), None).tolist()
    return [_plain(value) for value in values]


def _plain(value: object) -> object:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    return value


def rows_of(frame: pd.DataFrame) -> list[JsonObject]:
    """The rows of a raw frame as a consumer would send them: one object each, every missing value null.

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


def _read_column(series: "pd.Series[Any]", column: Column, faults: Faults) -> list[Cell]:
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
            faults.add(position, column.name, str(error))
    return []


def _frame(order: Sequence[Column], columns: Mapping[str, Sequence[Cell]]) -> pd.DataFrame:
    return pd.DataFrame({column.name: _values(column, columns[column.name]) for column in order})


def _values(column: Column, cells: Sequence[Cell]) -> "npt.NDArray[np.generic] | pd.Series[Any]":
    if column.type is ColumnType.STRING:
        return pd.Series(cells, dtype="str")
    if column.type is ColumnType.BOOLEAN:
        return np.array(cells, dtype=object if column.nullable else bool)
    return np.array(cells, dtype=np.float64 if column.nullable or column.type is ColumnType.NUMBER else np.int64)


def _array(schema: Schema, columns: Mapping[str, Sequence[Cell]]) -> npt.NDArray[np.generic]:
    if all(column.type in _NUMERIC for column in schema.columns):
        return np.column_stack([np.array(columns[column.name], dtype=np.float64) for column in schema.columns])
    cells = [[np.nan if is_missing(cell) else cell for cell in columns[column.name]] for column in schema.columns]
    table = np.empty((len(cells[0]), len(cells)), dtype=object)
    for position, values in enumerate(cells):
        table[:, position] = values
    return table
