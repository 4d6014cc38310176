"""The rows of a request as cells by column: rows that are objects, rows by position, columns, and single values."""

import re
from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

from changeover.exceptions import NotJson, RequestFaults
from changeover.json_types import Json
from changeover.request import strict_json
from changeover.request.cells import Columns
from changeover.schema.schema import Schema
from predict_api.exceptions import InvalidCall

SPLIT, SPLIT_TOO = "dataframe_split", "input_data"  # the latter in deployments of Azure Machine Learning
INSTANCES, INPUTS = "instances", "inputs"
SPLIT_KEYS: Final = frozenset({"columns", "data", "index"})
_MEMBER: Final = re.compile(rb'[ \t\r\n]*\{[ \t\r\n]*"([a-z_]+)"[ \t\r\n]*:[ \t\r\n]*')
_SPLIT_FORM: Final = re.compile(rb'\{[ \t\r\n]*"(?:columns|data|index)"')
_ARRAYS: Final = re.compile(rb"\[[ \t\r\n]*\[")
_SPLITS: Final = frozenset({SPLIT, SPLIT_TOO})
_DATA: Final = b'"data":'
_END_OF_ROWS: Final = b"]]}}"
_LONGEST_BEGIN: Final = 32 * 1024  # bytes of names and labels
_MOST_BEGINS: Final = 64
_SPACE: Final = b" \t\r\n"
_SHOWN: Final = 20  # names in one message
Rows = Columns | list[Json]


class PlainMember(NamedTuple):
    """The JSON of the only member of a body, in a form of `/predict`, and whether the member is an object.

    With `names` it is an array of arrays, with the cells of these columns.
    """

    body: bytes
    is_object: bool
    names: tuple[str, ...] | None = None


def plain_json(body: bytes, members: Collection[str], schema: Schema) -> PlainMember | None:
    """The only member of a body, if `members` has its name and it may be in a form of `/predict`; else None.

    Rows are an array, of objects or of arrays in the order of the schema. Columns or one row are an object without another
    one in it.
    """
    split = _known_split(body, members)
    if split is not None:
        return split
    begin = _MEMBER.match(body)
    stripped = body.rstrip(_SPACE)
    if begin is None or not stripped.endswith(b"}") or not SPLIT_KEYS.isdisjoint(schema.by_name):
        return None
    member, part = begin[1].decode(), stripped[begin.end() : -1].rstrip(_SPACE)
    if member not in members:
        return None
    if member in _SPLITS:
        return PlainMember(part, True) if _SPLIT_FORM.match(part) else None
    if _ARRAYS.match(part):
        return PlainMember(part, False, tuple(schema.by_name))
    if part.startswith(b"["):
        return PlainMember(part, False)
    is_flat = member == INPUTS and part.startswith(b"{") and b"{" not in part[1:]
    return PlainMember(part, True) if is_flat else None


def _known_split(body: bytes, members: Collection[str]) -> PlainMember | None:
    """The rows of a body whose only member is a split form that ends with them, else None.

    What stands before the rows is the same in each request of a client, so its names are kept.
    """
    if _SPLITS.isdisjoint(members):
        return None
    begin, found, rest = body.partition(_DATA)
    if not found or len(begin) > _LONGEST_BEGIN or not rest.endswith(_END_OF_ROWS):
        return None
    names = _names_before_rows(begin)
    return PlainMember(rest[:-2], True, names) if names is not None else None


@lru_cache(_MOST_BEGINS)
def _names_before_rows(begin: bytes) -> tuple[str, ...] | None:
    """The names of columns in a body up to the rows of its split form; without a backslash, a quote ends a string."""
    if b"\\" in begin:
        return None
    try:
        body = strict_json.parse(begin + b'"data":[]}}')
    except NotJson:
        return None
    if not isinstance(body, dict) or len(body) != 1 or body.keys().isdisjoint(_SPLITS):
        return None
    (form,) = body.values()
    if not isinstance(form, dict) or not form.keys() <= SPLIT_KEYS or not isinstance(form.get("index", []), list):
        return None
    names = form.get("columns")
    return tuple(map(str, names)) if isinstance(names, list) and set(map(type, names)) == {str} else None


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
