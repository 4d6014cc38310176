"""The frame of the console's pages: the reader and its rights, HTML or JSON, headers, and errors as pages."""

from typing import Final, Self

from flask import Blueprint, Response, json, request
from msgspec import Struct

from changeover.names import check_model_name
from changeover.protocol.roles import Role
from model_server.access.caller import Caller, Via
from model_server.console.parts import Page, Parts
from model_server.console.rendering import compressed, render
from model_server.exceptions import Unauthenticated, UnknownModel
from model_server.rollouts.model_state import ModelState
from model_server.routes.guard import Guard
from model_server.routes.login import to_login, wants_page
from model_server.routes.problems import as_problem

TWIN: Final = ".json"
_LEAST: Final = 1000  # bytes from which on a body is compressed
_SECURITY: Final = {
    "Content-Security-Policy": (
        "default-src 'self'; style-src 'self'; script-src 'self'; frame-ancestors 'none'; base-uri 'none'; "
        "form-action 'self'; object-src 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Vary": "Accept-Encoding, Cookie, Authorization",
}


class Reader(Struct, frozen=True):
    """The reader of a page and what it may do; `session` is whether it logged in, `models` as those of a caller."""

    name: str
    role: str
    may_publish: bool
    may_roll: bool
    may_skip: bool
    session: bool
    models: frozenset[str] = frozenset()

    @classmethod
    def of(cls, caller: Caller) -> Self:
        """The reader that a caller is."""
        return cls(
            name=caller.name,
            role=caller.role.word if caller.role else "",
            may_publish=caller.may(Role.PUBLISH),
            may_roll=caller.may(Role.ROLL),
            may_skip=caller.may(Role.ADMIN),
            session=caller.via is Via.SESSION,
            models=caller.models,
        )

    def may_use(self, model: str) -> bool:
        """Whether the reader may see a model."""
        return not self.models or model in self.models


class Frame:
    """The frame of all pages."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    def require(self, role: Role, *, selects: bool = False, model: str | None = None) -> Reader:
        """The reader, if it has `role` and may use `model`; raises Unauthenticated or Forbidden.

        `selects` is for pages of several models, which show the reader its own alone.
        """
        caller = self._guard.needs(role, selects=selects or model is not None)
        if model is not None:
            self._guard.needs_model(caller, model)
        return Reader.of(caller)

    def caller(self, role: Role) -> Caller:
        """The caller, if it has `role`; raises Unauthenticated or Forbidden."""
        return self._guard.needs(role)

    def respond(
        self, template: str, page: Page, reader: Reader, here: str = "", status: int = 200, **more: object
    ) -> Response:
        """The page as HTML, or its data as JSON at the address that ends with `.json`; `more` is for the template."""
        if wants_twin():
            return _finished(Response(json.dumps(page), status=status, content_type="application/json"))
        twin = None if request.method != "GET" else _twin_address()
        return html(template, page, status, **{"reader": reader, "here": here, "twin": twin, **more})


def known(parts: Parts, model: str) -> ModelState:
    """The state of `model`; raises NotReady, InvalidName or UnknownModel."""
    parts.models.require_ready()
    state = parts.models.find(check_model_name(model))
    if state is None:
        raise UnknownModel(f"there is no model {model!r}; see /ui/")
    return state


def html(template: str, page: Page, status: int = 200, **more: object) -> Response:
    """A page as HTML."""
    return _finished(Response(render(template, page, **more), status=status, content_type="text/html; charset=utf-8"))


def wants_twin() -> bool:
    """Whether the address asks for JSON."""
    return request.path.endswith(TWIN)


def register_errors(routes: Blueprint) -> None:
    """Make errors of these routes a page, with the status that the API has; a problem where JSON is asked for."""

    @routes.errorhandler(Exception)
    def _any(error: Exception) -> Response:
        if isinstance(error, Unauthenticated) and wants_page():
            return to_login()
        response, body = as_problem(error)
        if wants_twin() or request.accept_mimetypes.best_match(["text/html", "application/json"]) != "text/html":
            return response
        page: Page = {"diff": None, "gate": None, "detail": "", **body}
        more = {"reader": None, "here": "", "twin": None, "back": _back()}
        answered = html("error.html", page, response.status_code, **more)
        for name in ("Retry-After", "Allow"):
            if name in response.headers:
                answered.headers[name] = response.headers[name]
        return answered


def _back() -> str:
    """The page that led to an error: that of the model, or the first one."""
    model = (request.view_args or {}).get("model", "")
    return f"/ui/models/{model}" if model else "/ui/"


def _twin_address() -> str:
    path = "/ui" if request.path == "/ui/" else request.path
    query = request.query_string.decode("ascii", "replace")
    return f"{path}{TWIN}" + (f"?{query}" if query else "")


def _finished(response: Response) -> Response:
    """Add the headers, and compress the body where the browser takes gzip."""
    response.headers.update(_SECURITY)
    body = response.get_data()
    if len(body) >= _LEAST and "gzip" in request.headers.get("Accept-Encoding", ""):
        response.set_data(compressed(body))
        response.headers["Content-Encoding"] = "gzip"
    return response
