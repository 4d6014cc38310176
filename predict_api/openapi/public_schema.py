"""The public part of a model's schema, which predict_api shows: no values of training data, unless they are public.

A publisher makes a column public with `"public": true` in the schema. Of any other column, callers see the members that
they need for a request: whether the list of values is closed is among them, the list is not.
"""

from typing import Final

from changeover.json_types import JsonObject

# the members that a publisher writes or that a request needs; unknown members, of later releases, are private
_OPEN: Final = ("name", "type", "nullable", "format", "case", "unit", "max_length", "description", "public", "dtype")
_OF_TRAINING: Final = ("enum", "categories", "range", "missing_seen")
CLOSED: Final = "closed"


def public_schema(schema: JsonObject) -> JsonObject:
    """The public part of `schema`, the schema of a manifest."""
    body: JsonObject = {"columns": [_public(column) for column in columns_of(schema)]}
    return body | {name: schema[name] for name in ("extra", "container") if name in schema}


def columns_of(schema: JsonObject) -> list[JsonObject]:
    """The columns of a schema in its JSON form."""
    columns = schema.get("columns")
    return [column for column in columns if isinstance(column, dict)] if isinstance(columns, list) else []


def _public(column: JsonObject) -> JsonObject:
    public = column.get("public") is True
    members = {name: column[name] for name in (*_OPEN, *(_OF_TRAINING if public else ())) if name in column}
    if column.get("enum") is not None and not public:
        members[CLOSED] = True
    return members
