"""The conversion between typed columns and the input of an estimator, in both directions.

Training data (`read_frame`) and requests go through the same parsers and get the same dtypes.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from changeover.estimator.dict_inputs import Record, records, takes_records
from changeover.estimator.inspection import input_names, is_missing, takes_texts
from changeover.schema.cell_parsers import Cell, ColumnType
from changeover.schema.schema import Column, Schema

Features = pd.DataFrame | npt.NDArray[np.generic] | list[Cell] | list[Record]
_NUMERIC: Final = (ColumnType.NUMBER, ColumnType.INTEGER)


def features(estimator: object, schema: Schema, columns: Mapping[str, Sequence[Cell]]) -> Features:
    """The input of `estimator.predict` for typed `columns`.

    It is a list of strings for a text pipeline, a list of dicts for one that begins with a DictVectorizer, a frame in
    the order of the fit for an estimator fitted on names, else an array.
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
