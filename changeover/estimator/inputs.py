"""The conversion between typed columns and the input of an estimator, in both directions.

Training data (`read_frame`) and requests go through the same parsers and get the same dtypes.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from changeover.estimator.dict_inputs import Record, records, takes_records
from changeover.estimator.encoded import is_missing
from changeover.estimator.inspection import category_types, input_count, input_names, parts, takes_texts
from changeover.estimator.libraries.find import library_of
from changeover.schema.cell_parsers import Cell, ColumnType
from changeover.schema.schema import Column, Schema

Features = pd.DataFrame | npt.NDArray[np.generic] | list[Cell] | list[Record]
_NUMERIC: Final = (ColumnType.NUMBER, ColumnType.INTEGER)


def features(estimator: object, schema: Schema, columns: Mapping[str, Sequence[Cell]]) -> Features:
    """The input of `estimator.predict` for typed `columns`.

    It is a list of strings for a text pipeline, a list of dicts for one that begins with a DictVectorizer, a frame in
    the order of the fit for an estimator fitted on names, else an array. An estimator that keeps neither names nor the
    number of columns, as a class of a user's own, gets a frame if the schema's columns have names.
    """
    if takes_texts(estimator):
        return list(columns[schema.columns[0].name])
    if takes_records(estimator):
        return records(schema, columns)
    names = input_names(estimator)
    if names is None and (input_count(estimator) is not None or _numbered(schema)):
        return _array(schema, columns)
    if names and len(names) == len(schema.columns) and all(name in schema.by_name for name in names):
        return _of_libraries(estimator, schema, _frame([schema.by_name[name] for name in names], columns))
    return _of_libraries(estimator, schema, _frame(schema.columns, columns))


def _numbered(schema: Schema) -> bool:
    """Whether the columns have no names of their own, but x0, x1 and so on."""
    return all(column.name == f"x{index}" for index, column in enumerate(schema.columns))


def _of_libraries(estimator: object, schema: Schema, frame: pd.DataFrame) -> pd.DataFrame:
    """`frame` with the types that other libraries than scikit-learn take: pandas' categories, numbers for truths.

    Categories that the model does not keep are those of the schema.
    """
    for name, kept in category_types(estimator, list(frame.columns)).items():
        values = schema.by_name[name].categories or () if kept is None else kept
        dtype = pd.CategoricalDtype(pd.Index(list(values)))
        codes = dtype.categories.get_indexer(pd.Index(frame[name]))  # -1, which is missing, for an unknown value
        frame[name] = pd.Categorical.from_codes(codes, dtype=dtype)
    for part in parts(estimator):
        frame = library_of(part).prepared(part, frame)
    return frame


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
