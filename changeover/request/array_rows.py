"""Rows as arrays of values, in the order of the schema, for models that were fitted on an array."""

from changeover.json_types import Json
from changeover.schema.schema import Container, Schema


def takes_array_rows(schema: Schema) -> bool:
    """Whether the model was fitted on an array: by the schema's container, or by columns x0, x1 and so on."""
    if schema.container is not None:
        return schema.container is Container.ARRAY
    return all(column.name == f"x{index}" for index, column in enumerate(schema.columns))


def named(rows: list[Json], schema: Schema) -> list[Json]:
    """`rows` with each array of the right width as an object; another row stays as it is, an error of its own."""
    names = list(schema.by_name)
    width = len(names)
    return [dict(zip(names, row, strict=True)) if isinstance(row, list) and len(row) == width else row for row in rows]


def fault(row: Json, shown: str, schema: Schema) -> str:
    """The message on a `row` that is no object; `shown` is its short form."""
    width = len(schema.columns)
    if not takes_array_rows(schema):
        why = ", since the model's columns have names" if isinstance(row, list) else ""
        return f"{shown} is not a row: an object was expected{why}"
    if isinstance(row, list):
        return f"the row has {len(row)} value{'' if len(row) == 1 else 's'}, the model takes {width}"
    return f"{shown} is not a row: an object or an array of {width} value{'' if width == 1 else 's'} was expected"
