"""The fast path of `POST /predict` and `POST /models/{model}/predict`: plain WSGI in front of the Flask application.

It takes the common request: a model that this worker has, no query, JSON in and out or Arrow streams in and out, and a Content-Length
within MAX_BODY_BYTES. Flask takes every other request, by `predict.py`. Both paths call the same functions for the body,
the prediction and the errors, and `tests/integration/test_fast_predict.py` compares their answers byte for byte.
"""

from typing import Final, cast
from wsgiref.types import WSGIApplication, WSGIEnvironment

from changeover.estimator.scores import Runtime
from changeover.protocol import wire
from predict_api.models.models import Model
from predict_api.prediction import pipeline
from predict_api.prediction.forms import ARROW, ARROW_TYPE, JSON, BodyLimits, Forms, has_arrow
from predict_api.prediction.request_context import KEY, RequestContext
from predict_api.prediction.turn import REFUSAL
from predict_api.routes.context import WorkerContext
from predict_api.routes.problems import problem_response
from predict_api.routes.request_body import read_body

HEADERS: Final = {
    runtime: [("Content-Type", "application/json"), (wire.MODEL_RUNTIME, runtime.value)] for runtime in Runtime
}
_ARROW_HEADERS: Final = {
    runtime: [("Content-Type", ARROW_TYPE), (wire.MODEL_RUNTIME, runtime.value)] for runtime in Runtime
}
# as most clients write it; Flask looks at every other spelling and type
_TYPES: Final = frozenset({"application/json", "application/json; charset=utf-8", "application/json;charset=utf-8"})
_BEFORE, _AFTER = "/models/", "/predict"  # the model's name


def in_front_of(app: WSGIApplication, worker: WorkerContext) -> WSGIApplication:
    """An application that answers common predictions itself and passes all other requests to `app`."""
    max_bytes = worker.settings.max_body_bytes
    limits = BodyLimits(worker.settings.max_rows, max_bytes)

    def respond(environ: WSGIEnvironment, start_response):  # type: ignore[no-untyped-def]  # the signature is WSGI's
        if REFUSAL in environ:
            return problem_response(environ[REFUSAL], environ[KEY].request_id)(environ, start_response)
        forms = _forms(environ) if _is_common(environ, max_bytes) else None
        model = _model(environ, worker) if forms is not None else None
        if forms is None or model is None:
            return app(environ, start_response)
        context: RequestContext = environ[KEY]
        if context.caller is not None and not context.caller.may_use(model.replica.model):
            return app(environ, start_response)
        context.model = model.replica.model
        try:
            body, runtime = pipeline.predict(model, context, read_body(environ, max_bytes), limits, forms=forms)
        except Exception as error:  # noqa: BLE001 every error becomes a problem, as Flask does it for its routes
            return problem_response(error, context.request_id)(environ, start_response)
        context.runtime = runtime.value
        headers = HEADERS if forms is JSON else _ARROW_HEADERS
        start_response("200 OK", [*headers[runtime], ("Content-Length", str(len(body)))])
        return [body]

    return cast("WSGIApplication", respond)


def _is_common(environ: WSGIEnvironment, limit: int) -> bool:
    """Whether this is a POST without options, whose length is announced and within `limit` bytes."""
    length = environ.get("CONTENT_LENGTH", "")
    return (
        environ["REQUEST_METHOD"] == "POST"
        and not environ.get("QUERY_STRING")
        and "HTTP_CONTENT_ENCODING" not in environ
        and "HTTP_TRANSFER_ENCODING" not in environ
        and length.isdecimal()
        and length.isascii()
        and len(length) <= len(str(limit))
        and int(length) <= limit
    )


def _forms(environ: WSGIEnvironment) -> Forms | None:
    """The forms of the body and the answer, if they are common: JSON, or Arrow streams as their clients ask for them."""
    kind, accept = environ.get("CONTENT_TYPE"), environ.get("HTTP_ACCEPT")
    if kind in _TYPES:
        return JSON if _takes_json(accept) else None
    return ARROW if kind == accept == ARROW_TYPE and has_arrow() else None


def _takes_json(accept: str | None) -> bool:
    """Whether an answer of another type is surely not asked for."""
    if accept is None or accept == "*/*":
        return True
    lower = accept.lower()
    return "csv" not in lower and "arrow" not in lower and "text/*" not in lower


def _model(environ: WSGIEnvironment, worker: WorkerContext) -> Model | None:
    """The model that the path names, if this worker has it."""
    path = environ["PATH_INFO"]
    if path == _AFTER:
        return worker.models.find(worker.settings.default_model)
    if path.startswith(_BEFORE) and path.endswith(_AFTER):
        return worker.models.find(path[len(_BEFORE) : -len(_AFTER)])
    return None
