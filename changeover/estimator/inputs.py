"""The conversion between typed columns and the input of an estimator, in both directions.

Training data (`read_frame`) and requests go through the same parsers and get the same dtypes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from changeover.estimator.dict_inputs import Record, records, takes_records
from changeover.estimator.encoded import is_missing
from changeover.estimator.inspection import category_types, input_count, input_names, parts, takes_texts
from changeover.estimator.libraries.find import library_of
from changeover.estimator.rebuilt import is_float, missing_of, rebuild_of
from changeover.schema.cell_parsers import Cell, ColumnType
from changeover.schema.schema import Column, Container, Schema

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

    The input is a list of strings for a text pipeline, a list of dicts for one that begins with a DictVectorizer, else
    the frame or the array of the schema's `container`. A schema that names none: a frame in the order of the fit for an
    estimator fitted on names, else an array. An estimator that keeps neither names nor the number of columns, as a class
    of a user's own, gets a frame if the schema's columns have names.
    """
    if takes_texts(estimator):
        return lambda columns: list(columns[schema.columns[0].name])
    if takes_records(estimator):
        return lambda columns: records(schema, columns)
    names = input_names(estimator)
    if _takes_array(estimator, schema, names):
        return _arrays(schema)
    order: Sequence[Column] = schema.columns
    if names and len(names) == len(schema.columns) and all(name in schema.by_name for name in names):
        order = [schema.by_name[name] for name in names]
    frame = frames(order)
    categories = category_types(estimator, [column.name for column in order])
    prepared = [part for part in parts(estimator) if library_of(part).prepares]
    if not categories and not prepared:
        return frame
    return lambda columns: _of_libraries(prepared, categories, schema, frame(columns))


def _takes_array(estimator: object, schema: Schema, names: list[str] | None) -> bool:
    if schema.container is not None:
        return schema.container is Container.ARRAY
    return names is None and (input_count(estimator) is not None or is_by_position(schema))


def is_by_position(schema: Schema) -> bool:
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
        codes = dtype.categories.get_indexer(
            pd.Index(frame[name].astype(object))
        )  # -1, which is missing, for an unknown value
        frame[name] = pd.Categorical.from_codes(codes, dtype=dtype)
    for part in prepared:
        frame = library_of(part).prepared(part, frame)
    return frame


def frames(order: Sequence[Column]) -> Callable[[Columns], pd.DataFrame]:
    """The function from typed columns to a frame of the columns `order`."""
    rebuilds = [(column.name, rebuild_of(column)) for column in order]
    floats = [column.name for column in order if is_float(column)]
    if not _suits_a_block(order, len(floats)):
        return lambda columns: pd.DataFrame({name: rebuild(columns[name]) for name, rebuild in rebuilds})
    others = [(position, *rebuilds[position]) for position, column in enumerate(order) if not is_float(column)]

    def frame(columns: Columns) -> pd.DataFrame:
        block = np.array([columns[name] for name in floats], dtype=np.float64)
        made = pd.DataFrame(block.T, columns=floats, copy=False)
        for position, name, rebuild in others:
            made.insert(position, name, rebuild(columns[name]))
        return made

    return frame


def _suits_a_block(order: Sequence[Column], floats: int) -> bool:
    """Whether most columns are float64: then one block for these, and the others inserted, is the faster way."""
    return floats >= _LEAST_IN_A_BLOCK and len(order) - floats <= _MOST_INSERTED


def _arrays(schema: Schema) -> Callable[[Columns], npt.NDArray[np.generic]]:
    """The function from typed columns to an array: of the dtype of the fit, if the cells fit in, else of a wider one."""
    dtypes = {column.dtype for column in schema.columns} - {""} or {""}
    if all(column.type in _NUMERIC for column in schema.columns) and (dtypes <= {"", "float64"} or len(dtypes) > 1):
        return lambda columns: np.column_stack(
            [np.array(columns[column.name], dtype=np.float64) for column in schema.columns]
        )
    if len(dtypes) == 1 and dtypes.isdisjoint({"", "object"}):
        alike = [(column.name, rebuild_of(replace(column, dtype=min(dtypes)))) for column in schema.columns]
        return lambda columns: np.column_stack([np.asarray(rebuild(columns[name])) for name, rebuild in alike])
    return lambda columns: _objects(schema, columns)


def _objects(schema: Schema, columns: Columns) -> npt.NDArray[np.generic]:
    rows = len(columns[schema.columns[0].name])
    table = np.empty((rows, len(schema.columns)), dtype=object)
    for position, column in enumerate(schema.columns):
        missing = missing_of(column)
        table[:, position] = [missing if is_missing(cell) else cell for cell in columns[column.name]]
    return table
