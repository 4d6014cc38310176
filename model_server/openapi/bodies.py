"""The JSON Schemas of model_server's requests and responses: versions, rollouts, replicas, models."""

from typing import Final

from changeover import names
from changeover.json_types import Json, JsonObject
from changeover.protocol import wire
from changeover.protocol.openapi_parts import JSON, NAME, SHA256, TEXT, TIME, ref

VERSION_TEXT: Final[JsonObject] = {"type": "string", "pattern": "^([sS][hH][aA]256:)?[0-9a-fA-F]{8,64}$"}
REPLICA: Final[JsonObject] = {"type": "string", "pattern": f"^{names.REPLICA.pattern}$"}
_MAYBE_SHA: Final[JsonObject] = {"anyOf": [SHA256, {"type": "null"}]}
_SAID: Final[JsonObject] = {"type": "string", "maxLength": 1000}
_HELD: Final[JsonObject] = {
    "type": "object",
    "properties": {"sequence": {"type": "integer"}, "version": TEXT},
    "required": ["sequence", "version"],
}
_REPORT: Final[JsonObject] = {
    "replica": TEXT,
    "host": TEXT,
    "pid": {"type": "integer"},
    "held": {"anyOf": [_HELD, {"type": "null"}], "description": "what answers requests now"},
    "ready": {"type": "array", "items": TEXT, "description": "versions that are loaded and warm"},
    "failed": {"type": "object", "additionalProperties": TEXT, "description": "the reason by version"},
}
_CURRENT: Final[JsonObject] = {"model": NAME, "sequence": {"type": "integer", "minimum": 1}, "version": SHA256}
_ROLLOUT_MEMBERS: Final[JsonObject] = {
    "id": TEXT,
    "model": NAME,
    "sequence": {"type": "integer"},
    "version": SHA256,
    "previous": _MAYBE_SHA,
    "state": {"enum": [state.value for state in wire.RolloutState]},
    "reason": TEXT,
    "by": TEXT,
    "rolled_at": TIME,
}
_PAGE: Final[JsonObject] = {"total": {"type": "integer", "minimum": 0}, "next": TEXT}


def bodies() -> JsonObject:
    """The schemas of the OpenAPI document's components, by name."""
    return {
        "Version": _object(
            {
                "model": NAME,
                "version": TEXT,
                "state": {"enum": [state.value for state in wire.VersionState]},
                "size": {"type": "integer", "minimum": 0},
                "created_at": TIME,
                "metrics": {"type": "object", "additionalProperties": {"type": "number"}},
                "reason": {"type": "string", "description": "why it was rejected"},
                "name": {"type": "string", "description": "the upload that was rejected"},
            },
            "model version state size created_at metrics",
        ),
        "Versions": _object({"versions": _list("Version"), **_PAGE}, "versions total"),
        "Manifest": _object(
            {
                "model": NAME,
                "version": SHA256,
                "state": TEXT,
                "schema": {"type": "object"},
                "size": {"type": "integer"},
            },
            "model version state schema size",
        ),
        "Rollout": _object(_ROLLOUT_MEMBERS, "id model sequence version previous state reason by rolled_at"),
        "Rollouts": _object({"rollouts": _list("Rollout"), **_PAGE}, "rollouts total"),
        "Current": _object(
            {**_CURRENT, "manifest": TEXT, "artifact": TEXT}, "model sequence version manifest artifact"
        ),
        "Report": _object(_REPORT, "replica host pid ready failed"),
        "Models": _object(
            {"models": {"type": "array", "items": _object({"model": NAME}, "model")}, "default": NAME}, "models default"
        ),
        "Model": _object(
            {
                "model": NAME,
                "current": {"anyOf": [ref("Rollout"), {"type": "null"}]},
                "previous": _MAYBE_SHA,
                "rollout": {"anyOf": [ref("Rollout"), {"type": "null"}]},
                "pinned": _MAYBE_SHA,
                "replicas": {"type": "array", "items": {"type": "object", "properties": _REPORT}},
            },
            "model current previous rollout pinned replicas",
        ),
    }


ROLL_BODY: Final[JsonObject] = {
    "required": True,
    "content": {
        JSON: {
            "schema": {
                "type": "object",
                "properties": {
                    "version": {
                        **VERSION_TEXT,
                        "description": "what is to answer: a version, or its first 8 digits or more",
                    },
                    "reason": _SAID,
                    "by": _SAID,
                    "allow_schema_change": {"type": "boolean", "default": False},
                    "skip_gate": {"type": "boolean", "default": False},
                },
                "required": ["version"],
            }
        }
    },
}
ROLLBACK_BODY: Final[JsonObject] = {
    "required": False,
    "content": {JSON: {"schema": {"type": "object", "properties": {"reason": _SAID, "by": _SAID}}}},
}
REPORT_BODY: Final[JsonObject] = {"required": True, "content": {JSON: {"schema": ref("Report")}}}
PUBLISH_BODY: Final[JsonObject] = {
    "required": True,
    "description": "a joblib file as it is, or with a manifest beside it",
    "content": {
        "application/octet-stream": {},
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "properties": {
                    "artifact": {"type": "string", "format": "binary"},
                    "manifest": {
                        "type": "string",
                        "format": "binary",
                        "description": "JSON: schema, metrics, golden rows",
                    },
                },
                "required": ["artifact"],
                "additionalProperties": False,
            }
        },
    },
}


def _object(properties: JsonObject, required: str) -> JsonObject:
    return {"type": "object", "properties": properties, "required": list[Json](required.split())}


def _list(name: str) -> JsonObject:
    return {"type": "array", "items": ref(name)}
