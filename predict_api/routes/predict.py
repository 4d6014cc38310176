"""`POST /predict` and `POST /models/{model}/predict` in Flask: options, other content types, chunks, unknown models.

The common request never comes here: `fast_predict.py` answers it.
"""

from typing import Final

from flask import Blueprint, Response, request

from changeover.estimator.scores import PLAIN, OnError, Options, Scores
from changeover.protocol.wire import RECEIPT
from predict_api.exceptions import UnknownOption, UnsupportedBody
from predict_api.prediction import pipeline
from predict_api.prediction.forms import (
    ARROW_TYPE,
    CSV_TYPE,
    BodyLimits,
    Forms,
    Read,
    Render,
    reader_of,
    renderer_of,
)
from predict_api.prediction.receipts import Receipts
from predict_api.routes.context import WorkerContext
from predict_api.routes.fast_predict import HEADERS
from predict_api.routes.request_body import read_body
from predict_api.routes.request_log import request_context
from predict_api.scoring.interfaces import RequestRows

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
    include, options = _options()
    forms = Forms(_read(), _render(include))
    body = read_body(request.environ, settings.max_body_bytes, takes_gzip=settings.gzip_bodies)
    limits = BodyLimits(settings.max_rows, settings.max_body_bytes)
    receipts, witnessed = _receipts(worker), list[tuple[RequestRows, Scores]]()
    body, runtime = pipeline.predict(
        model,
        context,
        body,
        limits,
        options,
        include_inputs="inputs" in include,
        forms=forms,
        witness=(lambda *both: witnessed.append(both)) if receipts else None,
    )
    context.runtime = runtime.value
    response = Response(body, headers=HEADERS[runtime])
    if receipts is not None:
        response.headers[RECEIPT] = receipts.header(context, *witnessed[0])
    if forms.render is not None:
        response.mimetype = _answer_type()  # with the charset, where it is text
    return response


def _receipts(worker: WorkerContext) -> Receipts | None:
    """What signs a receipt, if the query asks for one; raises UnknownOption."""
    asked = request.args.getlist("receipt")
    if not asked:
        return None
    if asked != ["1"]:
        raise UnknownOption(f"receipt={asked[0]!r} is not known here; ?receipt=1 asks for a receipt")
    if worker.receipts is None:
        raise UnknownOption("no receipts are signed here: its operator has to set RECEIPT_KEY_FILE (docs/sealed.md)")
    return worker.receipts


def _options() -> tuple[set[str], Options]:
    """The values of `include` in the query, and the options for the model; raises UnknownOption."""
    include = {part for value in request.args.getlist("include") for part in value.split(",")}
    for value in sorted(include - {"inputs", *pipeline.INCLUDES}):
        raise UnknownOption(
            f"include={value!r} is not known here; ?include=inputs adds each row's inputs, decision its decision, and "
            f"std the standard deviation of the prediction, where the model has them"
        )
    on_error = request.args.getlist("on_error")
    for value in on_error:
        if value != "null":
            raise UnknownOption(
                f"on_error={value!r} is not known here; ?on_error=null answers the rows that the model can answer"
            )
    if not on_error and include <= {"inputs"}:
        return include, PLAIN
    asked = tuple(name for name in pipeline.INCLUDES if name in include)
    return include, Options(asked, OnError.NULL if on_error else OnError.NAME)


def _read() -> Read | None:
    """How the body is read, None for JSON; raises UnsupportedBody unless the headers declare a known type in UTF-8."""
    kind = request.mimetype
    read = reader_of(kind, request.mimetype_params)
    if read is None and kind not in _JSON_TYPES and not (kind.startswith("application/") and kind.endswith("+json")):
        was = f"Content-Type {kind!r}" if kind else "no Content-Type"
        others = f"{CSV_TYPE} and {ARROW_TYPE} are taken, too"
        raise UnsupportedBody(f"the body has {was}: send it with 'Content-Type: application/json'; {others}")
    charset = request.mimetype_params.get("charset", "utf-8").lower()
    if charset not in {"utf-8", "utf8", "us-ascii"}:
        raise UnsupportedBody(f"the body has charset {charset!r}: send UTF-8")
    return read


def _answer_type() -> str:
    """The type that the header Accept prefers of those that there are; JSON if it has no preference."""
    return request.accept_mimetypes.best_match([_JSON_TYPES[0], CSV_TYPE, ARROW_TYPE], _JSON_TYPES[0])


def _render(include: set[str]) -> Render | None:
    """How the answer is rendered, None for JSON; raises NotAcceptable, or UnknownOption for what has JSON only."""
    render = renderer_of(_answer_type())
    if render is not None and "inputs" in include:
        raise UnknownOption(f"include=inputs is for answers in JSON, and the header Accept prefers {_answer_type()}")
    return render
