"""Cross-origin requests of browsers (CORS): preflights are answered here, and other responses get their headers.

flask-cors does this for Flask alone. The fast path, and every refusal in front of Flask, are plain WSGI.
"""

from typing import Final, cast
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from changeover.protocol import wire
from predict_api.edge.origins import ANY, header_names
from predict_api.exceptions import OriginNotAllowed
from predict_api.prediction.request_context import KEY
from predict_api.routes.problems import problem_response

Headers = list[tuple[str, str]]
_EXPOSED: Final = ", ".join(
    (
        *(wire.MODEL_NAME, wire.MODEL_VERSION, wire.MODEL_SEQUENCE, wire.MODEL_STALE, wire.MODEL_AGE),
        *(wire.MODEL_RUNTIME, wire.REQUEST_ID, "ETag", "Retry-After", "WWW-Authenticate"),
        "Inference-Header-Content-Length",
    )
)
_METHODS: Final = "GET, HEAD, POST"
_MAX_AGE: Final = "600"  # seconds for which a browser remembers the answer to a preflight


def shared(app: WSGIApplication, origins: frozenset[str]) -> WSGIApplication:
    """`app`, which web pages of `origins` may use; `*` is every origin, without credentials."""
    any_origin = ANY in origins

    def respond(environ: WSGIEnvironment, start_response: StartResponse):  # type: ignore[no-untyped-def]  # WSGI's
        origin = environ.get("HTTP_ORIGIN")
        allowed: Headers = []
        if any_origin:
            allowed.append(("Access-Control-Allow-Origin", ANY))
        elif origin in origins:
            allowed += [("Access-Control-Allow-Origin", origin), ("Access-Control-Allow-Credentials", "true")]
        vary: Headers = [] if any_origin else [("Vary", "Origin")]
        if environ["REQUEST_METHOD"] == "OPTIONS" and origin and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ:
            return _preflight(environ, start_response, allowed, vary)
        more = [*allowed, *vary]
        if allowed:
            more.append(("Access-Control-Expose-Headers", _EXPOSED))

        def start(status: str, headers: Headers, exc_info: object = None) -> object:
            return start_response(status, [*headers, *more], exc_info)  # type: ignore[arg-type]

        return app(environ, cast("StartResponse", start))

    return cast("WSGIApplication", respond)


def _preflight(environ: WSGIEnvironment, start_response: StartResponse, allowed: Headers, vary: Headers):  # type: ignore[no-untyped-def]
    """The response to a browser's question whether a page may send a request. It needs no key: the question has none."""
    vary = [*vary, ("Vary", "Access-Control-Request-Headers")]
    if not allowed:
        error = OriginNotAllowed(
            f"{environ['HTTP_ORIGIN'][:200]!r} is no origin whose pages may use this service; its operator lists it in "
            f"CORS_ORIGINS"
        )
        response = problem_response(error, environ[KEY].request_id)
        response.headers.extend(vary)
        return response(environ, start_response)
    names = header_names(environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS"))
    headers = [*allowed, *vary, ("Access-Control-Allow-Methods", _METHODS), ("Access-Control-Max-Age", _MAX_AGE)]
    if names is not None:
        headers.append(("Access-Control-Allow-Headers", names))
    start_response("204 No Content", headers)
    return [b""]
