"""The mapping of errors to status codes and problem details (RFC 9457); the only one in predict_api."""

import json
from collections.abc import Mapping
from typing import Final

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, NotFound

from changeover.exceptions import (
    NotAnEstimator,
    NotArrow,
    NotCsv,
    NotJson,
    RequestFaults,
    RowsNotAnswered,
    ScoringFailed,
    TooManyRows,
    UnknownHost,
    UnpacksTooFar,
)
from changeover.process.log_events import event
from changeover.protocol.problem import MEDIA_TYPE, problem
from model_runner.pool.exceptions import ModelCrashed, ModelOutOfMemory, ModelTimeout, NoRunner, NotPrepared
from predict_api import metrics
from predict_api.exceptions import (
    BodyCutOff,
    BodyTooLarge,
    BodyTooSlow,
    BrokenGzip,
    CallerGone,
    Draining,
    InvalidCall,
    ModelNotAllowed,
    NoModel,
    NotAcceptable,
    NotCurrent,
    NoValidKey,
    OriginNotAllowed,
    Overloaded,
    TooManyRequests,
    UnknownModel,
    UnknownOption,
    UnsupportedBody,
)
from predict_api.routes.request_log import request_context

# error class: status code, problem type, title
PROBLEMS: Final[Mapping[type, tuple[int, str, str]]] = {
    NotJson: (400, "not-json", "The body is not strict JSON"),
    BodyCutOff: (400, "body-cut-off", "The body is shorter than announced"),
    NotCsv: (400, "not-csv", "The body is not CSV"),
    NotArrow: (400, "not-arrow", "The body is no Arrow stream"),
    BrokenGzip: (400, "broken-gzip", "The body is no gzip"),
    InvalidCall: (400, "invalid-call", "The body is no request of this protocol"),
    UnknownOption: (400, "unknown-option", "The query asks for what there is not"),
    NoValidKey: (401, "no-valid-key", "The request has no valid API key"),
    ModelNotAllowed: (403, "model-not-allowed", "The API key is not for this model"),
    OriginNotAllowed: (403, "origin-not-allowed", "Web pages of this origin may not use this service"),
    UnknownModel: (404, "unknown-model", "There is no such model"),
    BodyTooSlow: (408, "body-too-slow", "The body did not come in time"),
    NotCurrent: (404, "not-current", "The version is not the current one"),
    NotAcceptable: (406, "not-acceptable", "The answer cannot have this type"),
    BodyTooLarge: (413, "body-too-large", "The body is too large"),
    UnpacksTooFar: (413, "body-too-large", "The body is too large"),
    UnsupportedBody: (415, "unsupported-body", "The body has a type or an encoding that is not taken"),
    UnknownHost: (421, "unknown-host", "The host name is not one of this service"),
    CallerGone: (499, "caller-gone", "The caller closed the connection"),
    RequestFaults: (422, "does-not-fit", "The request does not fit the model's schema"),
    TooManyRows: (422, "too-many-rows", "The batch has too many rows"),
    TooManyRequests: (429, "too-many-requests", "The API key has used up its requests"),
    RowsNotAnswered: (422, "row-not-answered", "The model does not answer all rows"),
    ScoringFailed: (500, "model-failed", "The model could not answer"),
    NotAnEstimator: (500, "model-failed", "The model could not answer"),
    ModelTimeout: (504, "model-timeout", "The model took too long"),
    ModelCrashed: (500, "model-crashed", "The model's process ended while it computed the answer"),
    ModelOutOfMemory: (500, "model-out-of-memory", "The model needs more memory than it may have"),
    NoRunner: (503, "no-runner", "The model's process cannot be started at present"),
    NotPrepared: (503, "no-runner", "The model's process cannot be started at present"),
    Overloaded: (503, "overloaded", "Too many requests wait"),
    NoModel: (503, "no-model", "No version of the model is loaded yet"),
    Draining: (503, "draining", "This replica is ending"),
}
BY_KEYS: Final = frozenset({NoValidKey, ModelNotAllowed, TooManyRequests})  # only where KEYS_FILE is set
BY_ORIGINS: Final = frozenset({OriginNotAllowed})  # only the answer to a browser's preflight
RETRY_AFTER: Final = "1"  # seconds, with every 503
_CHALLENGE: Final = 'Bearer realm="changeover"'
_HTTP_KINDS: Final = {404: "no-route", 405: "method-not-allowed", 413: "body-too-large"}


def register(app: Flask) -> None:
    """Make every error of `app` a problem response, also a path that begins with two slashes."""
    app.register_error_handler(Exception, lambda error: problem_response(error, request_context().request_id))
    app.before_request(_refuse_leading_slashes)


def _refuse_leading_slashes() -> None:
    """Raise NotFound for `//predict`: Werkzeug's router ignores all slashes but one at the beginning of a path."""
    if request.environ["PATH_INFO"].startswith("//"):
        raise NotFound


def problem_response(error: Exception, request_id: str) -> Response:
    """The problem response to an error, as a WSGI application. An error of this service is logged."""
    if isinstance(error, HTTPException):
        return _http(error)
    known = next((PROBLEMS[cause] for cause in type(error).__mro__ if cause in PROBLEMS), None)
    if known is None:
        return _unexpected(error, request_id)
    status, kind, title = known
    if isinstance(error, Overloaded):
        metrics.QUEUE_REFUSED.inc()
    if status in {500, 504}:
        return _model_failed(error, status, kind, title, request_id)
    if isinstance(error, RowsNotAnswered):
        total = {} if error.total is None else {"total": error.total}
        return _response(problem(kind, status, title, str(error), errors=error.errors, **total))
    if isinstance(error, RequestFaults):
        return _response(problem(kind, status, title, str(error), errors=error.errors, total=error.total))
    response = _response(problem(kind, status, title, str(error)))
    if isinstance(error, NoValidKey):
        response.headers["WWW-Authenticate"] = _CHALLENGE
    if isinstance(error, TooManyRequests):
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def _model_failed(error: Exception, status: int, kind: str, title: str, request_id: str) -> Response:
    """The response to a failure of the model: it has the request id, with which the log has the cause."""
    event("predict.model_failed", level="error", error=error, request_id=request_id)
    detail = f"{error}; the log says more, by request id {request_id}"  # the message contains no input of the caller
    return _response(problem(kind, status, title, detail, request_id=request_id))


def _http(error: HTTPException) -> Response:
    status = error.code or 500
    title = error.name
    detail = error.description or title
    if status == 404:
        detail = "there is nothing at this path; POST /predict or /models/{model}/predict, GET /models, see the README"
    response = _response(problem(_HTTP_KINDS.get(status, f"http-{status}"), status, title, detail))
    for name, value in error.get_headers():
        if name.lower() in {"allow", "location", "retry-after"}:
            response.headers[name] = value
    return response


def _unexpected(error: Exception, request_id: str) -> Response:
    event("request.crashed", level="error", error=error, request_id=request_id)
    detail = f"an error of this service, not of the request; the log says what, by request id {request_id}"
    return _response(problem("internal", 500, "The service failed", detail, request_id=request_id))


def _response(body: dict[str, object]) -> Response:
    status = body["status"]
    response = Response(json.dumps(body), status=int(str(status)), mimetype=MEDIA_TYPE)
    if status == 503:
        response.headers["Retry-After"] = RETRY_AFTER
    return response
