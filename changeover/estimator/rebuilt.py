"""The columns that a model was fitted on, rebuilt from the cells of requests: dtypes, missing values, categories.

A column of integers or truths cannot hold a missing value, nor one of integers a fraction. Where a request has such a
cell, the column becomes the wider one that pandas would make: float64, or objects.
"""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, Final

import numpy as np
import pandas as pd
from pandas.api.types import pandas_dtype

from changeover.estimator.encoded import is_missing
from changeover.schema.cell_parsers import Cell, ColumnType
from changeover.schema.column import Column, Missing
from changeover.schema.dtypes import category_base, integers_of, is_integer, is_time, unit_and_zone
from changeover.schema.formats import without_offset

Values = Any  # an array of numpy or pandas, or a series: what a frame takes as a column
Rebuild = Callable[[Sequence[Cell]], Values]
_MISSING: Final[dict[Missing, object]] = {
    Missing.NONE: None,
    Missing.NAN: np.nan,
    Missing.NA: pd.NA,
    Missing.NAT: pd.NaT,
}
_NULLABLE_NUMBERS: Final = ("Float32", "Float64")


def rebuild_of(column: Column) -> Rebuild:
    """The function from the cells of `column` to the values that the model gets, decided once for many calls."""
    base = category_base(column.dtype)
    if base is not None:
        return _categorical(column, base)
    return _plain(column, column.dtype)


def missing_of(column: Column) -> object:
    """The object that stands for a missing value in a column of objects: NaN where the schema does not say."""
    return _MISSING[column.missing or Missing.NAN]


def _plain(column: Column, dtype: str) -> Rebuild:
    if is_time(dtype):
        return _times(dtype)
    if is_integer(dtype):
        return _nullable_integers(dtype) if dtype[0] in "IU" else _integers(dtype)
    if dtype in _NULLABLE_NUMBERS or dtype == "boolean":
        return lambda cells: _nullable([pd.NA if is_missing(cell) else cell for cell in cells], dtype)
    if dtype in ("float16", "float32"):
        return lambda cells: np.array(cells, dtype=np.float64).astype(dtype)
    if dtype in ("object", "date", "U"):
        return _objects(dtype, missing_of(column))
    if dtype == "bool":
        return _truths(missing_of(column))
    if dtype in ("str", "string"):
        return lambda cells: pd.Series([*cells], dtype=pandas_dtype(dtype))
    return _by_type(column)


def _nullable(cells: Sequence[Any], dtype: str) -> Values:
    values = np.empty(len(cells), dtype=object)
    values[:] = cells
    return pd.Series(values, dtype=pandas_dtype(dtype))


def _by_type(column: Column) -> Rebuild:
    """The values of a column whose dtype is not known, by its type in JSON."""
    if column.type is ColumnType.STRING:
        return lambda cells: pd.Series(cells, dtype="str")
    if column.type is ColumnType.BOOLEAN:
        return lambda cells: np.array(cells, dtype=object if column.nullable else bool)
    dtype = np.float64 if is_float(column) else np.int64
    return lambda cells: np.array(cells, dtype=dtype)


def is_float(column: Column) -> bool:
    """Whether the model gets float64 for `column`, whatever the cells are."""
    if column.dtype:
        return column.dtype == "float64"
    return column.type is ColumnType.NUMBER or (column.type is ColumnType.INTEGER and column.nullable)


def _times(dtype: str) -> Rebuild:
    unit, zone = unit_and_zone(dtype)

    def rebuild(cells: Sequence[Cell]) -> Values:
        texts = ["NaT" if cell is None else str(cell) for cell in cells]
        if zone is None:
            return pd.Series(np.array(texts, dtype=f"datetime64[{unit}]"))
        parts = [without_offset(text) for text in texts]
        local = np.array([clock for clock, _ in parts], dtype=f"datetime64[{unit}]")
        offsets = np.array([minutes for _, minutes in parts], dtype="timedelta64[m]")
        return pd.Series(local - offsets).dt.tz_localize("UTC").dt.tz_convert(zone)

    return rebuild


def _integers(dtype: str) -> Rebuild:
    holds = integers_of(dtype)

    def rebuild(cells: Sequence[Cell]) -> Values:
        whole = [cell for cell in cells if isinstance(cell, int) or (isinstance(cell, float) and cell.is_integer())]
        if len(whole) < len(cells):
            return np.array(cells, dtype=np.float64)
        exact = [int(cell) for cell in whole]
        if all(number in holds for number in exact):
            return np.array(exact, dtype=dtype)
        return np.array(cells, dtype=np.float64)

    return rebuild


def _nullable_integers(dtype: str) -> Rebuild:
    holds = integers_of(dtype)

    def rebuild(cells: Sequence[Cell]) -> Values:
        present = [cell for cell in cells if isinstance(cell, int | float) and cell == cell]
        fits = all(float(cell).is_integer() and int(cell) in holds for cell in present)
        known = [pd.NA if is_missing(cell) else int(cell) if fits else float(cell) for cell in cells]  # type: ignore[arg-type]
        return _nullable(known, dtype if fits else "Float64")

    return rebuild


def _objects(dtype: str, missing: object) -> Rebuild:
    def rebuild(cells: Sequence[Cell]) -> Values:
        if dtype == "U" and not any(map(is_missing, cells)):
            return np.array(cells, dtype=str)
        values = np.empty(len(cells), dtype=object)
        day = dtype == "date"
        values[:] = [missing if is_missing(cell) else date.fromisoformat(str(cell)) if day else cell for cell in cells]
        return pd.Series(values, dtype=object)  # as it is: from an array, a frame would make a column of strings

    return rebuild


def _truths(missing: object) -> Rebuild:
    def rebuild(cells: Sequence[Cell]) -> Values:
        if not any(map(is_missing, cells)):
            return np.array(cells, dtype=bool)
        values = np.empty(len(cells), dtype=object)
        values[:] = [missing if is_missing(cell) else cell for cell in cells]
        return pd.Series(values, dtype=object)

    return rebuild


def _categorical(column: Column, base: str) -> Rebuild:
    """The rebuild of a column of pandas' category type.

    Values that are no category of the fit become further categories, after these: the model decides what they mean.
    """
    kept = column.enum or column.categories or ()
    values = _plain(column, base)
    known = pd.Index(values(kept))

    def rebuild(cells: Sequence[Cell]) -> Values:
        index = pd.Index(values(cells))
        missing = [is_missing(cell) for cell in cells]
        codes = known.get_indexer(index)
        codes[missing] = -1
        others = index[(codes < 0) & ~np.array(missing, dtype=bool)].unique()
        categories = known
        if len(others):
            categories = known.append(others)
            codes = np.where(missing, -1, categories.get_indexer(index))
        return pd.Categorical.from_codes(codes, dtype=pd.CategoricalDtype(categories, ordered=column.ordered))

    return rebuild
