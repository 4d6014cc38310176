"""The strict path from JSON values to typed columns; it lists every validation error.

An object is one row, an array of objects is a batch, and pandas' column forms are batches, too. A model that was fitted on
an array takes a batch of arrays. No request can make the work or the list of errors grow beyond its own size.
"""

from dataclasses import dataclass
from typing import Final

from changeover.exceptions import RequestFaults, TooManyRows
from changeover.json_types import Json, JsonObject
from changeover.request.array_rows import fault, named, takes_array_rows
from changeover.request.envelopes import refuse_envelope
from changeover.request.normal_forms import missing_name, unknown_name
from changeover.request.pandas_forms import rows_of_columns
from changeover.request.validation_errors import ValidationErrors
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
        arrays = bool(value) and isinstance(value[0], list) and len(value) <= max_rows and takes_array_rows(schema)
        return _typed(named(value, schema) if arrays else value, schema, max_rows, single=False)
    if not isinstance(value, dict):
        raise RequestFaults([{"row": None, "field": None, "message": f"{shown(value)} was sent: {_HINT}"}], 1)
    refuse_envelope(value, schema)
    rows = rows_of_columns(value, schema, max_rows)
    if rows is None:
        return _typed([value], schema, max_rows, single=True)
    return _typed(rows, schema, max_rows, single=False)


def _typed(rows: list[Json], schema: Schema, max_rows: int, *, single: bool) -> Decoded:
    if len(rows) > max_rows:
        raise TooManyRows(len(rows), max_rows)
    width = len(schema.columns)
    parsers = [(column.name, column.parse) for column in schema.columns]
    try:
        if schema.extra is Extra.FORBID and any(len(row) != width for row in rows):  # type: ignore[arg-type]
            raise _errors(rows, schema)
        cells = [[parse(row[name]) for name, parse in parsers] for row in rows]  # type: ignore[call-overload, index]
    except (KeyError, TypeError, BadCell):
        raise _errors(rows, schema) from None
    by_column = map(list, zip(*cells, strict=True)) if cells else ([] for _ in parsers)
    return Decoded(single=single, rows=len(rows), columns=dict(zip(schema.by_name, by_column, strict=True)))


def _errors(rows: list[Json], schema: Schema) -> RequestFaults:
    """All validation errors of `rows`, ordered by row, then by the schema's columns."""
    errors = ValidationErrors()
    for index, row in enumerate(rows):
        if not isinstance(row, dict):
            errors.add(index, None, fault(row, shown(row), schema))
        elif errors.full:
            _count(row, schema, errors)
        else:
            _list(index, row, schema, errors)
    return errors.error()


def _list(index: int, row: JsonObject, schema: Schema, errors: ValidationErrors) -> None:
    for name, column in schema.by_name.items():
        if name not in row:
            errors.add(index, name, "" if errors.full else missing_name(name, row))
            continue
        try:
            column.parse(row[name])
        except BadCell as error:
            errors.add(index, name, str(error))
    if schema.extra is Extra.FORBID:
        for name in row:
            if name not in schema.by_name:
                errors.add(index, name, "" if errors.full else unknown_name(name, schema.by_name))


def _count(row: JsonObject, schema: Schema, errors: ValidationErrors) -> None:
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
            errors.count(1)
    unknown = len(row) - known if schema.extra is Extra.FORBID else 0
    errors.count(unknown + len(schema.columns) - known)
