"""The conversion between typed columns and the input of an estimator, in both directions.

Training data (`read_frame`) and requests go through the same parsers and get the same dtypes.
"""

from collections.abc import Callable, Mapping, Sequence
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
Columns = Mapping[str, Sequence[Cell]]
Feed = Callable[[Columns], Features]
Categories = Mapping[str, tuple[object, ...] | None]
_NUMERIC: Final = (ColumnType.NUMBER, ColumnType.INTEGER)
_LEAST_IN_A_BLOCK: Final = 8
_MOST_INSERTED: Final = 16  # each insert costs as much as several columns of the block


def features(estimator: object, schema: Schema, columns: Columns) -> Features:
    """The input of `estimator.predict` for typed `columns`."""
    return feeding(estimator, schema)(columns)


def feeding(estimator: object, schema: Schema) -> Feed:
    """The function from typed columns to the input of `estimator.predict`, decided once for many calls.

    The input is a list of strings for a text pipeline, a list of dicts for one that begins with a DictVectorizer, a
    frame in the order of the fit for an estimator fitted on names, else an array. An estimator that keeps neither names
    nor the number of columns, as a class of a user's own, gets a frame if the schema's columns have names.
    """
    if takes_texts(estimator):
        return lambda columns: list(columns[schema.columns[0].name])
    if takes_records(estimator):
        return lambda columns: records(schema, columns)
    names = input_names(estimator)
    if names is None and (input_count(estimator) is not None or _numbered(schema)):
        return lambda columns: _array(schema, columns)
    order: Sequence[Column] = schema.columns
    if names and len(names) == len(schema.columns) and all(name in schema.by_name for name in names):
        order = [schema.by_name[name] for name in names]
    frame = _frame_by_block if _suits_a_block(order) else _frame
    categories = category_types(estimator, [column.name for column in order])
    prepared = [part for part in parts(estimator) if library_of(part).prepares]
    if not categories and not prepared:
        return lambda columns: frame(order, columns)
    return lambda columns: _of_libraries(prepared, categories, schema, frame(order, columns))


def _numbered(schema: Schema) -> bool:
    """Whether the columns have no names of their own, but x0, x1 and so on."""
    return all(column.name == f"x{index}" for index, column in enumerate(schema.columns))


def _of_libraries(
    prepared: Sequence[object], categories: Categories, schema: Schema, frame: pd.DataFrame
) -> pd.DataFrame:
    """`frame` with the types that other libraries than scikit-learn take: pandas' categories, numbers for truths.

    Categories that the model does not keep are those of the schema.
    """
    for name, kept in categories.items():
        values = schema.by_name[name].categories or () if kept is None else kept
        dtype = pd.CategoricalDtype(pd.Index(list(values)))
        codes = dtype.categories.get_indexer(pd.Index(frame[name]))  # -1, which is missing, for an unknown value
        frame[name] = pd.Categorical.from_codes(codes, dtype=dtype)
    for part in prepared:
        frame = library_of(part).prepared(part, frame)
    return frame


def _frame(order: Sequence[Column], columns: Columns) -> pd.DataFrame:
    return pd.DataFrame({column.name: _values(column, columns[column.name]) for column in order})


def _suits_a_block(order: Sequence[Column]) -> bool:
    """Whether most columns are float64: then one block for these, and the others inserted, is the faster way."""
    others = sum(not _is_float(column) for column in order)
    return len(order) - others >= _LEAST_IN_A_BLOCK and others <= _MOST_INSERTED


def _frame_by_block(order: Sequence[Column], columns: Columns) -> pd.DataFrame:
    """The frame of `_frame`."""
    numbers = [column.name for column in order if _is_float(column)]
    block = np.array([columns[name] for name in numbers], dtype=np.float64)
    frame = pd.DataFrame(block.T, columns=numbers, copy=False)
    for position, column in enumerate(order):
        if not _is_float(column):
            frame.insert(position, column.name, _values(column, columns[column.name]))
    return frame


def _is_float(column: Column) -> bool:
    return column.type is ColumnType.NUMBER or (column.type is ColumnType.INTEGER and column.nullable)


def _values(column: Column, cells: Sequence[Cell]) -> "npt.NDArray[np.generic] | pd.Series[Any]":
    if column.type is ColumnType.STRING:
        return pd.Series(cells, dtype="str")
    if column.type is ColumnType.BOOLEAN:
        return np.array(cells, dtype=object if column.nullable else bool)
    return np.array(cells, dtype=np.float64 if _is_float(column) else np.int64)


def _array(schema: Schema, columns: Mapping[str, Sequence[Cell]]) -> npt.NDArray[np.generic]:
    if all(column.type in _NUMERIC for column in schema.columns):
        return np.column_stack([np.array(columns[column.name], dtype=np.float64) for column in schema.columns])
    cells = [[np.nan if is_missing(cell) else cell for cell in columns[column.name]] for column in schema.columns]
    table = np.empty((len(cells[0]), len(cells)), dtype=object)
    for position, values in enumerate(cells):
        table[:, position] = values
    return table
