"""The rows of the current version in the columns of another one."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from changeover.schema.cell_parsers import Cell, ColumnType
from changeover.schema.column import Column
from changeover.schema.schema import Schema
from predict_api.scoring.interfaces import RequestRows

_NUMERIC = (ColumnType.NUMBER, ColumnType.INTEGER)


@dataclass(frozen=True)
class PlainRows:
    """Rows as lists of cells by column."""

    single: bool
    rows: int
    columns: Mapping[str, Sequence[Cell]]


def obstacle(current: Schema, new: Schema) -> str:
    """Why the rows of `current` cannot be scored with the schema `new`; empty if they can."""
    for column in new.columns:
        before = current.by_name.get(column.name)
        if before is None and not column.nullable:
            return f"the current version's requests have no column {column.name!r}"
        if before is not None and (before.type, before.format) != (column.type, column.format):
            return f"column {column.name!r} has another type or format in the current version"
    return ""


def translated(rows: RequestRows, new: Schema) -> PlainRows:
    """The rows with the columns of `new`; a column that they lack is missing in each row."""
    cells = rows.columns
    columns = {each.name: cells[each.name] if each.name in cells else _missing(each, rows.rows) for each in new.columns}
    return PlainRows(rows.single, rows.rows, columns)


def _missing(column: Column, rows: int) -> list[Cell]:
    return [math.nan if column.type in _NUMERIC else None] * rows
