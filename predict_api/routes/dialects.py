"""The calls of the dialects in plain WSGI: predictions on the way of `/predict`, and errors in a dialect's words.

`predict_api/dialects/dialect.py` says what a dialect is. Its calls other than predictions are Flask routes, in a file of
its name in this folder.
"""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from http import HTTPStatus
from typing import Any, Final, cast
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from werkzeug.exceptions import MethodNotAllowed

from changeover.estimator.scores import Runtime
from changeover.protocol import wire
from changeover.protocol.problem import MEDIA_TYPE
from predict_api.dialects.dialect import Call, Dialect, Reply
from predict_api.exceptions import NoModel
from predict_api.prediction import pipeline
from predict_api.prediction.request_context import KEY, RequestContext
from predict_api.replica.active import ActiveVersion
from predict_api.routes.context import WorkerContext
from predict_api.routes.problems import problem_response
from predict_api.routes.request_body import read_body
from predict_api.routes.request_log import request_context

_ABOUT_THE_BODY: Final = frozenset({"content-type", "content-length"})
Dialects = Sequence[Dialect[Any]]


class _Headers:
    """The headers of a request, as dialects read them; werkzeug's take five times as long for one that is not there."""

    def __init__(self, environ: WSGIEnvironment) -> None:
        self._environ = environ

    def get(self, name: str, default: str, /) -> str:
        """The value of one header, or `default`."""
        return str(self._environ.get(_key(name), default))


@cache
def _key(name: str) -> str:
    key = name.upper().replace("-", "_")
    return key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{key}"


def in_front_of(app: WSGIApplication, worker: WorkerContext, dialects: Dialects) -> WSGIApplication:
    """An application that answers predictions in `dialects` and passes all other requests to `app`."""

    def respond(environ: WSGIEnvironment, start_response: StartResponse):  # type: ignore[no-untyped-def]  # WSGI's
        path = environ["PATH_INFO"]
        for dialect in dialects:
            match = dialect.calls.fullmatch(path)
            if match is not None:
                break
        else:
            return app(environ, start_response)
        try:
            reply, runtime = _predict(dialect, match.groupdict(), environ, worker)
        except Exception as error:  # noqa: BLE001 every error becomes a problem, as Flask does it for its routes
            return problem_response(error, environ[KEY].request_id)(environ, start_response)
        environ[KEY].runtime = runtime.value
        return _send(reply, [(wire.MODEL_RUNTIME, runtime.value)], start_response)

    return cast("WSGIApplication", respond)


def _predict(
    dialect: Dialect[Any], path: dict[str, str | None], environ: WSGIEnvironment, worker: WorkerContext
) -> tuple[Reply, Runtime]:
    if environ["REQUEST_METHOD"] != "POST":
        raise MethodNotAllowed(valid_methods=["POST"])
    context: RequestContext = environ[KEY]
    name = path.get("model") or worker.settings.default_model
    model = worker.model(name)
    context.model = name
    settings = worker.settings
    body = read_body(environ, settings.max_body_bytes, takes_gzip=settings.gzip_bodies)
    call = Call(body, _Headers(environ), path)
    return pipeline.predict_in(dialect, model, context, call, worker.settings.max_rows)


def loaded_version(worker: WorkerContext, name: str, path: Mapping[str, str | None]) -> ActiveVersion:
    """The active version of a model for a probe, which calls no other service; raises NoModel and NotCurrent."""
    model = worker.model(name)
    active = model.replica.active
    if active is None:
        raise NoModel(f"no version of model {name!r} is loaded yet; try again in a second")
    pipeline.refuse_other_version(path, active, model)
    return active


def confirmed_version(worker: WorkerContext, name: str, path: Mapping[str, str | None]) -> ActiveVersion:
    """The active version of a model, confirmed as for a prediction; raises NoModel and NotCurrent."""
    model, context = worker.model(name), request_context()
    context.model = name
    context.active, context.stale = model.active_version()
    pipeline.refuse_other_version(path, context.active, model)
    return context.active


def worded(app: WSGIApplication, dialects: Dialects) -> WSGIApplication:
    """`app`, whose problem responses have the words of the dialect to which the path belongs."""

    def respond(environ: WSGIEnvironment, start_response: StartResponse):  # type: ignore[no-untyped-def]  # WSGI's
        path = environ["PATH_INFO"]
        for dialect in dialects:
            if dialect.has(path):
                break
        else:
            return app(environ, start_response)
        headers: list[tuple[str, str]] | None = None
        status = 0

        def start(line: str, sent: list[tuple[str, str]], exc_info: object = None) -> object:
            nonlocal headers, status
            if ("Content-Type", MEDIA_TYPE) not in sent:
                return start_response(line, sent, exc_info)  # type: ignore[arg-type]
            headers, status = sent, int(line[:3])
            return None

        pieces = app(environ, cast("StartResponse", start))
        if headers is None:
            return pieces
        body = b"".join(pieces)
        kept = [(name, value) for name, value in headers if name.lower() not in _ABOUT_THE_BODY]
        if body:
            return _send(dialect.fault(json.loads(body)), kept, start_response)
        reply = dialect.fault({"status": status})
        start_response(_line(reply.status), [*reply.headers, *kept])  # the answer to HEAD
        return [b""]

    return cast("WSGIApplication", respond)


def _send(reply: Reply, more: list[tuple[str, str]], start_response: StartResponse) -> list[bytes]:
    length = ("Content-Length", str(len(reply.body)))
    start_response(_line(reply.status), [*reply.headers, *more, length])
    return [reply.body]


@cache
def _line(status: int) -> str:
    return f"{status} {HTTPStatus(status).phrase}"
