"""A sample row derived from a schema, used by admission checks and for warming up.

The example in the OpenAPI document is another one: `predict_api/openapi/columns.py`.
"""

from typing import Final

from changeover.schema.cell_parsers import Cell, ColumnType
from changeover.schema.dtypes import time_of
from changeover.schema.formats import Format
from changeover.schema.schema import Column, Schema

NUMBERS_TO_TRY: Final = (0, 1, 0.5)  # some models fail on zeros


def made_up_row(schema: Schema, number: float = 0) -> dict[str, Cell]:
    """A cell for each column: the first listed value if there is a list, else `number` or a simple string."""
    return {column.name: made_up(column, number) for column in schema.columns}


def made_up(column: Column, number: float = 0) -> Cell:
    """A sample value that `column` accepts."""
    listed = column.enum or column.categories
    if listed:
        return listed[0]
    if column.type is ColumnType.STRING:
        zoned, _, _ = time_of(column.dtype)
        times = {Format.DATE: "2000-01-01", Format.DATE_TIME: f"2000-01-01T00:00:00{'Z' if zoned else ''}"}
        return "a" if column.format is None else times[column.format]
    if column.type is ColumnType.BOOLEAN:
        return bool(number)
    return int(number) if column.type is ColumnType.INTEGER else number
