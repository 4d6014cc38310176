"""The JSON Schema of prediction requests: an object, an array of objects, and the column forms.

`changeover/request/decode.py` and `changeover/request/pandas_forms.py` read these forms.
"""

from collections.abc import Callable
from typing import Final
from urllib.parse import quote

from changeover.json_types import Json, JsonObject
from changeover.protocol.openapi_parts import ref
from predict_api.openapi.columns import column_schema, made_up_row, parsed_schema
from predict_api.openapi.public_schema import columns_of

_SPLIT_KEYS: Final = frozenset({"columns", "data", "index"})
MOST_IN_EVERY_FORM: Final = (
    500  # columns; the document of a wider model has rows only, since it would be megabytes otherwise
)
_SHOWN: Final = 2  # rows of the batch in the examples
_LENGTHS: Final = (
    "Every column brings the same number of values. JSON Schema cannot say that: what is described here is a batch of "
    "one row, and longer ones are taken alike."
)


class Forms:
    """The request forms of one model. `prefix` begins the names of its components."""

    def __init__(self, schema: JsonObject, prefix: str, max_rows: int) -> None:
        """`schema` is the result of `public_schema`."""
        self.columns = columns_of(schema)
        self._names: list[Json] = [str(column.get("name")) for column in self.columns]
        self._open = schema.get("extra") == "ignore"
        self._prefix = prefix
        self._max_rows = max_rows

    def components(self) -> JsonObject:
        """Each form by the name of its component."""
        found: JsonObject = {f"{self._prefix}.Row": self._row(), f"{self._prefix}.Batch": self._batch()}
        if len(self._names) > MOST_IN_EVERY_FORM:
            return found
        if self._is_taken_split:
            found[f"{self._prefix}.Split"] = self._split()
        found[f"{self._prefix}.Lists"] = self._by_column("Columns as lists", _list_of, '`{"a": [1], "b": [2]}`')
        found[f"{self._prefix}.Objects"] = self._by_column(
            "Columns as objects", _object_of, '`{"a": {"0": 1}, "b": {"0": 2}}`, as pandas writes a frame'
        )
        return found

    def examples(self) -> JsonObject:
        """Sample bodies from the schema; golden rows are training data, so they are not shown."""
        rows = [self.row()] * _SHOWN
        found: JsonObject = {
            "row": {"summary": "one row", "value": rows[0]},
            "batch": {"summary": "a batch", "value": list[Json](rows)},
        }
        if self._is_taken_split and len(self._names) <= MOST_IN_EVERY_FORM:
            data: list[Json] = [[row[str(name)] for name in self._names] for row in rows]
            found["split"] = {"summary": "columns and data", "value": {"columns": self._names, "data": data}}
        return found

    def row(self) -> JsonObject:
        """A sample row from the public members of each column."""
        return made_up_row(self.columns)

    def parsed(self) -> JsonObject:
        """The schema of each column's parsed values."""
        if len(self._names) > MOST_IN_EVERY_FORM:
            return {}
        return {str(column.get("name")): parsed_schema(column) for column in self.columns}

    @property
    def _is_taken_split(self) -> bool:
        return _SPLIT_KEYS.isdisjoint(self._names)

    def _row(self) -> JsonObject:
        return {
            "title": "One row",
            "type": "object",
            "properties": {str(column.get("name")): column_schema(column) for column in self.columns},
            "required": self._names,
            "additionalProperties": self._open,
        }

    def _batch(self) -> JsonObject:
        text = f"Answered in the same order. At most {self._max_rows} rows."
        return {"title": "A batch", "description": text, "type": "array", "items": ref(f"{self._prefix}.Row")}

    def _split(self) -> JsonObject:
        cells: list[Json] = [self._cell(str(name)) for name in self._names]
        row: JsonObject = {"type": "array", "prefixItems": cells, "items": False, "minItems": len(cells)}
        return {
            "title": "Columns and data",
            "description": "The names once, then the rows; any order of names, the rows in the same. `index` is ignored.",
            "type": "object",
            "properties": {
                "columns": {"const": self._names},
                "data": {"type": "array", "items": row},
                "index": True,
            },
            "required": ["columns", "data"],
            "additionalProperties": False,
        }

    def _by_column(self, title: str, values: Callable[[JsonObject, int | None], JsonObject], text: str) -> JsonObject:
        """The schema with a member for each column.

        For one column it allows any number of rows. For several, JSON Schema cannot require equal lengths, so it allows
        none or one.
        """
        if len(self._names) == 1:
            return {"title": title, "description": text, **self._members(values, None)}
        return {
            "title": title,
            "description": f"{text}. {_LENGTHS}",
            "anyOf": [self._members(values, 1), self._members(values, 0)],
        }

    def _members(self, values: Callable[[JsonObject, int | None], JsonObject], rows: int | None) -> JsonObject:
        return {
            "type": "object",
            "properties": {str(name): values(self._cell(str(name)), rows) for name in self._names},
            "required": self._names,
            "additionalProperties": values({}, rows) if self._open else False,
        }

    def _cell(self, name: str) -> JsonObject:
        pointer = quote(name.replace("~", "~0").replace("/", "~1"), safe="~")
        return ref(f"{self._prefix}.Row/properties/{pointer}")


def _list_of(cell: JsonObject, rows: int | None) -> JsonObject:
    exactly: JsonObject = {} if rows is None else {"minItems": rows, "maxItems": rows}
    return {"type": "array", "items": cell, **exactly}


def _object_of(cell: JsonObject, rows: int | None) -> JsonObject:
    if rows == 1:
        required: list[Json] = ["0"] if cell else []  # an ignored column may have fewer rows, never more
        return {"type": "object", "properties": {"0": cell}, "required": required, "additionalProperties": False}
    return {"type": "object", "additionalProperties": cell if rows is None else False}
