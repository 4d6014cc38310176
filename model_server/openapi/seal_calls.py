"""The calls of seals in the OpenAPI document."""

from typing import Final

from changeover.json_types import JsonObject
from changeover.protocol import wire
from changeover.protocol.openapi_parts import INTEGER, TEXT, header, parameter, response
from model_server.openapi.call import MODEL, STORE, VERSION, Call, read

_ENVELOPE: Final[JsonObject] = {
    "description": "a DSSE envelope around an in-toto statement (docs/sealed.md)",
    "type": "object",
    "required": ["payload", "payloadType", "signatures"],
    "properties": {"payload": TEXT, "payloadType": TEXT, "signatures": {"type": "array", "items": {"type": "object"}}},
}
_NULL: Final[JsonObject] = {"type": "null"}
_ENTRY: Final[JsonObject] = {
    "type": "object",
    "required": ["sequence", "content", "seal"],
    "properties": {
        "sequence": {**INTEGER, "minimum": 1},
        "content": {"anyOf": [{**TEXT, "description": "the bytes in base64"}, _NULL]},
        "seal": {"anyOf": [_ENVELOPE, _NULL]},
    },
}
_CHAIN: Final[JsonObject] = {
    "type": "object",
    "required": ["entries", "next"],
    "properties": {
        "entries": {"type": "array", "items": _ENTRY},
        "next": {"anyOf": [{**TEXT, "description": "the path of the following page"}, _NULL]},
    },
}
_REFUSED: Final[JsonObject] = {"type": "object", "properties": {"key": TEXT, "reason": TEXT}}
_SEALED: Final[JsonObject] = {
    "type": "object",
    "required": ["sealed", "kept", "refused", "next", "public_key", "was_sealed"],
    "properties": {
        "sealed": {**INTEGER, "description": "objects that got a seal"},
        "kept": {**INTEGER, "description": "objects that had one"},
        "refused": {"type": "array", "items": _REFUSED},
        "next": {"anyOf": [{**TEXT, "description": "`after` of the following page"}, _NULL]},
        "public_key": TEXT,
        "was_sealed": {"type": "boolean", "description": "whether REGISTRY_KEYS_FILE is set"},
    },
}
_FROM: Final = parameter("from", "query", {**INTEGER, "minimum": 1, "maximum": 99_999_999}, "the first sequence")
_AFTER: Final = parameter("after", "query", TEXT, "the `next` of the page before")
_MANIFEST_HEADERS: Final = {
    wire.REPR_DIGEST: header(TEXT, "the SHA-256 of the bytes (RFC 9530)", always=True),
    wire.SEAL: header(TEXT, "the seal of the manifest, as JSON in base64, if it has one"),
}

SEAL_CALLS: Final = {
    ("/models/{model}/versions/{version}/manifest", "get", "stored_manifest"): Call(
        "The newest manifest of a version as it is stored, with its seal",
        {"200": response("The bytes", {"type": "object"}, headers=_MANIFEST_HEADERS)},
        (*STORE, *VERSION),
    ),
    ("/models/{model}/chain", "get", "chain"): read(
        "The ledger as it is stored, oldest first, with the seal of each entry",
        _CHAIN,
        *STORE,
        *MODEL,
        "MalformedRequest",
        parameters=[_FROM],
    ),
    ("/models/{model}/seal", "post", "seal"): read(
        "Seal the objects of a model, one page", _SEALED, *STORE, *MODEL, "NoRegistryKey", parameters=[_AFTER]
    ),
}
