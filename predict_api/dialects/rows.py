"""The rows of a request as cells by column: rows that are objects, rows by position, columns, and single values."""

from collections.abc import Collection, Sequence
from typing import Any, Final

from changeover.exceptions import RequestFaults
from changeover.json_types import Json
from changeover.request.cells import Columns
from changeover.schema.schema import Schema
from predict_api.exceptions import InvalidCall

_SHOWN: Final = 20  # names in one message
Rows = Columns | list[Json]


def of_rows(rows: list[Json], schema: Schema) -> Rows:
    """The cells of rows: objects, arrays in the order of the schema, or values of its only column.

    Rows of several forms stay as they are: the reader of rows names what is wrong. Raises RequestFaults.
    """
    first = rows[0] if rows else None
    if isinstance(first, list):
        return by_position(rows, schema)
    if isinstance(first, dict):
        names = first.keys()
        objects = [row for row in rows if isinstance(row, dict) and row.keys() == names]
        if names and len(objects) == len(rows):
            return {name: [row[name] for row in objects] for name in names}
        return rows
    if first is not None and len(schema.columns) == 1:
        return {schema.columns[0].name: rows}
    return rows


def by_position(rows: Sequence[Json], schema: Schema) -> dict[str, Any]:
    """The cells of arrays whose values are in the order of the schema; raises RequestFaults."""
    names = list(schema.by_name)
    arrays: list[list[Json]] = []
    for index, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != len(names):
            has = f"has {len(row)} values" if isinstance(row, list) else "is no array"
            raise _row_fault(index, f"the row {has}, the model takes {len(names)}: {listed(names)}")
        arrays.append(row)
    columns: list[Any] = [*map(list, zip(*arrays, strict=True))] if rows else [[] for _ in names]
    return dict(zip(names, columns, strict=True))


def of_object(columns: dict[str, Json], member: str) -> dict[str, Any]:
    """The cells of an object of columns, each a list, or of one row, each a value; raises InvalidCall."""
    lists = sum(isinstance(cells, list) for cells in columns.values())
    if columns and lists == len(columns):
        return _values(columns)  # type: ignore[arg-type]
    if lists or not columns:
        raise InvalidCall(f"{member}: send a list for each column, or a value for each column (one row)")
    return {name: [cell] for name, cell in columns.items()}


def unwrapped(rows: Rows) -> Rows:
    """The cells of rows whose objects may have lists of one value: these values."""
    if isinstance(rows, list):
        return [{name: _value(cell) for name, cell in row.items()} if isinstance(row, dict) else row for row in rows]
    return _values(rows)


def _values(columns: Columns) -> dict[str, Any]:
    return {
        name: list(map(_value, cells)) if list in set(map(type, cells)) else cells for name, cells in columns.items()
    }


def _value(cell: Any) -> Any:
    return cell[0] if type(cell) is list and len(cell) == 1 else cell


def without_unknown(rows: Rows, schema: Schema) -> tuple[Rows, list[str]]:
    """The cells of the columns that the schema has, and the sorted names of the others."""
    known = schema.by_name.keys()
    if isinstance(rows, list):
        names = {name for row in rows if isinstance(row, dict) for name in row} - known
        if not names:
            return rows, []
        kept: list[Json] = [
            {name: cell for name, cell in row.items() if name not in names} if isinstance(row, dict) else row
            for row in rows
        ]
        return kept, sorted(names)
    if rows.keys() <= known:
        return rows, []
    return {name: cells for name, cells in rows.items() if name in known}, sorted(rows.keys() - known)


def listed(names: Collection[str]) -> str:
    """The first names of a list, for a message."""
    return ", ".join([*names][:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")


def _row_fault(row: int, message: str) -> RequestFaults:
    return RequestFaults([{"row": row, "field": None, "message": message}], 1)
