"""The reader of JSON documents: from parsed JSON to a `msgspec.Struct`, with errors that name the member at fault.

Responses of services that are only shown are read leniently, by `object_in` and `objects_in`.
"""

from typing import TypeVar

import msgspec

from changeover.exceptions import ChangeoverError
from changeover.json_types import Json, JsonObject

Document = TypeVar("Document")


def read_document(body: object, kind: type[Document], name: str, error: type[ChangeoverError]) -> Document:
    """Convert `body` to `kind`; unknown members are ignored, and nothing is converted from one type to another.

    Raises `error` with a path below `name`, such as ``manifest.golden.rows[2]: expected `object`, got `int` ``.
    """
    try:
        return msgspec.convert(body, kind)
    except msgspec.ValidationError as invalid:
        reason, _, path = str(invalid).partition(" - at `$")
        raise error(f"{name}{path.rstrip('`')}: {reason[:1].lower()}{reason[1:]}") from invalid


def object_in(value: Json) -> JsonObject:
    """`value` if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def objects_in(value: Json) -> list[JsonObject]:
    """The objects in the list `value`; none if it is no list."""
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []
