"""What is said of every request: its id, the headers of its answer, one log event, three metrics."""

import re
import uuid
from time import perf_counter
from typing import Final

from flask import Flask, Response, g, request

from changeover import wire
from changeover.clock import now
from changeover.log_events import bind, event, unbind
from predict_api import metrics
from predict_api.predict import Basis

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")
_PROBES: Final = frozenset({"/livez", "/readyz", "/metrics"})


def register(app: Flask) -> None:
    """Have `app` name, log and count its requests."""
    app.before_request(_begin)
    app.after_request(_end)


def _begin() -> None:
    g.began = perf_counter()
    sent = request.headers.get(wire.REQUEST_ID, "")
    g.request_id = sent if _REQUEST_ID.fullmatch(sent) else uuid.uuid4().hex
    g.model = ""
    g.basis = None
    bind(request_id=g.request_id)


def _end(answer: Response) -> Response:
    took = perf_counter() - g.began
    basis: Basis | None = g.basis
    answer.headers[wire.REQUEST_ID] = g.request_id
    if basis is not None:
        _say_by_what(answer, basis)
    if request.path not in _PROBES:
        _count(answer, basis, took)
    unbind()
    return answer


def _say_by_what(answer: Response, basis: Basis) -> None:
    held = basis.held
    answer.headers[wire.MODEL_NAME] = held.model
    answer.headers[wire.MODEL_VERSION] = held.current.version
    answer.headers[wire.MODEL_SEQUENCE] = str(held.current.sequence)
    if basis.stale:
        answer.headers[wire.MODEL_STALE] = "true"
        answer.headers[wire.MODEL_AGE] = str(max(0, round(now() - held.confirmed_at)))


def _count(answer: Response, basis: Basis | None, took: float) -> None:
    metrics.REQUESTS.labels(g.model, answer.status_code).inc()
    metrics.SECONDS.labels(g.model).observe(took)
    stale = basis is not None and basis.stale
    if stale:
        metrics.STALE.labels(g.model).inc()
    event(
        "request.answered",
        method=request.method,
        path=request.path,
        status=answer.status_code,
        took_ms=round(took * 1000, 3),
        model=g.model or None,
        version=basis.held.current.version if basis else None,
        sequence=basis.held.current.sequence if basis else None,
        stale=stale,
    )
