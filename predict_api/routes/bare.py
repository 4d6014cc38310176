"""Flask without what this service has no use for, once in each request: sessions, routing by host, header sums.

Public hooks of Flask and Werkzeug only. What this saves is in `docs/performance.md`.
"""

from collections.abc import Iterable
from typing import cast
from wsgiref.types import StartResponse, WSGIEnvironment

from flask import Flask, Request, Response
from flask.sessions import SessionInterface, SessionMixin
from werkzeug.routing import MapAdapter


class _NoSessions(SessionInterface):
    """Nobody is remembered from one request to the next."""

    def open_session(self, app: Flask, request: Request) -> SessionMixin:
        return cast("SessionMixin", self.make_null_session(app))


class Bare(Flask):
    """A Flask application whose paths are the same on every host."""

    session_interface = _NoSessions()

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Bind the routes to the path alone; the name of the host is for whoever stands in front of this service."""
        if request is None:
            return None
        environ = request.environ
        return self.url_map.bind(
            "localhost",
            script_name=environ.get("SCRIPT_NAME"),
            url_scheme=environ["wsgi.url_scheme"],
            default_method=request.method,
            path_info=request.path,
            query_args=environ.get("QUERY_STRING", ""),
        )


class Ready(Response):
    """An answer of 200 whose body and headers are ready to be sent as they are."""

    def __init__(self, body: bytes, headers: list[tuple[str, str]]) -> None:
        super().__init__(b"")
        self._body, self._said = body, [*headers, ("Content-Length", str(len(body)))]

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Send it."""
        start_response("200 OK", self._said)
        return [self._body]
