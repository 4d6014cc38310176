"""The OpenAPI document of model_server: its calls, their parameters and their responses."""

from collections.abc import Mapping, Sequence
from typing import Final

from changeover.json_types import Json, JsonObject
from changeover.protocol import wire
from changeover.protocol.openapi_parts import (
    NAME,
    OPENAPI,
    TEXT,
    header,
    parameter,
    problems,
    ref,
    response,
    shared_schemas,
)
from model_server.openapi.bodies import (
    PUBLISH_BODY,
    REPLICA,
    REPORT_BODY,
    ROLL_BODY,
    ROLLBACK_BODY,
    VERSION_TEXT,
    bodies,
)

Causes = Mapping[str, tuple[int, str]]
_READ: Final = ("NotReady", "StoreUnavailable", "StoreError")
_TOKEN: Final = ("Unauthenticated", "Forbidden")
_NAMED: Final = ("InvalidName", "UnknownModel")
_VERSIONED: Final = (*_NAMED, "InvalidVersion", "AmbiguousVersion", "UnknownVersion", "InvalidManifest")
_CHANGE: Final = (*_TOKEN, *_READ)
_ROLL: Final = (
    *_CHANGE,
    *_VERSIONED,
    "MalformedRequest",
    "BodyTooLarge",
    "TextTooLong",
    "NoCurrentVersion",
    "RolloutUnderWay",
    "Pinned",
    "VersionRejected",
    "SchemaChanged",
    "GateRefused",
)
_PUBLISH: Final = (
    *(*_CHANGE, "InvalidName", "InvalidDigestHeader", "InvalidManifest", "InvalidSchema", "MalformedRequest"),
    *("UploadTooLarge", "UploadIncomplete", "UnsupportedBody", "VersionRejected", "SpoolFull"),
)
_REPORT: Final = (
    "Unauthenticated",
    "Forbidden",
    *_NAMED,
    "MalformedAnswer",
    "MalformedRequest",
    "BodyTooLarge",
    "NotThatReplica",
    "FleetFull",
    "OtherReplica",
    "NotReady",
)
_PAGED: Final[list[Json]] = [
    parameter(
        "limit", "query", {"type": "integer", "minimum": 1, "maximum": 1000}, "entries of a page; 100 by default"
    ),
    parameter("offset", "query", {"type": "integer", "minimum": 0, "maximum": 10**9}, "entries to leave out before it"),
]
_AT: Final = parameter("at", "query", {"type": "string", "format": "date-time"}, "a moment: what was live then")
_WAIT: Final = parameter(
    "wait", "query", {"type": "number", "minimum": 0, "maximum": 600}, "seconds to wait for the end"
)
_KNOWN: Final = parameter("If-None-Match", "header", TEXT, "the ETag that is known")
_SECRET: Final = parameter(wire.REPLICA_SECRET, "header", TEXT, "by which a replica is known")
_LEASE: Final[Mapping[str, JsonObject]] = {
    "ETag": header(TEXT, '"<sequence>-<sha256>"', always=True),
    wire.LEASE_MS: header({"type": "integer", "minimum": 0}, "milliseconds for which this may be trusted", always=True),
    wire.SERVER_INSTANCE: header(TEXT, "another one after each start", always=True),
    wire.NEXT_VERSION: header(TEXT, "the version to prepare"),
}
_LOCATION: Final = {"Location": header(TEXT, "its address", always=True)}


def document(causes: Causes, default_model: str, release: str) -> JsonObject:
    """The document of this `release`; `causes` maps the name of each error to (status, title)."""
    calls = _Calls(causes)
    model: JsonObject = {"parameters": [parameter("model", "path", NAME, "the model", default_model)]}
    paths: JsonObject = {
        "/models": calls.secured("models", "The models", ref("Models"), ("NotReady",)),
        "/models/{model}": model | calls.secured("model", "One model", ref("Model"), ("NotReady", *_NAMED)),
        "/models/{model}/current": model | calls.current(),
        "/models/{model}/versions": model | calls.versions(),
        "/models/{model}/versions/{version}": model | calls.version(),
        "/models/{model}/versions/{version}/artifact": model | calls.bytes_of("artifact", "The artifact"),
        "/models/{model}/versions/{version}/twin": model | calls.bytes_of("twin", "The twin, if it has one"),
        "/models/{model}/rollouts": model | calls.rollouts(),
        "/models/{model}/rollouts/{rollout}": model | calls.rollout(),
        "/models/{model}/rollback": model | calls.roll("rollback", "Roll to the previous version", ROLLBACK_BODY),
        "/models/{model}/replicas/{replica}": model | calls.replicas(),
        "/openapi.json": calls.read("openapi", "This document", {"type": "object"}),
        "/livez": calls.read("livez", "Whether the process lives; asks nobody", {"type": "object"}),
        "/readyz": calls.read("readyz", "Whether it can answer, and what is wrong", {"type": "object"}, ("NotReady",)),
        "/metrics": {
            "get": calls.call(
                "metrics", "Prometheus", {"200": response("The text format", TEXT, media_type="text/plain")}
            )
        },
    }
    return {
        "openapi": OPENAPI,
        "info": {"title": "Changeover: model_server", "version": release, "description": _TEXT},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": {**bodies(), **shared_schemas()},
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "`changeover credentials`"}
            },
        },
    }


_TEXT: Final = "Publishes versions, rolls them, and says what is current. All but the freshness check and the probes need a bearer token."


class _Calls:
    """The calls, each with its possible errors."""

    def __init__(self, causes: Causes) -> None:
        self._causes = causes

    def call(
        self,
        name: str,
        summary: str,
        good: JsonObject,
        causes: Sequence[str] = (),
        *,
        secured: bool = False,
        **more: Json,
    ) -> JsonObject:
        """One call: its successful responses, and the problems of its `causes`."""
        told = problems([*(self._causes[cause] for cause in causes), (500, "Internal error")])
        body: JsonObject = {"operationId": name, "summary": summary, "responses": {**good, **told}, **more}
        return {**body, "security": [{"token": []}]} if secured else body

    def read(
        self,
        name: str,
        summary: str,
        schema: JsonObject,
        causes: Sequence[str] = (),
        parameters: list[Json] | None = None,
    ) -> JsonObject:
        """A call that reads JSON without a token."""
        return {
            "get": self.call(name, summary, {"200": response(summary, schema)}, causes, parameters=parameters or [])
        }

    def secured(
        self,
        name: str,
        summary: str,
        schema: JsonObject,
        causes: Sequence[str],
        parameters: list[Json] | None = None,
    ) -> JsonObject:
        """A call that reads JSON with a token."""
        good: JsonObject = {"200": response(summary, schema)}
        told = self.call(name, summary, good, (*_TOKEN, *causes), secured=True, parameters=parameters or [])
        return {"get": told}

    def current(self) -> JsonObject:
        good: JsonObject = {
            "200": response("What is current", ref("Current"), headers=_LEASE),
            "304": response("What is known is current", headers=_LEASE),
        }
        causes = ("NotReady", *_NAMED, "NoCurrentVersion", "NotThatReplica")
        replica = parameter(wire.REPLICA_ID, "header", TEXT, "who asks, if it is a replica")
        asked: list[Json] = [_KNOWN, replica, _SECRET]
        return {"get": self.call("current", "The freshness check", good, causes, parameters=asked)}

    def versions(self) -> JsonObject:
        good: JsonObject = {
            "200": response("The same bytes are this version already", ref("Version"), headers=_LOCATION),
            "201": response("Admitted", ref("Version"), headers=_LOCATION),
        }
        said: list[Json] = [
            parameter("name", "query", TEXT, "what the upload is called"),
            parameter("by", "query", TEXT, "who publishes"),
            parameter(
                wire.REPR_DIGEST, "header", {"type": "string", "pattern": "^sha-256=:[A-Za-z0-9+/]{43}=:$"}, "RFC 9530"
            ),
        ]
        publish = self.call(
            "publish", "Publish", good, _PUBLISH, secured=True, parameters=said, requestBody=PUBLISH_BODY
        )
        return self.secured(
            "versions", "Newest first", ref("Versions"), (*_READ, *_NAMED, "MalformedRequest"), _PAGED
        ) | {"post": publish}

    def version(self) -> JsonObject:
        return _by_version(self.secured("version", "One manifest", ref("Manifest"), (*_READ, *_VERSIONED)))

    def bytes_of(self, name: str, summary: str) -> JsonObject:
        digest = {wire.REPR_DIGEST: header(TEXT, "RFC 9530", always=True)}
        good = {
            "200": response(
                "The bytes",
                {"type": "string", "format": "binary"},
                media_type="application/octet-stream",
                headers=digest,
            )
        }
        causes = (*_TOKEN, *_READ, *_VERSIONED)
        return _by_version({"get": self.call(name, summary, dict(good), causes, secured=True)})

    def rollouts(self) -> JsonObject:
        causes = (*_READ, *_NAMED, "MalformedRequest")
        return self.secured(
            "rollouts", "The ledger, newest first", ref("Rollouts"), causes, [*_PAGED, _AT]
        ) | self.roll("roll", "Make a version current", ROLL_BODY)

    def rollout(self) -> JsonObject:
        one = parameter("rollout", "path", TEXT, "its id or sequence")
        return self.secured("rollout", "One rollout, under way or over", ref("Rollout"), (*_READ, *_NAMED), [one])

    def roll(self, name: str, summary: str, body: JsonObject) -> JsonObject:
        """A call that begins a rollout."""
        good: JsonObject = {
            "200": response("Over", ref("Rollout"), headers=_LOCATION),
            "202": response("Under way", ref("Rollout"), headers=_LOCATION),
        }
        return {"post": self.call(name, summary, good, _ROLL, secured=True, parameters=[_WAIT], requestBody=body)}

    def replicas(self) -> JsonObject:
        one = parameter("replica", "path", REPLICA, "the replica")
        good: JsonObject = {"204": response("Noted")}
        more: dict[str, Json] = {"parameters": [one, _SECRET]}
        return {
            "put": self.call(
                "report", "A replica's state", good, _REPORT, secured=True, requestBody=REPORT_BODY, **more
            ),
            "delete": self.call("leave", "A replica leaves", good, _REPORT, secured=True, **more),
        }


def _by_version(call: JsonObject) -> JsonObject:
    text = "a version, or its first 8 digits or more"
    for told in call.values():
        if isinstance(told, dict):
            told["parameters"] = [parameter("version", "path", VERSION_TEXT, text)]
    return call
