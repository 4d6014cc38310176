"""The strict path from JSON values to typed columns; it lists every validation error.

An object is one row, an array of objects is a batch, and pandas' column forms are read as rows. No request can make the
work or the list of errors grow beyond its own size.
"""

from dataclasses import dataclass
from typing import Final, cast

from changeover.exceptions import RequestFaults, TooManyRows
from changeover.json_types import Json, JsonObject
from changeover.request.fault_list import Faults
from changeover.request.pandas_forms import is_split, rows_of_columns
from changeover.schema.cell_parsers import BadCell, Cell, shown
from changeover.schema.schema import Extra, Schema

_HINT: Final = "an object (one row) or an array of objects (a batch) was expected"


@dataclass(frozen=True)
class Decoded:
    """A request as typed columns: a list of `rows` cells for each column of the schema, in its order.

    `single`: the request was one object, so the response is one object too.
    """

    single: bool
    rows: int
    columns: dict[str, list[Cell]]


def decode(value: Json, schema: Schema, max_rows: int) -> Decoded:
    """Convert `value` to typed columns by `schema`.

    Raises RequestFaults with the first 20 validation errors and their count, TooManyRows past `max_rows`. The work is
    bounded by the size of `value`, whatever the schema.
    """
    if isinstance(value, list):
        return _typed(value, schema, max_rows, single=False)
    if not isinstance(value, dict):
        raise RequestFaults([{"row": None, "field": None, "message": f"{shown(value)} was sent: {_HINT}"}], 1)
    rows = rows_of_columns(value, schema, max_rows)
    if rows is None:
        return _typed([value], schema, max_rows, single=True)
    return _typed(rows, schema, max_rows, single=len(rows) == 1 and not is_split(value, schema))


def _typed(rows: list[Json], schema: Schema, max_rows: int, *, single: bool) -> Decoded:
    if len(rows) > max_rows:
        raise TooManyRows(len(rows), max_rows)
    width = len(schema.columns)
    try:
        if schema.extra is Extra.FORBID and any(len(row) != width for row in rows):  # type: ignore[arg-type]
            raise _faults(rows, schema)
        found: list[list[Cell]] = []
        for group in schema.groups:
            found += group.columns(cast("list[JsonObject]", rows))
    except (KeyError, TypeError, BadCell):
        raise _faults(rows, schema) from None
    columns = dict(zip(schema.by_name, schema.from_groups(found), strict=True))
    return Decoded(single=single, rows=len(rows), columns=columns)


def _faults(rows: list[Json], schema: Schema) -> RequestFaults:
    """All validation errors of `rows`, ordered by row, then by the schema's columns."""
    faults = Faults()
    for index, row in enumerate(rows):
        if not isinstance(row, dict):
            faults.add(index, None, f"{shown(row)} is not a row: an object was expected")
        elif faults.full:
            _count(row, schema, faults)
        else:
            _list(index, row, schema, faults)
    return faults.error()


def _list(index: int, row: JsonObject, schema: Schema, faults: Faults) -> None:
    for name, parse in schema.plan:
        if name not in row:
            faults.add(index, name, "the field is missing")
            continue
        try:
            parse(row[name])
        except BadCell as error:
            faults.add(index, name, str(error))
    if schema.extra is Extra.FORBID:
        for name in row:
            if name not in schema.by_name:
                faults.add(index, name, "the model has no such column")


def _count(row: JsonObject, schema: Schema, faults: Faults) -> None:
    """Count the validation errors of a row in time that grows with the row, not with the schema."""
    known = 0
    for name, value in row.items():
        column = schema.by_name.get(name)
        if column is None:
            continue
        known += 1
        try:
            column.parse(value)
        except BadCell:
            faults.count(1)
    unknown = len(row) - known if schema.extra is Extra.FORBID else 0
    faults.count(unknown + len(schema.plan) - known)
