"""The JSON Schema of prediction requests: an object, an array of objects or of arrays, and the column forms.

`changeover/request/decode.py`, `array_rows.py` and `pandas_forms.py` beside it read these forms.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Final
from urllib.parse import quote

from changeover.json_types import Json, JsonObject
from changeover.protocol.openapi_parts import list_of, object_of, ref
from predict_api.openapi.columns import column_schema, parsed_schema, sample_row
from predict_api.openapi.public_schema import columns_of

_Cells = Callable[[JsonObject, int | None], JsonObject]  # of a cell's schema and a number of rows
_SPLIT_KEYS: Final = frozenset({"columns", "data", "index"})
MOST_IN_EVERY_FORM: Final = 500  # columns; the document of a wider model has rows only: all forms would be megabytes
_LENGTHS: Final = (
    "Every column has the same number of values. JSON Schema cannot require that, so this schema describes a batch of "
    "one row. Longer batches are accepted, too."
)


class Forms:
    """The request forms of one model. `prefix` begins the names of its components."""

    def __init__(self, schema: JsonObject, prefix: str, max_rows: int) -> None:
        """`schema` is the result of `public_schema`."""
        self._columns = columns_of(schema)
        self._names = [str(column.get("name")) for column in self._columns]
        self._has_all_forms = len(self._names) <= MOST_IN_EVERY_FORM
        self._has_split_form = has_split_form(self._names)
        unnamed = [f"x{index}" for index in range(len(self._names))]
        on_arrays = schema.get("container", "array" if self._names == unnamed else "frame") == "array"
        self._has_arrays = self._has_all_forms and on_arrays  # as `changeover/request/array_rows.py`
        self._ignores_others = schema.get("extra") == "ignore"
        self._prefix = prefix
        self._max_rows = max_rows

    def components(self) -> JsonObject:
        """Each form by the name of its component."""
        forms = {"Row": self._row(), "Batch": self._batch()}
        if self._has_arrays:
            forms["Arrays"] = self._arrays()
        if self._has_split_form:
            forms["Split"] = self._split()
        if self._has_all_forms:
            forms["Lists"] = self._by_column("Columns as lists", _cells_in_list, '`{"a": [1], "b": [2]}`')
            forms["Objects"] = self._by_column(
                "Columns as objects", _cells_in_object, '`{"a": {"0": 1}, "b": {"0": 2}}`, as pandas writes a frame'
            )
        return {f"{self._prefix}.{name}": form for name, form in forms.items()}

    def examples(self) -> JsonObject:
        """Sample bodies from the schema; golden rows are training data, so they are not shown."""
        row = sample_row(self._columns)
        bodies: JsonObject = {
            "row": {"summary": "one row", "value": row},
            "batch": {"summary": "a batch", "value": [row, row]},
        }
        if self._has_arrays:
            values = list(row.values())
            bodies["arrays"] = {"summary": "a batch of rows as arrays", "value": [values, values]}
        if self._has_split_form:
            columns, cells = list[Json](row), list(row.values())
            bodies["split"] = {"summary": "columns and data", "value": {"columns": columns, "data": [cells, cells]}}
        return bodies

    def parsed(self) -> JsonObject:
        """The schema of each column's parsed values."""
        columns = self._columns if self._has_all_forms else []
        return {str(column.get("name")): parsed_schema(column) for column in columns}

    def _row(self) -> JsonObject:
        columns: JsonObject = {str(column.get("name")): column_schema(column) for column in self._columns}
        return object_of(columns, title="One row", additionalProperties=self._ignores_others)

    def _batch(self) -> JsonObject:
        text = f"Answered in the same order. At most {self._max_rows} rows."
        return list_of(ref(f"{self._prefix}.Row"), title="A batch", description=text)

    def _arrays(self) -> JsonObject:
        text = (
            f"A value for each column in its order; a model that was fitted on an array. At most {self._max_rows} rows."
        )
        return list_of(self._row_as_array(), title="A batch of rows as arrays", description=text)

    def _row_as_array(self) -> JsonObject:
        return array_of([self._cell(name) for name in self._names])

    def _split(self) -> JsonObject:
        return object_of(
            {"columns": {"const": list[Json](self._names)}, "data": list_of(self._row_as_array()), "index": True},
            "index",
            title="Columns and data",
            description="The names, in any order, and rows of values in the same order. `index` is ignored.",
            additionalProperties=False,
        )

    def _by_column(self, title: str, cells: _Cells, text: str) -> JsonObject:
        """The schema with a member for each column.

        For one column it allows any number of rows. For several, JSON Schema cannot require equal lengths, so it allows
        none or one.
        """
        if len(self._names) == 1:
            return {"title": title, "description": text, **self._members(cells, None)}
        members: list[Json] = [self._members(cells, rows) for rows in (1, 0)]
        return {"title": title, "description": f"{text}. {_LENGTHS}", "anyOf": members}

    def _members(self, cells: _Cells, rows: int | None) -> JsonObject:
        columns: JsonObject = {name: cells(self._cell(name), rows) for name in self._names}
        return object_of(columns, additionalProperties=cells({}, rows) if self._ignores_others else False)

    def _cell(self, name: str) -> JsonObject:
        return cell_of(self._prefix, name)


def array_of(cells: Sequence[JsonObject]) -> JsonObject:
    """The schema of an array that has a value for each of `cells`, in this order."""
    return {"type": "array", "prefixItems": [*cells], "items": False, "minItems": len(cells)}


def cell_of(prefix: str, name: str) -> JsonObject:
    """A reference to the schema of a column's values."""
    pointer = quote(name.replace("~", "~0").replace("/", "~1"), safe="~")
    return ref(f"{prefix}.Row/properties/{pointer}")


def has_split_form(names: Collection[str]) -> bool:
    """Whether a model of these columns has the component `Split`."""
    return len(names) <= MOST_IN_EVERY_FORM and _SPLIT_KEYS.isdisjoint(names)


def _cells_in_list(cell: JsonObject, rows: int | None) -> JsonObject:
    return list_of(cell) if rows is None else list_of(cell, minItems=rows, maxItems=rows)


def _cells_in_object(cell: JsonObject, rows: int | None) -> JsonObject:
    if rows == 1:
        optional = () if cell else ("0",)  # an ignored column may have fewer rows, never more
        return object_of({"0": cell}, *optional, additionalProperties=False)
    return {"type": "object", "additionalProperties": cell if rows is None else False}
