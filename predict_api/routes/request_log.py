"""The record of every request: its id, the headers of its answer, a log event, the metrics.

It stands around the Flask application, so that an answer is written once. Answers are logged at debug, what was refused
at info, failures at warning: metrics count them all, and a line for each answer would cost as much as the answer.
"""

import uuid
from collections.abc import Iterable
from time import perf_counter
from typing import Final, cast
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import request

from changeover.process.clock import now
from changeover.process.log_events import event, is_logged
from predict_api import metrics
from predict_api.prediction.exchange import KEY, Exchange, request_ids

_PROBES: Final = frozenset({"/livez", "/readyz", "/metrics"})
Headers = list[tuple[str, str]]


def exchange() -> Exchange:
    """That of the request which this thread works on."""
    return cast("Exchange", request.environ[KEY])


def recorded(app: WSGIApplication) -> WSGIApplication:
    """`app`, whose requests are named, timed, counted and logged; each answer is a list of one piece of bytes.

    granian sends the head together with the body of a list, and otherwise the one before the other. What a sudden death
    leaves half sent cannot be asked for again by a gateway: it has seen a part of an answer.
    """
    name = request_ids(uuid.uuid4().hex[:20])

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        this = environ[KEY] = Exchange(name(environ.get("HTTP_X_REQUEST_ID", "")), perf_counter())
        told = ""

        def start(status: str, headers: Headers, exc_info: object = None) -> object:
            nonlocal told
            told = status
            return start_response(status, headers + this.headers(now()), exc_info)  # type: ignore[arg-type]

        pieces = app(environ, cast("StartResponse", start))
        body = _joined(pieces)
        if environ["PATH_INFO"] not in _PROBES:
            _tell(this, told[:3], environ)
        return body

    return answer


def _joined(pieces: Iterable[bytes]) -> list[bytes]:
    try:
        return [b"".join(pieces)]
    finally:
        if hasattr(pieces, "close"):
            pieces.close()


def _tell(this: Exchange, status: str, environ: WSGIEnvironment) -> None:
    took = perf_counter() - this.began
    metrics.answered(this.model, status, took, stale=this.stale)
    level = "debug" if status < "400" else "info" if status < "500" else "warning"
    if not is_logged(level):
        return
    held = this.basis.held if this.basis else None
    event(
        "request.answered",
        level=level,
        request_id=this.request_id,
        method=environ.get("REQUEST_METHOD"),
        path=environ.get("PATH_INFO"),
        status=int(status),
        took_ms=round(took * 1000, 3),
        model=this.model or None,
        version=held.current.version if held else None,
        sequence=held.current.sequence if held else None,
        stale=this.stale,
    )
