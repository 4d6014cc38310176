"""The JSON Schemas of model_server's requests and responses: versions, rollouts, replicas, models."""

from typing import Final

from changeover import names
from changeover.json_types import JsonObject
from changeover.protocol import wire
from changeover.protocol.openapi_parts import (
    INTEGER,
    JSON,
    NAME,
    SHA256,
    TEXT,
    TIME,
    list_of,
    object_of,
    or_null,
    parameter,
    ref,
)
from model_server.openapi.report_bodies import REPORT, REPORTS

VERSION_TEXT: Final[JsonObject] = {**TEXT, "pattern": "^([sS][hH][aA]256:)?[0-9a-fA-F]{8,64}$"}
REPLICA: Final[JsonObject] = {**TEXT, "pattern": f"^{names.REPLICA.pattern}$"}
_COUNT: Final[JsonObject] = {**INTEGER, "minimum": 0}
_FLAG: Final[JsonObject] = {"type": "boolean", "default": False}
_BYTES: Final[JsonObject] = {**TEXT, "format": "binary"}
_OBJECT: Final[JsonObject] = {"type": "object"}


_SET: Final[JsonObject] = {
    **_OBJECT,
    "additionalProperties": object_of(
        {
            "sequence": {**INTEGER, "minimum": 1},
            "version": SHA256,
            "next_version": {**SHA256, "description": "the version to prepare"},
            "fenced": {"type": "boolean", "default": False, "description": "the lease does not hold for this model"},
            "rehearsal": {**TEXT, "description": "the id under which the next version is rehearsed"},
            "watch": {**TEXT, "description": "the id under which a switch is watched"},
        },
        *("sequence", "version", "next_version", "fenced", "rehearsal", "watch"),
    ),
    "description": "the models that have a current or a next version, by name",
}
_NOT_STORED: Final[JsonObject] = {
    **_OBJECT,
    "additionalProperties": TEXT,
    "description": "the reason for each model whose status was not stored",
}
_ROWS: Final[JsonObject] = {
    "type": "boolean",
    "description": "whether a call of the model may have the rows of several requests",
}
_VERSION: Final[JsonObject] = {
    "model": NAME,
    "version": TEXT,
    "state": {"enum": [state.value for state in wire.VersionState]},
    "size": _COUNT,
    "created_at": TIME,
    "metrics": {**_OBJECT, "additionalProperties": {"type": "number"}},
    "row_independent": _ROWS,
    "reason": {**TEXT, "description": "the reason for the rejection"},
    "name": {**TEXT, "description": "the name of the rejected upload"},
    "returned": {"type": "boolean", "description": "the bytes of the version had been removed, and are there again"},
    "updated": list_of(TEXT, description="the members that a publish of known bytes added to the manifest"),
}
_ROLLOUT: Final[JsonObject] = {
    "id": TEXT,
    "model": NAME,
    "sequence": INTEGER,
    "version": SHA256,
    "previous": or_null(SHA256),
    "state": {"enum": [state.value for state in wire.RolloutState]},
    "reason": TEXT,
    "by": {**TEXT, "description": "the name of the token, session or proxy identity that asked"},
    "on_behalf_of": {**TEXT, "description": "the caller's own words"},
    "rolled_at": TIME,
}
_MODEL: Final[JsonObject] = {
    "model": NAME,
    "current": or_null(ref("Rollout")),
    "previous": or_null(SHA256),
    "rollout": or_null(ref("Rollout")),
    "pinned": or_null(SHA256),
    "replicas": list_of({**_OBJECT, "properties": REPORT}),
}
_CURRENT: Final[JsonObject] = {
    "model": NAME,
    "sequence": {**INTEGER, "minimum": 1},
    "version": SHA256,
    "manifest": TEXT,
    "artifact": TEXT,
}
_PAGE: Final[JsonObject] = {"total": _COUNT, "next": TEXT}
_MANIFEST: Final[JsonObject] = {
    "model": NAME,
    "version": SHA256,
    "state": TEXT,
    "schema": _OBJECT,
    "size": INTEGER,
    "row_independent": _ROWS,
    "outputs": list_of(TEXT, description="the names of the values of a prediction, if it has several"),
    "removed": {**_OBJECT, "description": "the tombstone of a version whose bytes were removed"},
}
_DRIFT: Final[JsonObject] = {
    "model": NAME,
    "version": SHA256,
    "alpha": {"type": "number", "description": "the probability of a false alarm in a window"},
    "verdict": {"enum": ["changed", "unchanged", "too few rows", "no reference"]},
    "sentences": list_of(TEXT, description="the findings, for people"),
    "reference": or_null(_OBJECT),
    "window": _OBJECT,
    "quality": list_of(_OBJECT, description="missing values, new categories, numbers outside the range"),
    "columns": list_of(_OBJECT, description="the index of each column and its line"),
    "predictions": list_of(_OBJECT, description="the same of the answers"),
    "confidence": or_null(_OBJECT),
    "running": {**or_null(_OBJECT), "description": "the window that is not over, if another one is shown"},
    "earlier": list_of(_OBJECT, description="the windows before, newest first"),
    "after_roll": or_null(_OBJECT),
}
BODIES: Final[JsonObject] = {  # the schemas of the document's components, by name
    "Version": object_of(_VERSION, "row_independent", "reason", "name", "returned", "updated"),
    "Versions": object_of({"versions": list_of(ref("Version")), **_PAGE}, "next"),
    "Manifest": object_of(_MANIFEST, "removed"),
    "Rollout": object_of(_ROLLOUT),
    "Rollouts": object_of({"rollouts": list_of(ref("Rollout")), **_PAGE}, "next"),
    "Current": object_of(_CURRENT),
    "CurrentSet": object_of({"models": _SET}),
    "LoginLink": object_of(
        {"path": TEXT, "seconds": {**INTEGER, "description": "the time for which it holds"}, "by": TEXT}
    ),
    "Report": object_of(REPORT, "held", "rehearsal", "watch", "fetched"),
    "Reports": object_of(REPORTS),
    "Stored": object_of({"not_stored": _NOT_STORED}),
    "Drift": object_of(
        _DRIFT, "window", "quality", "columns", "predictions", "confidence", "running", "earlier", "after_roll"
    ),
    "Models": object_of({"models": list_of(object_of({"model": NAME})), "default": NAME}),
    "Model": object_of(_MODEL),
}

_OF_VERSION: Final = parameter("version", "query", VERSION_TEXT, "a version; default: the current one")
_LENGTHS: Final = (
    "(1|2|3|4|5|6|10|12|15|20|30|60)m",
    "([1-9][0-9]?|[1-6][0-9][0-9]|7[01][0-9]|720)h",
    "([12]?[1-9]|[123]0)d",
)
_WINDOW: Final = parameter(
    "window", "query", {**TEXT, "pattern": f"^({'|'.join(_LENGTHS)})$"}, "the length of windows; default: 1h"
)
DRIFT_PARAMETERS: Final = (_OF_VERSION, _WINDOW)
_REASON: Final[JsonObject] = {**TEXT, "maxLength": wire.LONGEST_TEXT}
_ROLLBACK: Final[JsonObject] = {
    "reason": _REASON,
    "on_behalf_of": {**_REASON, "description": "the person or program that asks, in the caller's words"},
    "by": {**_REASON, "description": "`on_behalf_of` in the word of earlier releases"},
    "expected_sequence": {
        **or_null(_COUNT),
        "description": "the sequence that has to be current, 0 for none: otherwise 409",
    },
}
_ABORT: Final = ("reason", "on_behalf_of", "by")
_ROLL: Final = object_of(
    {
        "version": {**VERSION_TEXT, "description": "the version to make current, or its first 8 digits or more"},
        **_ROLLBACK,
        "allow_schema_change": _FLAG,
        "skip_gate": _FLAG,
        "rehearse": {
            **or_null({"type": "number", "minimum": 0, "maximum": wire.LONGEST_REHEARSAL_S}),
            "description": "the seconds for which the version is rehearsed on live requests; null: those of REHEARSE",
        },
        "watch": {
            "type": "number",
            "default": 0,
            "minimum": 0,
            "maximum": wire.LONGEST_REHEARSAL_S,
            "description": "the seconds after the switch in which the version is rolled back if requests fail, take longer or get other labels",
        },
    },
    *(*_ROLLBACK, "allow_schema_change", "skip_gate", "rehearse", "watch"),
)
_UPLOAD: Final = object_of(
    {"artifact": _BYTES, "manifest": {**_BYTES, "description": "JSON: schema, metrics, golden rows"}},
    "manifest",
    additionalProperties=False,
)
ROLL_BODY: Final[JsonObject] = {"required": True, "content": {JSON: {"schema": _ROLL}}}
ROLLBACK_BODY: Final[JsonObject] = {
    "required": False,
    "content": {JSON: {"schema": {**_OBJECT, "properties": _ROLLBACK}}},
}
ABORT_BODY: Final[JsonObject] = {
    "required": False,
    "content": {JSON: {"schema": {**_OBJECT, "properties": {name: _ROLLBACK[name] for name in _ABORT}}}},
}
REPORT_BODY: Final[JsonObject] = {"required": True, "content": {JSON: {"schema": ref("Report")}}}
REPORTS_BODY: Final[JsonObject] = {"required": True, "content": {JSON: {"schema": ref("Reports")}}}
PUBLISH_BODY: Final[JsonObject] = {
    "required": True,
    "description": "a joblib or ONNX file, alone or with a manifest",
    "content": {"application/octet-stream": {}, "multipart/form-data": {"schema": _UPLOAD}},
}
