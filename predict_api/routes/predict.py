"""`POST /predict` and `POST /models/{model}/predict`: the body is read within bounds, the answer says by what it is."""

from typing import IO, Final, cast
from wsgiref.types import WSGIEnvironment

from flask import Blueprint, Response, request

from changeover.protocol import wire
from predict_api.exceptions import BodyCutOff, BodyTooLarge, UnknownOption, UnsupportedBody
from predict_api.prediction import pipeline
from predict_api.prediction.exchange import KEY, Exchange
from predict_api.routes.context import Parts
from predict_api.routes.lean_flask import Ready
from predict_api.scoring.interfaces import Runtime

_CHUNK: Final = 256 * 1024
_JSON_TYPES: Final = ("application/json", "text/json")
_HEADERS: Final = {
    runtime: [("Content-Type", "application/json"), (wire.MODEL_RUNTIME, runtime.value)] for runtime in Runtime
}


def blueprint(parts: Parts) -> Blueprint:
    """The routes that predict."""
    routes = Blueprint("predict", __name__)

    @routes.post("/predict")
    def predict_default() -> Response:
        return _predict(parts, parts.settings.default_model)

    @routes.post("/models/<model>/predict")
    def predict_named(model: str) -> Response:
        return _predict(parts, model)

    return routes


def _predict(parts: Parts, model: str) -> Response:
    member = parts.member(model)
    environ = request.environ
    this: Exchange = environ[KEY]
    this.model = model
    include_inputs = bool(environ.get("QUERY_STRING")) and _includes_inputs()
    if environ.get("CONTENT_TYPE") != "application/json" or "HTTP_CONTENT_ENCODING" in environ:
        _check_declared()
    body = _body(environ, parts.settings.max_body_bytes)
    with parts.turns.of(len(body)):
        this.basis = pipeline.basis(member)
        answer = pipeline.answer(body, this.basis.held, parts.settings.max_rows, include_inputs=include_inputs)
    return Ready(answer.body, _HEADERS[answer.runtime])


def _includes_inputs() -> bool:
    """Whether `?include=inputs` is asked for; raises UnknownOption for any other value."""
    asked = request.args.getlist("include")
    for value in asked:
        if value != "inputs":
            raise UnknownOption(f"include={value!r} is not known here; ?include=inputs adds each row's inputs")
    return bool(asked)


def _check_declared() -> None:
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


def _body(environ: WSGIEnvironment, limit: int) -> bytes:
    """The whole body, with either framing; raises BodyTooLarge or BodyCutOff."""
    announced = _announced(environ)
    stream = cast("IO[bytes]", environ["wsgi.input"])
    if announced is not None and announced > limit:
        _discard(stream, 4 * limit)
        raise BodyTooLarge(f"the body has {announced} bytes, at most {limit} are taken: send the rows in parts")
    chunks: list[bytes] = []
    size = 0
    while announced is None or size < announced:
        chunk = stream.read(_CHUNK if announced is None else announced - size)
        if not chunk:
            break
        size += len(chunk)
        if size > limit:
            chunks.clear()
            _discard(stream, 4 * limit)
            raise BodyTooLarge(f"the body has more than {limit} bytes: send the rows in parts")
        chunks.append(chunk)
    if announced is not None and size < announced:
        raise BodyCutOff(f"the body announces {announced} bytes, {size} came")
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _announced(environ: WSGIEnvironment) -> int | None:
    """The Content-Length that holds: none where the body comes in chunks, or where it is no number."""
    if "HTTP_TRANSFER_ENCODING" in environ:
        return None
    written = environ.get("CONTENT_LENGTH", "")
    return int(written) if written.isdecimal() and written.isascii() else request.content_length


def _discard(stream: IO[bytes], most: int) -> None:
    """Read on for a while: a client that still sends would see a reset connection instead of the answer."""
    if request.headers.get("Expect", "").lower() == "100-continue":
        return  # it waits for the answer before it sends anything
    while most > 0:
        chunk = stream.read(_CHUNK)
        if not chunk:
            return
        most -= len(chunk)
