"""The mapping of errors to status codes and problem details (RFC 9457); the only one in model_server."""

from dataclasses import dataclass
from typing import Final

from flask import Flask, Response, g, json, request
from werkzeug.exceptions import HTTPException

from changeover import exceptions as shared
from changeover.process import log_events
from changeover.protocol.problem import MEDIA_TYPE, problem
from changeover.protocol.wire import MalformedAnswer
from model_runner.admission.exceptions import CannotExamine
from model_server import exceptions as errors
from model_server.routes.login import to_login, wants_page
from object_store import exceptions as store


@dataclass(frozen=True)
class Status:
    """The response to one class of errors. `retry_after` is in seconds."""

    number: int
    kind: str
    title: str
    retry_after: int | None = None


STATUSES: Final[dict[type[Exception], Status]] = {
    shared.InvalidName: Status(422, "invalid-name", "Not a model name"),
    shared.InvalidVersion: Status(422, "invalid-version", "Not a version"),
    shared.AmbiguousVersion: Status(409, "ambiguous-version", "Several versions begin so"),
    shared.UnknownVersion: Status(404, "unknown-version", "No such version"),
    shared.InvalidDigestHeader: Status(400, "invalid-digest", "Malformed Repr-Digest"),
    shared.InvalidManifest: Status(422, "invalid-manifest", "Not a manifest"),
    shared.InvalidSchema: Status(422, "invalid-schema", "Not a schema"),
    shared.UnknownHost: Status(421, "unknown-host", "The host name is not one of this service"),
    MalformedAnswer: Status(422, "invalid-report", "Not a report"),
    errors.UnknownModel: Status(404, "unknown-model", "No such model"),
    errors.NoCurrentVersion: Status(404, "no-current-version", "No current version"),
    errors.NotReady: Status(503, "no-model", "Not ready", retry_after=1),
    errors.RolloutUnderWay: Status(409, "rollout-under-way", "Another rollout is under way"),
    errors.NotUnderWay: Status(409, "not-under-way", "The rollout is over"),
    errors.CurrentMoved: Status(409, "current-moved", "Another version became current"),
    errors.SchemaChanged: Status(422, "incompatible", "The version breaks its consumers"),
    errors.GateRefused: Status(422, "gate-refused", "The version does not pass the gate"),
    errors.Pinned: Status(409, "pinned", "The model is pinned"),
    errors.UpdateRefused: Status(422, "update-refused", "The manifest of the version cannot become so"),
    errors.ManifestContradicted: Status(409, "manifest-contradicted", "The version's manifest says otherwise"),
    errors.UpdateBreaks: Status(409, "update-breaks", "The current version's consumers would break"),
    errors.UpdateOvertaken: Status(409, "update-overtaken", "Other publishes change the manifest"),
    CannotExamine: Status(503, "cannot-examine", "Artifacts cannot be examined now", retry_after=5),
    errors.NoEnvironmentThere: Status(422, "no-environment", "No environment here serves the artifact"),
    errors.VersionRemoved: Status(410, "version-removed", "The bytes of the version were removed"),
    errors.LedgerUnsure: Status(409, "ledger-unsure", "Which version is current is not sure"),
    errors.HoldsFull: Status(429, "holds-full", "Too many holds", retry_after=60),
    errors.VersionRejected: Status(422, "rejected", "The artifact was rejected"),
    errors.UploadTooLarge: Status(413, "too-large", "The artifact is too large"),
    errors.UploadIncomplete: Status(422, "incomplete", "Not the bytes that were promised"),
    errors.MalformedRequest: Status(400, "malformed-request", "Malformed request"),
    errors.BodyTooLarge: Status(413, "body-too-large", "The body is too large"),
    errors.TextTooLong: Status(422, "text-too-long", "The text is too long"),
    errors.NotThatReplica: Status(403, "not-that-replica", "Not that replica"),
    errors.FleetFull: Status(503, "fleet-full", "Too many replicas", retry_after=3),
    errors.OtherReplica: Status(409, "other-replica", "The report is of another replica"),
    errors.UnsupportedBody: Status(415, "unsupported-body", "Unsupported body"),
    errors.SpoolFull: Status(507, "no-room", "No room for the upload"),
    errors.TooManyFailures: Status(429, "too-many-failures", "Too many calls with invalid tokens"),
    errors.Unauthenticated: Status(401, "unauthenticated", "Not authenticated"),
    errors.Forbidden: Status(403, "forbidden", "Not allowed"),
    store.StoreUnavailable: Status(503, "store-unavailable", "The object store does not answer", retry_after=2),
    store.BucketMissing: Status(503, "bucket-missing", "The bucket does not exist", retry_after=10),
    store.AccessDenied: Status(503, "store-denied", "The object store refuses model_server", retry_after=10),
    store.ClockSkewed: Status(503, "clock-skewed", "The clocks are too far apart", retry_after=10),
    store.ObjectTooLarge: Status(413, "too-large", "The artifact is too large"),
    store.StoreError: Status(502, "store-error", "The object store failed"),
}


# errors whose `body` has members of the problem
_WITH_BODY: Final = (
    *(errors.RollRefused, errors.ManifestContradicted, errors.UpdateBreaks, errors.Forbidden, errors.VersionRemoved),
)


def status_of(error: Exception) -> Status | None:
    """The response to `error`, by its nearest class in the table."""
    return next((STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES), None)


def answer(body: dict[str, object], status: int, retry_after: int | None = None) -> Response:
    """The response with a problem."""
    response = Response(json.dumps(body), status=status, content_type=MEDIA_TYPE)
    if retry_after is not None:
        response.headers["Retry-After"] = str(retry_after)
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="changeover"'
    return response


def register(app: Flask) -> None:
    """Make every error of `app` a problem response, never a traceback."""

    @app.errorhandler(Exception)
    def _any(error: Exception) -> Response:
        if isinstance(error, errors.Unauthenticated) and wants_page():
            return to_login()
        return as_problem(error)[0]


def as_problem(error: Exception) -> tuple[Response, dict[str, object]]:
    """The problem response to any error, and its body."""
    status = status_of(error)
    if status is not None:
        body = problem(status.kind, status.number, status.title, str(error))
        if isinstance(error, errors.VersionRejected):
            body |= {"version": error.body, "reason": error.body["reason"]}
        if isinstance(error, _WITH_BODY):
            body |= error.body
        retry_after = error.wait_s if isinstance(error, errors.TooManyFailures) else status.retry_after
        return answer(body, status.number, retry_after), body
    if isinstance(error, HTTPException):
        return _http(error)
    log_events.event("request.failed", level="error", error=error, method=request.method, path=request.path)
    detail = f"an unexpected error; the log has it under request id {g.get('request_id', '')}"
    body = problem("internal", 500, "Internal error", detail)
    return answer(body, 500), body


def _http(error: HTTPException) -> tuple[Response, dict[str, object]]:
    number = error.code or 500
    detail = error.description or error.name
    if number == 404:
        detail = f"there is no {request.path} here; the calls are listed in the README"
    body = problem("http", number, error.name, detail)
    response = answer(body, number)
    for name, value in error.get_headers():
        if name == "Allow":
            response.headers[name] = value
    return response, body
