"""The JSON Schemas of retention: the removal of old versions, and holds."""

from typing import Final

from changeover.json_types import JsonObject
from changeover.protocol import wire
from changeover.protocol.openapi_parts import INTEGER, JSON, NAME, SHA256, TEXT, TIME, list_of, object_of

HOLD: Final[JsonObject] = {**TEXT, "pattern": "^[0-9A-Za-z][0-9A-Za-z._-]{0,127}$"}
_COUNT: Final[JsonObject] = {**INTEGER, "minimum": 0}
_REASON: Final[JsonObject] = {**TEXT, "maxLength": wire.LONGEST_TEXT}
_REMOVAL: Final = object_of(
    {
        "keep": {**_COUNT, "maximum": 10**7, "description": "the number of versions to keep, those published last"},
        "keep_days": {
            "type": "number",
            "minimum": 0,
            "maximum": 10**7,
            "description": "versions published or current in these days are kept, too",
        },
        "dry_run": {
            "type": "boolean",
            "default": False,
            "description": "say what would be removed, and remove nothing",
        },
        "reason": {**_REASON, "description": "it stands in the tombstones"},
        "on_behalf_of": {**_REASON, "description": "the person or program that asks, in the caller's words"},
    },
    *("dry_run", "reason", "on_behalf_of"),
)
_SECONDS: Final[JsonObject] = {"type": "number", "exclusiveMinimum": 0, "maximum": wire.LONGEST_HOLD_S}
REMOVAL_BODY: Final[JsonObject] = {"required": True, "content": {JSON: {"schema": _REMOVAL}}}
HOLD_BODY: Final[JsonObject] = {
    "required": True,
    "content": {JSON: {"schema": object_of({"seconds": {**_SECONDS, "description": "from now on"}})}},
}
RETENTION: Final[JsonObject] = {  # the schemas of the document's components, by name
    "Removal": object_of(
        {
            "model": NAME,
            "dry_run": {"type": "boolean"},
            "removed": list_of(object_of({"version": SHA256, "size": _COUNT, "created_at": TEXT})),
            "bytes": _COUNT,
            "left": {**_COUNT, "description": "versions that the next call would remove"},
            "kept": object_of(
                {
                    "newest": _COUNT,
                    "recent": _COUNT,
                    "in_use": list_of(object_of({"version": SHA256, "use": TEXT})),
                }
            ),
        }
    ),
    "Hold": object_of({"model": NAME, "version": SHA256, "hold": HOLD, "until": TIME}),
}
