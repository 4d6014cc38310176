"""The decoding of pandas column forms as rows.

`{"columns": ["a", "b"], "data": [[1, 2], ...]}` is what `DataFrame.to_json(orient="split")` writes (`index` is
ignored); `{"a": [1, ...], ...}` and `{"a": {"0": 1}, ...}` are what `DataFrame.from_dict` reads.
"""

from collections.abc import Iterable
from typing import Final, cast

from changeover.exceptions import TooManyRows
from changeover.json_types import Json, JsonObject
from changeover.request.normal_forms import unknown_name
from changeover.request.validation_errors import ValidationErrors
from changeover.schema.cell_parsers import shown
from changeover.schema.schema import Extra, Schema

SPLIT_KEYS: Final = frozenset({"columns", "data", "index"})


def rows_of_columns(value: JsonObject, schema: Schema, max_rows: int) -> list[Json] | None:
    """The rows of `value` in a column form, or None if it is in no column form (then it is one row).

    The split form is not recognised for a model with a column named `columns` or `data`. Raises RequestFaults for a
    column form whose parts do not fit together, TooManyRows past `max_rows`.
    """
    names: Iterable[Json] = value
    if is_split(value, schema):
        rows = _split(value["columns"], value["data"], max_rows)
        names = cast("list[Json]", value["columns"])
    elif value and all(type(cells) is list for cells in value.values()):
        rows = _lists(value, max_rows)
    elif value and all(type(cells) is dict for cells in value.values()):
        rows = _objects(value, max_rows)
    else:
        return None
    if not rows:
        _refuse_other_names(names, schema)
    return rows


def is_split(value: JsonObject, schema: Schema) -> bool:
    """Whether `value` is in the split form for a model of this schema."""
    return (
        "columns" in value and "data" in value and value.keys() <= SPLIT_KEYS and SPLIT_KEYS.isdisjoint(schema.by_name)
    )


def _refuse_other_names(names: Iterable[Json], schema: Schema) -> None:
    """Refuse missing and unknown columns; without rows, these are errors of the request as a whole."""
    sent = dict.fromkeys(map(str, names))
    errors = ValidationErrors()
    for name in schema.by_name:
        if name not in sent:
            errors.add(None, name, "the column is missing")
    if schema.extra is Extra.FORBID:
        for name in sent:
            if name not in schema.by_name:
                errors.add(None, name, "" if errors.full else unknown_name(name, schema.by_name))
    if errors.any:
        raise errors.error()


def _split(columns: Json, data: Json, max_rows: int) -> list[Json]:
    errors = ValidationErrors()
    names: list[str] = []
    if not isinstance(columns, list):
        errors.add(None, "columns", f"{shown(columns)} was sent: a list of names was expected")
    else:
        for name in columns:
            if isinstance(name, str):
                names.append(name)
            else:
                errors.add(None, "columns", f"{shown(name)} is not the name of a column: a string was expected")
        if len(set(names)) != len(names):
            errors.add(None, "columns", "a name stands there twice")
    if not isinstance(data, list):
        errors.add(None, "data", f"{shown(data)} was sent: a list of rows was expected")
        raise errors.error()
    if len(data) > max_rows:
        raise TooManyRows(len(data), max_rows)
    rows: list[Json] = []
    for index, cells in enumerate(data):
        if not isinstance(cells, list):
            errors.add(index, None, f"{shown(cells)} is not a row: a list of {len(names)} values was expected")
        elif len(cells) != len(names):
            errors.add(index, None, f"the row has {len(cells)} values for {len(names)} columns")
        elif not errors.any:
            rows.append(dict(zip(names, cells, strict=True)))
    if errors.any:
        raise errors.error()
    return rows


def _lists(value: JsonObject, max_rows: int) -> list[Json]:
    columns = {name: cells for name, cells in value.items() if isinstance(cells, list)}
    rows = max(len(cells) for cells in columns.values())
    if rows > max_rows:
        raise TooManyRows(rows, max_rows)
    errors = ValidationErrors()
    for name, cells in columns.items():
        if len(cells) != rows:
            errors.add(None, name, f"the column has {len(cells)} values, the longest has {rows}")
    if errors.any:
        raise errors.error()
    return [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]


def _objects(value: JsonObject, max_rows: int) -> list[Json]:
    """Rows by their labels, in order of first appearance; a label that a column lacks is a missing field."""
    rows: dict[str, JsonObject] = {}
    for name, cells in value.items():
        if isinstance(cells, dict):
            for label, cell in cells.items():
                rows.setdefault(label, {})[name] = cell
    if len(rows) > max_rows:
        raise TooManyRows(len(rows), max_rows)
    return list(rows.values())
