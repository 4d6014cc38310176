"""Rows of a frame, an array, a list of dicts or of strings, written as a caller of the service writes them.

It shares no code with the product. A missing value is null, a time is ISO 8601. A `Spelling` other than `LONG` writes the
day of a time without an hour, and a whole float without its point; `SHORT` also has the fewest digits of a float32.
"""

from collections.abc import Mapping
from datetime import date, datetime
from enum import Enum
from typing import Any

import numpy as np
import pandas as pd

Row = dict[str, Any]


class Spelling(Enum):
    """How values are written that have several usual forms."""

    LONG = "long"
    PLAIN = "plain"
    SHORT = "short"


def cell(value: object, spelling: Spelling = Spelling.LONG) -> Any:
    """One value as JSON takes it; raises TypeError for one without a JSON form."""
    if isinstance(value, np.datetime64):
        value = pd.Timestamp(value)
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, datetime | date):
        return _time(value, spelling)
    if isinstance(value, np.float32):
        value = float(str(value)) if spelling is Spelling.SHORT else float(value)
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        if value != value:
            return None
        return int(value) if spelling is not Spelling.LONG and value.is_integer() else value
    if isinstance(value, bool | int | str):
        return value
    raise TypeError(f"a {type(value).__name__} has no JSON form")


def _time(value: date, spelling: Spelling) -> str:
    if not isinstance(value, pd.Timestamp):
        return value.isoformat()
    if spelling is not Spelling.LONG and value.tzinfo is None and value == value.normalize():
        return value.strftime("%Y-%m-%d")
    return value.isoformat()


def rows_of(table: Any, spelling: Spelling = Spelling.LONG) -> list[Row]:
    """Each row of `table` as an object; an array's columns are x0, x1 and so on."""
    if isinstance(table, pd.Series):
        return [{str(table.name): cell(value, spelling)} for value in table]
    if isinstance(table, list):
        return [_row_of_list(row, spelling) for row in table]
    frame = framed(table)
    cells = [[cell(value, spelling) for value in frame.iloc[:, index]] for index in range(frame.shape[1])]
    names = [str(name) for name in frame.columns]
    return [dict(zip(names, row, strict=True)) for row in zip(*cells, strict=True)]


def columns_of(rows: list[Row]) -> dict[str, list[Any]]:
    """The rows in the columns form."""
    return {name: [row[name] for row in rows] for name in rows[0]}


def framed(table: Any) -> pd.DataFrame:
    """A table as a frame with the names that the service gives its columns."""
    if isinstance(table, pd.DataFrame):
        return table
    dense = table.toarray() if hasattr(table, "toarray") else np.asarray(table)
    return pd.DataFrame(dense, columns=[f"x{index}" for index in range(dense.shape[1])])


def taken(table: Any, indices: list[int]) -> Any:
    """These rows of `table`, in its own container."""
    if isinstance(table, list):
        return [table[index] for index in indices]
    return table.iloc[indices] if hasattr(table, "iloc") else table[indices]


def _row_of_list(row: object, spelling: Spelling) -> Row:
    if isinstance(row, str):
        return {"text": row}
    assert isinstance(row, Mapping), f"a row is a {type(row).__name__}"
    return {str(name): cell(value, spelling) for name, value in row.items()}
