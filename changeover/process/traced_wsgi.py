"""The span of each request around a WSGI application."""

from collections.abc import Callable, Iterable
from typing import Final, cast
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from changeover.process.spans import Attributes, Otel

TRACEPARENT: Final = "HTTP_TRACEPARENT"  # in the environment of a request


def traced(
    app: WSGIApplication,
    otel: Otel,
    wanted: Callable[[WSGIEnvironment], bool],
    described: Callable[[WSGIEnvironment], Attributes] = lambda _environ: {},
) -> WSGIApplication:
    """`app`, whose requests have a span if they are `wanted`; `described` gives its attributes after the response."""

    def respond(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if not wanted(environ):
            return app(environ, start_response)
        status = 0

        def start(line: str, *more: object) -> object:
            nonlocal status
            status = int(line[:3])
            return start_response(line, *more)  # type: ignore[arg-type]

        before = environ.get(TRACEPARENT)
        method = {"http.request.method": environ["REQUEST_METHOD"]}
        with otel.span("request", before, method, of_a_server=True) as span:
            environ[TRACEPARENT] = span.traceparent
            try:
                pieces = app(environ, cast("StartResponse", start))
            finally:
                environ[TRACEPARENT] = before
            span.set({"http.response.status_code": status, **described(environ)})
            if status >= 500:
                span.fail(str(status))
            return pieces

    return respond
