"""Flask without what this service has no use for, once in each request: sessions, routing by host, header sums.

Methods that Flask and Werkzeug leave to subclasses, and no others. What this saves is in `docs/performance.md`.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any, Final, cast
from wsgiref.types import StartResponse, WSGIEnvironment

from flask import Flask, Request, Response
from flask.ctx import RequestContext
from flask.sessions import SessionInterface, SessionMixin
from werkzeug.datastructures import Headers
from werkzeug.routing import MapAdapter, Rule

_MOST_PATHS: Final = 1000  # that are remembered with the route that they match


class _NoSessions(SessionInterface):
    """Nobody is remembered from one request to the next."""

    def open_session(self, app: Flask, request: Request) -> SessionMixin:
        return cast("SessionMixin", self.make_null_session(app))


class _Request(Request):
    """A request for which no blueprint has hooks of its own: all of this service's are the application's."""

    @property
    def blueprints(self) -> list[str]:
        return []


class _Context(RequestContext):
    """What is known of one request: which route it matches is found out once for each path."""

    app: "Bare"

    def match_request(self) -> None:
        request = self.request
        found = self.app.matches.get((request.method, request.path))
        if found is not None:
            request.url_rule, request.view_args = found  # type: ignore[assignment]  # nobody changes it
            return
        super().match_request()
        if request.url_rule is not None and request.view_args is not None and len(self.app.matches) < _MOST_PATHS:
            self.app.matches[request.method, request.path] = request.url_rule, request.view_args


class Bare(Flask):
    """A Flask application whose paths are the same on every host, and whose functions are no coroutines."""

    session_interface = _NoSessions()
    request_class = _Request

    def __init__(self, name: str) -> None:
        super().__init__(name, static_folder=None)
        self.url_map.strict_slashes = self.url_map.merge_slashes = False
        self.matches: dict[tuple[str, str], tuple[Rule, Mapping[str, Any]]] = {}

    def request_context(self, environ: WSGIEnvironment) -> RequestContext:
        """The context of one request."""
        return _Context(self, environ)

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Bind the routes to the path alone; the name of the host is for whoever stands in front of this service."""
        if request is None:
            return None
        if (request.method, request.path) in self.matches:
            return self._matched_before
        environ = request.environ
        return self.url_map.bind(
            "localhost",
            script_name=environ.get("SCRIPT_NAME"),
            url_scheme=environ["wsgi.url_scheme"],
            default_method=request.method,
            path_info=request.path,
            query_args=environ.get("QUERY_STRING", ""),
        )

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Give back the function as it is."""
        return func

    @cached_property
    def _matched_before(self) -> MapAdapter:
        return self.url_map.bind("localhost")


class Ready(Response):
    """An answer of 200 whose body and headers are ready to be sent as they are."""

    _status, _status_code = "200 OK", 200

    def __init__(self, body: bytes, headers: list[tuple[str, str]]) -> None:
        # without that of the base class, which would make up headers that nobody sends
        self.response = self._body = [body]
        self._said = [*headers, ("Content-Length", str(len(body)))]

    @cached_property
    def headers(self) -> Headers:  # type: ignore[override]  # an attribute there
        """The headers, for whoever asks; they are sent without."""
        return Headers(self._said)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Send it."""
        start_response("200 OK", self._said)
        return self._body
