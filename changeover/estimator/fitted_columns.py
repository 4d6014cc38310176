"""The columns of a frame or an array that a model was fitted on: dtypes, types in JSON, missing values, categories.

Unlike a raw table, such a frame is read as it is: digits in a column of texts are a text.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

import numpy as np
import pandas as pd

from changeover.estimator.encoded import Encoded, is_missing
from changeover.exceptions import InvalidSchema
from changeover.schema.cell_parsers import BadCell, Cell, ColumnType
from changeover.schema.column import Column, Missing
from changeover.schema.dtypes import EXACT, category_base, is_integer, is_known, is_time
from changeover.schema.formats import Format, is_date

MOST_CATEGORIES: Final = 200  # of an open list, which is for people
MOST_KEPT: Final = 10_000  # of pandas' category type, whose order the model needs
_TEXTS: Final = ("str", "string", "U")
_SENTINELS: Final = ((Missing.NONE, type(None)), (Missing.NA, type(pd.NA)), (Missing.NAT, type(pd.NaT)))


def fitted_column(name: str, series: "pd.Series[Any]", known: Encoded, array: np.dtype[Any] | None = None) -> Column:
    """The column `name` whose values in the fit are `series`, in an array of dtype `array` or in a frame.

    `known` has the facts of inner encoders. Raises InvalidSchema, naming the column, for values without a JSON form.
    """
    dtype = _dtype_of(name, series, array)
    if category_base(dtype) is not None:
        return _of_categories(name, series, dtype)
    looked_at = series.tolist() if dtype in ("object", *_TEXTS) else []
    present = [value for value in looked_at if not _is_gap(value)]
    kind, form = _type_of(name, dtype, present, known)
    column = Column(name, kind, format=form, dtype=dtype, missing=_missing(series, dtype))
    return with_categories(column, known)


def with_categories(column: Column, known: Encoded) -> Column:
    """`column` with the categories of an inner encoder: a closed list if other values raise, else an open one."""
    if not known.categories:
        return column
    try:
        cells = tuple(column.parse(value) for value in known.categories)
        if known.closed:
            return replace(column, enum=cells)
        return replace(column, categories=cells[:MOST_CATEGORIES])
    except (BadCell, InvalidSchema):
        return column


def typed_as(column: Column, fitted: Column) -> Column:
    """`column`, written by hand, with the dtype of the fit where both have values of one kind."""
    numeric = (ColumnType.NUMBER, ColumnType.INTEGER)
    kinds = {column.type, fitted.type}
    formats = {column.format, fitted.format}
    if (
        column.dtype
        or (len(kinds) > 1 and not kinds <= {*numeric})
        or (Format.DATE_TIME in formats and len(formats) > 1)
    ):
        return column
    if category_base(fitted.dtype) is None:
        return replace(column, dtype=fitted.dtype, missing=column.missing or fitted.missing)
    if column.enum or column.categories:
        return column
    return replace(column, dtype=fitted.dtype, categories=fitted.categories, ordered=fitted.ordered)


def widens_with_gaps(column: Column) -> bool:
    """Whether a missing value changes the dtype of the whole column: of fixed integers, and of truths."""
    return column.dtype == "bool" or (is_integer(column.dtype) and column.dtype[0] in "iu")


def in_wider_notation(column: Column) -> Column:
    """`column` for a model to which the notation of a number does not matter: any number, instead of integers or texts."""
    if column.type is ColumnType.INTEGER:
        return replace(column, type=ColumnType.NUMBER, enum=_floats(column.enum), categories=_floats(column.categories))
    if column.type is ColumnType.STRING:
        return replace(column, type=ColumnType.NUMBER, dtype="", missing=None, enum=None, categories=None)
    return column


def _floats(cells: tuple[Cell, ...] | None) -> tuple[Cell, ...] | None:
    return None if cells is None else tuple(float(cell) for cell in cells if isinstance(cell, int | float))


def of_encoder(column: Column, known: Encoded) -> Column:
    """`column` with the dtype that an inner encoder kept of the fit, if it fits the column's type."""
    dtype = known.dtype
    numeric = column.type in (ColumnType.NUMBER, ColumnType.INTEGER)
    if is_time(dtype):
        return replace(column, type=ColumnType.STRING, format=Format.DATE_TIME, dtype=dtype)
    if dtype == "date":
        return replace(column, type=ColumnType.STRING, format=Format.DATE, dtype=dtype, missing=known.gap)
    if is_integer(dtype) and numeric and column.format is None:
        large = any_large(known.categories or ())
        return replace(column, type=ColumnType.INTEGER if large else ColumnType.NUMBER, dtype=dtype)
    if dtype == "object" and numeric and any_large(known.categories or ()):
        return replace(column, type=ColumnType.INTEGER, dtype=dtype, missing=known.gap)
    if dtype == "object" or (dtype == "bool" and column.type is ColumnType.BOOLEAN):
        return replace(column, dtype=dtype, missing=known.gap)
    return replace(column, dtype=dtype) if dtype in ("float32", "float64") and numeric else column


def _dtype_of(name: str, series: "pd.Series[Any]", array: np.dtype[Any] | None) -> str:
    if array is not None and array.kind in "UO":
        return "U" if array.kind == "U" else _of_objects(series)
    if isinstance(series.dtype, pd.CategoricalDtype):
        categories = series.dtype.categories.to_series()
        return f"category[{_dtype_of(name, categories, None)}]"
    if isinstance(series.dtype, pd.StringDtype):
        return "string" if series.dtype.na_value is pd.NA else "str"
    dtype = str(series.dtype)
    if dtype == "object":
        return _of_objects(series)
    if hasattr(series.dtype, "pyarrow_dtype"):
        raise InvalidSchema(
            f"column {name!r} of the example has the dtype ArrowDtype({dtype}), which is served by no environment: fit the "
            f"model again with pandas' own types, as `frame.convert_dtypes(dtype_backend='numpy_nullable')` makes them"
        )
    if not is_known(dtype):
        raise InvalidSchema(
            f"column {name!r} of the example has the dtype {dtype}, whose values have no form in JSON here: turn it into "
            f"numbers, true/false, strings or datetime64 before the pipeline"
        )
    return dtype


def _of_objects(series: "pd.Series[Any]") -> str:
    present = [value for value in series.tolist() if not _is_gap(value)]
    days = bool(present) and all(isinstance(value, date) and not isinstance(value, datetime) for value in present)
    return "date" if days else "object"


def _type_of(name: str, dtype: str, present: list[object], known: Encoded) -> tuple[ColumnType, Format | None]:
    if is_time(dtype):
        return ColumnType.STRING, Format.DATE_TIME
    if dtype == "date":
        return ColumnType.STRING, Format.DATE
    if dtype in _TEXTS:
        return ColumnType.STRING, format_of_texts(present)
    if dtype in ("bool", "boolean"):
        return ColumnType.BOOLEAN, None
    if is_integer(dtype):
        return ColumnType.INTEGER, None
    if dtype != "object":
        return ColumnType.NUMBER, None
    return _type_of_objects(name, present, known)


def _type_of_objects(name: str, present: list[object], known: Encoded) -> tuple[ColumnType, Format | None]:
    if all(isinstance(value, str) for value in present):
        numbers = known.categories and not any(isinstance(value, str) for value in known.categories)
        return (ColumnType.STRING if present or not numbers else ColumnType.NUMBER), format_of_texts(present)
    if all(isinstance(value, bool | np.bool_) for value in present):
        return ColumnType.BOOLEAN, None
    kinds = {type(value).__name__ for value in present}
    if any(isinstance(value, bool | np.bool_) for value in present):
        raise InvalidSchema(f"column {name!r} of the example mixes true/false with other values")
    if all(isinstance(value, int | np.integer) for value in present):
        return ColumnType.INTEGER, None
    if all(isinstance(value, int | float | np.integer | np.floating | Decimal) for value in present):
        return ColumnType.NUMBER, None
    if any(isinstance(value, str) for value in present):
        raise InvalidSchema(
            f"column {name!r} of the example mixes strings with other values ({', '.join(sorted(kinds))})"
        )
    odd = next(value for value in present if not isinstance(value, int | float))
    raise InvalidSchema(
        f"column {name!r} of the example holds a {type(odd).__name__}: only numbers, true/false, strings, days and times "
        f"can be sent as JSON; turn it into one of them before the pipeline"
    )


def format_of_texts(present: Sequence[object]) -> Format | None:
    """DATE if all of the texts are days of the calendar, else None."""
    dates = bool(present) and all(isinstance(value, str) and is_date(value) for value in present)
    return Format.DATE if dates else None


def _of_categories(name: str, series: "pd.Series[Any]", dtype: str) -> Column:
    assert isinstance(series.dtype, pd.CategoricalDtype)
    categories = series.dtype.categories
    if len(categories) > MOST_KEPT:
        raise InvalidSchema(
            f"column {name!r} of the example has {len(categories)} categories, at most {MOST_KEPT} are kept: encode it in "
            f"the pipeline"
        )
    plain = fitted_column(name, categories.to_series(), Encoded())
    cells: list[Cell] = [plain.parse(iso(value)) for value in categories.tolist()]
    return Column(
        name,
        ColumnType.NUMBER if plain.type is ColumnType.INTEGER and not any_large(cells) else plain.type,
        format=plain.format,
        categories=tuple(cells),
        dtype=dtype,
        ordered=bool(series.dtype.ordered),
    )


def any_large(cells: Iterable[object]) -> bool:
    """Whether one of the numbers is an integer that may be no double."""
    return any(isinstance(cell, int) and abs(cell) >= EXACT for cell in cells)


def _missing(series: "pd.Series[Any]", dtype: str) -> Missing | None:
    """The object that stands for missing most often in a column of objects, None if nothing is missing."""
    if dtype not in ("object", "date"):
        return None
    gaps = [value for value in series.tolist() if _is_gap(value)]
    counts = {kind: sum(isinstance(gap, of) for gap in gaps) for kind, of in _SENTINELS}
    counts[Missing.NAN] = sum(isinstance(gap, float) for gap in gaps)
    return max(counts, key=lambda kind: counts[kind]) if gaps else None


def _is_gap(value: object) -> bool:
    return is_missing(value) or value is pd.NA or value is pd.NaT


def iso(value: object) -> object:
    """A value as a request says it: ISO 8601 for days and times, a plain Python object for numpy's."""
    if isinstance(value, pd.Timestamp | datetime | date):
        return value.isoformat()
    if isinstance(value, np.datetime64):
        return str(value)
    if isinstance(value, Decimal):
        return float(value)
    return value.item() if isinstance(value, np.generic) else value
