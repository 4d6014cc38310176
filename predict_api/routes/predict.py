"""`POST /predict` and `POST /models/{model}/predict` in Flask: options, other content types, chunks, unknown models.

The common request never comes here: `fast_predict.py` answers it.
"""

from typing import Final

from flask import Blueprint, Response, request

from predict_api.exceptions import UnknownOption, UnsupportedBody
from predict_api.prediction import pipeline
from predict_api.routes.context import WorkerContext
from predict_api.routes.fast_predict import HEADERS
from predict_api.routes.request_body import read_body
from predict_api.routes.request_log import request_context

_JSON_TYPES: Final = ("application/json", "text/json")


def blueprint(worker: WorkerContext) -> Blueprint:
    """The routes that predict."""
    routes = Blueprint("predict", __name__)

    @routes.post("/predict")
    def predict_default() -> Response:
        return _predict(worker, worker.settings.default_model)

    @routes.post("/models/<model>/predict")
    def predict_named(model: str) -> Response:
        return _predict(worker, model)

    return routes


def _predict(worker: WorkerContext, name: str) -> Response:
    model, settings, context = worker.model(name), worker.settings, request_context()
    context.model = name
    include_inputs = _includes_inputs()
    _check_headers()
    body = read_body(request.environ, settings.max_body_bytes)
    body, runtime = pipeline.predict(
        model, context, body, worker.limit, settings.max_rows, include_inputs=include_inputs
    )
    return Response(body, headers=HEADERS[runtime])


def _includes_inputs() -> bool:
    """Whether the query has `?include=inputs`; raises UnknownOption for any other value."""
    values = request.args.getlist("include")
    for value in values:
        if value != "inputs":
            raise UnknownOption(f"include={value!r} is not known here; ?include=inputs adds each row's inputs")
    return bool(values)


def _check_headers() -> None:
    """Raise UnsupportedBody unless the headers declare plain JSON in UTF-8."""
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in {"", "identity"}:
        raise UnsupportedBody(f"the body has Content-Encoding {encoding!r}: send it as it is, without one")
    kind = request.mimetype
    if kind not in _JSON_TYPES and not (kind.startswith("application/") and kind.endswith("+json")):
        was = f"Content-Type {kind!r}" if kind else "no Content-Type"
        raise UnsupportedBody(f"the body has {was}: send it with 'Content-Type: application/json'")
    charset = request.mimetype_params.get("charset", "utf-8").lower()
    if charset not in {"utf-8", "utf8", "us-ascii"}:
        raise UnsupportedBody(f"the body has charset {charset!r}: send UTF-8")
