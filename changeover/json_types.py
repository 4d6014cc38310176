"""The types of JSON values."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
    JsonObject = dict[str, Json]
else:  # msgspec reads the fields of documents at run time, and takes no recursive alias
    Json = Any
    JsonObject = dict[str, Any]
