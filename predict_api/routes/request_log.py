"""The record of every request: its id, the headers of its response, a log event, the metrics.

It stands around the Flask application, so that each response is recorded once. Responses are logged at debug, refusals
at info, failures at warning: metrics count them all, and a line for each response would cost as much as the response.
"""

import uuid
from collections.abc import Iterable
from time import perf_counter
from typing import Any, Final, cast
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import request

from changeover.process import tracing
from changeover.process.clock import now
from changeover.process.log_events import event, is_logged
from changeover.process.spans import Attributes
from changeover.process.traced_wsgi import TRACEPARENT
from changeover.protocol.trace_context import trace_id
from predict_api import metrics
from predict_api.prediction.request_context import KEY, RequestContext, request_ids

_PROBES: Final = frozenset({"/livez", "/readyz", "/metrics"})
Headers = list[tuple[str, str]]


def request_context() -> RequestContext:
    """The context of the request that this thread processes in Flask."""
    return cast("RequestContext", request.environ[KEY])


def recorded(app: WSGIApplication) -> WSGIApplication:
    """`app`, whose requests are named, timed, counted and logged; each response is a list of one piece of bytes.

    granian sends the head together with the body of a list, and before any other body. A gateway cannot send a request
    again if a sudden death leaves its response half sent: it has seen a part of the response.
    """
    request_id = request_ids(uuid.uuid4().hex[:20])

    def respond(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        context = RequestContext(request_id(environ.get("HTTP_X_REQUEST_ID", "")), perf_counter())
        environ[KEY] = context
        status = ""

        def start(line: str, headers: Headers, exc_info: object = None) -> object:
            nonlocal status
            status = line[:3]
            return start_response(line, headers + context.headers(now()), exc_info)  # type: ignore[arg-type]

        if environ.get(TRACEPARENT) is None:
            pieces = app(environ, cast("StartResponse", start))
        else:
            with tracing.passing_on(environ[TRACEPARENT]):
                pieces = app(environ, cast("StartResponse", start))
        body = _one_piece(pieces)
        if is_recorded(environ):
            _record(context, status, environ)
        return body

    return respond


def is_recorded(environ: WSGIEnvironment) -> bool:
    """Whether a request is in the metrics and the log; probes are not."""
    return environ["PATH_INFO"] not in _PROBES


def span_of(environ: WSGIEnvironment) -> Attributes:
    """The attributes of the span of a request."""
    context: RequestContext = environ[KEY]
    version = context.active.current.version if context.active else ""
    found = {"changeover.model": context.model, "changeover.version": version, "changeover.runtime": context.runtime}
    return {"changeover.request_id": context.request_id, **{name: text for name, text in found.items() if text}}


def _one_piece(pieces: Iterable[bytes]) -> list[bytes]:
    if type(pieces) is list and len(pieces) == 1:
        return pieces
    try:
        return [b"".join(pieces)]
    finally:
        if hasattr(pieces, "close"):
            pieces.close()


def _record(context: RequestContext, status: str, environ: WSGIEnvironment) -> None:
    seconds = perf_counter() - context.began
    current = context.active.current if context.active else None
    metrics.count_response(context.model, current.version if current else "", context.runtime, status, seconds)
    if context.stale:
        metrics.count_stale(context.model)
    more: dict[str, Any] = {}  # no fields without API keys and traces
    if context.caller is not None:
        more["caller"] = context.caller.name
        metrics.count_caller(context.caller.name, status)
    level = "debug" if status < "400" else "info" if status < "500" else "warning"
    if not is_logged(level):
        return
    if (trace := trace_id(environ.get(TRACEPARENT))) is not None:
        more["trace_id"] = trace
    event(
        "request.answered",
        level=level,
        request_id=context.request_id,
        method=environ.get("REQUEST_METHOD"),
        path=environ.get("PATH_INFO"),
        status=int(status),
        took_ms=round(seconds * 1000, 3),
        model=context.model or None,
        version=current.version if current else None,
        sequence=current.sequence if current else None,
        stale=context.stale,
        **more,
    )
