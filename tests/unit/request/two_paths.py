"""The same rows in each form of a body, and the comparison of the fast reader with the strict path."""

import json
from collections.abc import Callable
from typing import Any

from changeover.exceptions import AskOriginal, NotJson, RequestFaults
from changeover.request.decode import Decoded, decode
from changeover.request.fast_reader import FastReader, TypedRows
from changeover.request.strict_json import parse
from changeover.request.tensors import MISSING_TEXT, Numbers, Texts, tensors
from changeover.schema.cell_parsers import Case, ColumnType
from changeover.schema.column import Column
from changeover.schema.formats import Format
from changeover.schema.schema import Schema

COLUMNS = (
    Column("age", ColumnType.NUMBER, nullable=True),
    Column("height", ColumnType.NUMBER),
    Column("paid", ColumnType.NUMBER, nullable=True, format=Format.CURRENCY),
    Column("level", ColumnType.NUMBER, enum=(1.0, 2.5)),
    Column("count", ColumnType.INTEGER, nullable=True),
    Column("rooms", ColumnType.INTEGER),
    Column("owner", ColumnType.BOOLEAN, nullable=True),
    Column("name", ColumnType.STRING, nullable=True),
    Column("day", ColumnType.STRING, categories=("Monday", "tuesday"), case=Case.FOLD),
    Column("since", ColumnType.STRING, format=Format.DATE),
    Column("kind", ColumnType.STRING, enum=("a", "b")),
    Column("größe in m.", ColumnType.NUMBER),
)
Row = dict[str, Any]
PLAIN: Row = {
    "age": 31,
    "height": "1.75",
    "paid": "$1,920",
    "level": 2.5,
    "count": 3,
    "rooms": "2",
    "owner": True,
    "name": "Zoë",
    "day": "MONDAY",
    "since": "2024-02-29",
    "kind": "a",
    "größe in m.": -0.0,
}
ODD = [
    None,
    "-0",
    "",
    " ",
    "nan",
    "NaN",
    "-nan",
    "null",
    "NULL",
    "Infinity",
    "-inf",
    "1e400",
    1e39,
    -1e300,
    2**53,
    2**63,
]
ODD += [
    -(2**63),
    -(2**63) - 1,
    10**30,
    True,
    False,
    "true",
    0,
    1,
    -0.0,
    "1_000",
    " 7 ",
    "+7",
    "0x10",
    "٣",
    "5.",
    ".5",
    "1e3",
]
ODD += ["3.0", 3.0, 3.5, "3.5", "12,5", "62.59%", "(5,032.58)", "monday", "Monday", "TUESDAY", "other", "2024-02-30"]
ODD += ["c", MISSING_TEXT, "a:b", '":', "\u2028", "\ud7ff", [], [1], {}, {"a": 1}]


def strict(data: bytes, schema: Schema) -> Decoded | None:
    """The rows of the strict path, or None if it refuses them."""
    try:
        return decode(parse(data), schema, 1000)
    except (NotJson, RequestFaults):
        return None


def split(rows: list[Row], *, reverse: bool = False, **more: object) -> bytes:
    """The split form of rows with the same columns; with `reverse`, its columns are in reverse order."""
    columns = list(rows[0])[:: -1 if reverse else 1]
    return json.dumps({"columns": columns, **more, "data": [[row[name] for name in columns] for row in rows]}).encode()


def lists(rows: list[Row]) -> bytes:
    """An object with a list of cells for each column."""
    return json.dumps({name: [row[name] for row in rows] for name in rows[0]}).encode()


def objects(rows: list[Row]) -> bytes:
    """An object with an object of labelled cells for each column."""
    return json.dumps({name: {f"r{i}": row[name] for i, row in enumerate(rows)} for name in rows[0]}).encode()


def arrays(rows: list[Row], schema: Schema) -> bytes:
    """An array of rows, each an array of cells in the order of the schema."""
    return json.dumps([[row[column.name] for column in schema.columns] for row in rows]).encode()


FORMS = {"rows": lambda rows: json.dumps(rows).encode(), "split": split, "lists": lists, "objects": objects}


def outcome(make: Callable[[], tuple[Numbers, Texts | None]]) -> tuple[bytes, object] | None:
    """Two tensors, bit for bit; None if only the estimator can answer."""
    try:
        numbers, strings = make()
    except AskOriginal:
        return None
    return numbers.tobytes(), None if strings is None else strings.tolist()


def agree(data: bytes, schema: Schema) -> TypedRows | None:
    """The rows of the fast reader, compared with those of the strict path."""
    rows = FastReader(schema).read(data)
    if rows is None:
        return None
    decoded = strict(data, schema)
    assert decoded is not None
    assert (rows.single, rows.rows) == (decoded.single, decoded.rows)
    assert list(rows.columns) == list(decoded.columns)
    assert repr(rows.columns) == repr(decoded.columns)  # including types and the sign of zero
    assert outcome(rows.tensors) == outcome(lambda: tensors(schema, decoded.columns, decoded.rows))
    return rows
