"""The OpenAPI document of model_server: its calls, their parameters and their responses."""

from typing import Final

from changeover.json_types import Json, JsonObject
from changeover.names import MODEL_NAME
from changeover.protocol import wire
from changeover.protocol.openapi_parts import (
    INTEGER,
    NAME,
    OPENAPI,
    TEXT,
    header,
    parameter,
    ref,
    response,
    shared_schemas,
)
from model_server.openapi.bodies import (
    ABORT_BODY,
    BODIES,
    DRIFT_PARAMETERS,
    PUBLISH_BODY,
    REPORT_BODY,
    REPORTS_BODY,
    ROLL_BODY,
    ROLLBACK_BODY,
)
from model_server.openapi.call import Call, Causes, read_call
from model_server.openapi.report_bodies import COUNTS_BODY
from model_server.openapi.retention_bodies import HOLD_BODY, REMOVAL_BODY, RETENTION

# groups of errors, by their names
_STORE: Final = ("NotReady", "StoreUnavailable", "StoreError")
_MODEL: Final = ("InvalidName", "UnknownModel")
_VERSION: Final = (*_MODEL, "InvalidVersion", "AmbiguousVersion", "UnknownVersion", "InvalidManifest")
_LIST: Final = (*_STORE, *_MODEL, "MalformedRequest")
_CHECK: Final = ("NotReady", *_MODEL, "NoCurrentVersion", "NotThatReplica")
_ROLL: Final = (
    *(*_STORE, *_VERSION, "MalformedRequest", "BodyTooLarge", "TextTooLong", "NoCurrentVersion", "RolloutUnderWay"),
    *("CurrentMoved", "Pinned", "VersionRejected", "VersionRemoved", "SchemaChanged", "GateRefused"),
)
_ABORT: Final = (*_STORE, *_MODEL, "MalformedRequest", "BodyTooLarge", "TextTooLong", "NotUnderWay")
_PUBLISH: Final = (
    *(*_STORE, "InvalidName", "InvalidDigestHeader", "InvalidManifest", "InvalidSchema", "MalformedRequest"),
    *("UploadTooLarge", "UploadIncomplete", "UnsupportedBody", "VersionRejected", "SpoolFull"),
    *("UpdateRefused", "ManifestContradicted", "UpdateBreaks", "UpdateOvertaken"),
)
_REPORT: Final = (
    *(*_MODEL, "MalformedAnswer", "MalformedRequest", "BodyTooLarge"),
    *("NotThatReplica", "FleetFull", "OtherReplica", "NotReady"),
)
_REPORT_ALL: Final = (
    "MalformedAnswer",
    "MalformedRequest",
    "BodyTooLarge",
    "NotThatReplica",
    "OtherReplica",
    "NotReady",
)
_ANY: Final[JsonObject] = {"type": "object"}
# parameters and headers
_LIMIT: Final[JsonObject] = {**INTEGER, "minimum": 1, "maximum": 1000}
_OFFSET: Final[JsonObject] = {**INTEGER, "minimum": 0, "maximum": 10**9}
_SECONDS: Final[JsonObject] = {"type": "number", "minimum": 0, "maximum": 600}
_DIGEST: Final[JsonObject] = {**TEXT, "pattern": "^sha-256=:[A-Za-z0-9+/]{43}=:$"}
_PAGED: Final = (
    parameter("limit", "query", _LIMIT, "the number of entries on a page; default: 100"),
    parameter("offset", "query", _OFFSET, "the number of entries to skip before the page"),
)
_AT: Final = parameter(
    "at", "query", {**TEXT, "format": "date-time"}, "a time: the page has the entry that was current then"
)
_WAIT: Final = parameter("wait", "query", _SECONDS, "seconds to wait for the end of the rollout")
_SECRET: Final = parameter(wire.REPLICA_SECRET, "header", TEXT, "the secret that authenticates the replica")
_NAMES: Final[JsonObject] = {**TEXT, "pattern": f"^(({MODEL_NAME.pattern},)*{MODEL_NAME.pattern})?$"}
_SELECTION: Final = parameter("models", "query", _NAMES, "the models, separated by commas; all without it, by a token")
_CHECK_PARAMETERS: Final = (
    parameter("If-None-Match", "header", TEXT, "the ETag of the active version"),
    parameter(wire.REPLICA_ID, "header", TEXT, "the id of the replica, if a replica calls"),
    _SECRET,
)
_UPLOAD_PARAMETERS: Final = (
    parameter("name", "query", TEXT, "the name of the upload"),
    parameter("on_behalf_of", "query", TEXT, "the publisher, in the caller's words; `by` is the name of its token"),
    parameter("by", "query", TEXT, "`on_behalf_of` in the word of earlier releases"),
    parameter(wire.REPR_DIGEST, "header", _DIGEST, "the SHA-256 of the artifact (RFC 9530)"),
)
_LEASE: Final = {
    "ETag": header(TEXT, '"<sequence>-<sha256>"', always=True),
    wire.LEASE_MS: header(
        {**INTEGER, "minimum": 0}, "milliseconds that a replica may answer without another check", always=True
    ),
    wire.SERVER_INSTANCE: header(TEXT, "a new value after each start of model_server", always=True),
    wire.CHECK_ALL: header(TEXT, "`true`: there are calls for all models", always=True),
    wire.NEXT_VERSION: header(TEXT, "the version to prepare"),
}
_SET_LEASE: Final = {
    "ETag": header(TEXT, "the SHA-256 of the body", always=True),
    **{name: _LEASE[name] for name in (wire.LEASE_MS, wire.SERVER_INSTANCE, wire.CHECK_ALL)},
}
_LOCATION: Final = {"Location": header(TEXT, "the path of the version or rollout", always=True)}
_BYTES: Final = response(
    "The bytes",
    {**TEXT, "format": "binary"},
    media_type="application/octet-stream",
    headers={wire.REPR_DIGEST: header(TEXT, "the SHA-256 of the bytes (RFC 9530)", always=True)},
)
_ROLLED: Final[JsonObject] = {
    "200": response("The rollout has ended", ref("Rollout"), headers=_LOCATION),
    "202": response("The rollout is under way", ref("Rollout"), headers=_LOCATION),
}
_TEXT: Final = (
    "The model registry: it publishes versions, rolls them, and answers freshness checks. All calls but the freshness "
    "check and the probes need a bearer token."
)


_CALLS: Final = {
    ("/models", "get", "models"): read_call("The models", ref("Models"), "NotReady"),
    ("/models/{model}", "get", "model"): read_call("One model", ref("Model"), "NotReady", *_MODEL),
    ("/current", "get", "current_of_all"): Call(
        "The freshness check of several models",
        {
            "200": response("The current versions", ref("CurrentSet"), headers=_SET_LEASE),
            "304": response("The versions are those of If-None-Match", headers=_SET_LEASE),
        },
        ("Unauthenticated", "Forbidden", "NotReady", "InvalidName", "MalformedRequest", "NotThatReplica"),
        (_SELECTION, *_CHECK_PARAMETERS),
        needs_token=False,
        takes_token=True,
    ),
    ("/models/{model}/current", "get", "current"): Call(
        "The freshness check",
        {
            "200": response("The current version", ref("Current"), headers=_LEASE),
            "304": response("The version in If-None-Match is current", headers=_LEASE),
        },
        _CHECK,
        _CHECK_PARAMETERS,
        needs_token=False,
    ),
    ("/models/{model}/versions", "get", "versions"): read_call(
        "The versions, newest first", ref("Versions"), *_LIST, parameters=_PAGED
    ),
    ("/models/{model}/versions", "post", "publish"): Call(
        "Publish a version",
        {
            "200": response(
                "The version existed; `updated`: what was added to its manifest", ref("Version"), headers=_LOCATION
            ),
            "201": response("The version was admitted", ref("Version"), headers=_LOCATION),
        },
        _PUBLISH,
        _UPLOAD_PARAMETERS,
        PUBLISH_BODY,
    ),
    ("/models/{model}/versions/{version}", "get", "version"): read_call(
        "The manifest of a version", ref("Manifest"), *_STORE, *_VERSION
    ),
    ("/models/{model}/versions/{version}/artifact", "get", "artifact"): Call(
        "The artifact of a version", {"200": _BYTES}, (*_STORE, *_VERSION, "VersionRemoved")
    ),
    ("/models/{model}/versions/{version}/twin", "get", "twin"): Call(
        "The ONNX twin of a version that has one", {"200": _BYTES}, (*_STORE, *_VERSION, "VersionRemoved")
    ),
    ("/models/{model}/versions/{version}/holds/{hold}", "put", "place"): Call(
        "Keep the bytes of a version from a removal for a time; again: for longer",
        {"200": response("The hold", ref("Hold"))},
        (*_STORE, *_VERSION, "MalformedRequest", "BodyTooLarge", "HoldsFull", "VersionRemoved"),
        body=HOLD_BODY,
    ),
    ("/models/{model}/versions/{version}/holds/{hold}", "delete", "end"): Call(
        "End a hold", {"204": response("There is no such hold any more")}, (*_STORE, *_VERSION)
    ),
    ("/models/{model}/gc", "post", "remove"): Call(
        "Remove the bytes of old versions for some seconds; repeat it while `left` is not 0",
        {"200": response("What was removed, and kept", ref("Removal"))},
        (*_STORE, *_MODEL, "MalformedRequest", "BodyTooLarge", "TextTooLong", "LedgerUnsure"),
        body=REMOVAL_BODY,
    ),
    ("/models/{model}/rollouts", "get", "rollouts"): read_call(
        "The ledger, newest first", ref("Rollouts"), *_LIST, parameters=(*_PAGED, _AT)
    ),
    ("/models/{model}/rollouts", "post", "roll"): Call("Make a version current", _ROLLED, _ROLL, [_WAIT], ROLL_BODY),
    ("/models/{model}/rollouts/{rollout}", "get", "rollout"): read_call(
        "One rollout, under way or ended", ref("Rollout"), *_STORE, *_MODEL
    ),
    ("/models/{model}/rollouts/{rollout}/abort", "post", "abort"): Call(
        "Abort the rollout under way, unless it writes its ledger entry", _ROLLED, _ABORT, [_WAIT], ABORT_BODY
    ),
    ("/models/{model}/rollback", "post", "rollback"): Call(
        "Roll to the previous version", _ROLLED, _ROLL, [_WAIT], ROLLBACK_BODY
    ),
    ("/models/{model}/replicas/{replica}", "put", "report"): Call(
        "The status report of a replica", {"204": response("The report is stored")}, _REPORT, [_SECRET], REPORT_BODY
    ),
    ("/models/{model}/replicas/{replica}", "delete", "leave"): Call(
        "The departure of a replica", {"204": response("The replica is removed")}, _REPORT, [_SECRET]
    ),
    ("/replicas/{replica}", "put", "report_all"): Call(
        "The status report of a replica about several models",
        {
            "200": response(
                "The reports are stored, but those of `not_stored`",
                ref("Stored"),
                headers={wire.SERVER_INSTANCE: _LEASE[wire.SERVER_INSTANCE]},
            )
        },
        _REPORT_ALL,
        [_SECRET],
        REPORTS_BODY,
    ),
    ("/replicas/{replica}", "delete", "leave_all"): Call(
        "The departure of a replica", {"204": response("It is removed from all models")}, _REPORT_ALL, [_SECRET]
    ),
    ("/replicas/{replica}/counts", "put", "counts"): Call(
        "The counts of a replica since the beginning of the hour, of rows and answers in the bins of references",
        {
            "200": response(
                "The counts are stored, but those of `not_stored`",
                ref("Stored"),
                headers={wire.SERVER_INSTANCE: _LEASE[wire.SERVER_INSTANCE]},
            )
        },
        (*_REPORT_ALL, "StoreUnavailable", "StoreError"),
        [_SECRET],
        COUNTS_BODY,
    ),
    ("/models/{model}/drift", "get", "report"): read_call(
        "Whether inputs or answers of a version changed",
        ref("Drift"),
        *_STORE,
        *_VERSION,
        "NoCurrentVersion",
        "MalformedRequest",
        parameters=DRIFT_PARAMETERS,
    ),
    ("/login-links", "post", "make_link"): Call(
        "A link that logs a browser in to the console, once",
        {"201": response("The link", ref("LoginLink"))},
    ),
    ("/openapi.json", "get", "openapi"): read_call("This document", _ANY, needs_token=False),
    ("/livez", "get", "livez"): read_call(
        "Whether the process is alive; calls no other service", _ANY, needs_token=False
    ),
    ("/readyz", "get", "readyz"): read_call(
        "Whether model_server can answer, and its problems", _ANY, "NotReady", needs_token=False
    ),
    ("/metrics", "get", "metrics"): Call(
        "Metrics for Prometheus",
        {"200": response("Prometheus' text format", TEXT, media_type="text/plain")},
        needs_token=False,
    ),
}


def document(causes: Causes, default_model: str, release: str) -> JsonObject:
    """The document of this `release`; `causes` maps the name of each error to (status, title)."""
    model: list[Json] = [parameter("model", "path", NAME, "the model", default_model)]
    paths: dict[str, JsonObject] = {}
    for (path, method, name), call in _CALLS.items():
        item = paths.setdefault(path, {"parameters": model} if "{model}" in path else {})
        item[method] = call.described(name, path, causes)
    token: JsonObject = {"type": "http", "scheme": "bearer", "description": "`changeover credentials`"}
    return {
        "openapi": OPENAPI,
        "info": {"title": "Changeover: model_server", "version": release, "description": _TEXT},
        "servers": [{"url": "/"}],
        "paths": dict[str, Json](paths),
        "components": {"schemas": {**BODIES, **RETENTION, **shared_schemas()}, "securitySchemes": {"token": token}},
    }
