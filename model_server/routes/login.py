"""The login to the console: the page, the session's cookie, one-time links, and the end of sessions."""

import re
from collections.abc import Callable
from typing import Final
from urllib.parse import quote

from flask import Blueprint, Response, jsonify, redirect, request

from changeover.process.log_events import event
from changeover.protocol.roles import Role
from changeover.protocol.token_file import NamedToken
from model_server.access.caller import Caller, Via
from model_server.access.links import LASTS_S as LINK_LASTS_S
from model_server.access.links import Links
from model_server.access.login_limit import LoginLimit
from model_server.access.sessions import LASTS_S
from model_server.access.tokens import Tokens
from model_server.console.rendering import render
from model_server.exceptions import Forbidden, Unauthenticated
from model_server.routes.guard import Guard

_HOME: Final = "/ui/"
_PATH: Final = re.compile(r"/ui(?:/[A-Za-z0-9._~%/-]*)?(?:\?[A-Za-z0-9._~%&=:+/-]*)?")  # a page of the console
_LARGEST_FORM: Final = 16 * 1024  # bytes
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    ),
    "Referrer-Policy": "same-origin",  # the address of a one-time link goes to no other host
    "X-Content-Type-Options": "nosniff",
}


def blueprint(guard: Guard, tokens: Tokens) -> Blueprint:
    """The routes. Links and the limit of failed logins are those of this process."""
    routes = Blueprint("login", __name__)
    login = _Login(guard, tokens)

    @routes.get("/ui/login")
    def page() -> Response:
        link = request.args.get("link")
        if not link:
            return _page()
        if request.method == "HEAD" or not guard.is_of_this_origin():
            return _page(link=link)  # a click on a page of another origin: the person confirms it here
        return login.by_link(link)

    @routes.post("/ui/login")
    def log_in() -> Response:
        guard.refuse_other_origins()
        request.max_content_length = _LARGEST_FORM
        link = request.form.get("link")
        return login.by_link(link) if link else login.by_token(request.form.get("token", ""))

    @routes.get("/ui/session")
    def session() -> Response:
        return _page(caller=guard.needs(Role.READ, selects=True))

    @routes.post("/ui/logout")
    def log_out() -> Response:
        guard.refuse_other_origins()
        event("logout", address=guard.address())
        return _forget(guard, _to("/ui/login"))

    @routes.post("/ui/logout-all")
    def log_out_all() -> Response:
        caller = guard.needs(Role.ADMIN)
        guard.sessions.end_all()
        event("logout.all", level="warning", by=caller.name, address=guard.address())
        return _forget(guard, _to("/ui/login"))

    @routes.post("/login-links")
    def make_link() -> Response:
        caller = guard.needs(Role.READ, selects=True)
        if caller.via is not Via.TOKEN:
            raise Forbidden("a login link needs a token in Authorization: Bearer", Role.READ)
        secret = login.links.make(tokens.find(request.headers["Authorization"].partition(" ")[2].strip()))
        event("login.link", by=caller.name, address=guard.address())
        response = jsonify({"path": f"/ui/login?link={secret}", "seconds": LINK_LASTS_S, "by": caller.name})
        response.status_code = 201
        response.headers["Cache-Control"] = "no-store"
        return response

    return routes


class _Login:
    """The logins of this process: by a link, or by the text of a token."""

    def __init__(self, guard: Guard, tokens: Tokens) -> None:
        self.links = Links(tokens)
        self._guard = guard
        self._tokens = tokens
        self._limit = LoginLimit()

    def by_link(self, link: str) -> Response:
        """The response to a login by a one-time link."""
        return self._log_in(lambda: self.links.use(link), "link")

    def by_token(self, text: str) -> Response:
        """The response to a login by a token."""
        return self._log_in(lambda: _found(self._tokens, text), "token")

    def _log_in(self, find: Callable[[], NamedToken | None], proof: str) -> Response:
        address = self._guard.address()
        wait_s = self._limit.begin(address)
        if wait_s:
            event("login.refused", level="warning", address=address, reason="too many failed logins")
            response = _page(f"Too many failed logins from your address. Try again in {wait_s} s.", status=429)
            response.headers["Retry-After"] = str(wait_s)
            return response
        token = find()
        if token is None:
            event("login.failed", level="warning", address=address, proof=proof)
            return _page(f"Not logged in: the {proof} is not one of this server, or no longer.", status=401)
        self._limit.succeeded(address)
        event("login", by=token.name, role=token.role.word, address=address, proof=proof)
        response = _to(_next() or _HOME)
        name, secure = self._guard.cookie()
        cookie = self._guard.sessions.cookie(token)
        response.set_cookie(name, cookie, max_age=LASTS_S, path="/", secure=secure, httponly=True, samesite="Strict")
        return response


def _found(tokens: Tokens, text: str) -> NamedToken | None:
    try:
        return tokens.find(text.strip())
    except Unauthenticated:
        return None


def to_login() -> Response:
    """The redirect of a page that needs a session to the login, which leads back to it."""
    wanted = request.full_path.removesuffix("?")
    return _to(f"/ui/login?next={quote(wanted, safe='')}" if _PATH.fullmatch(wanted) else "/ui/login")


def wants_page() -> bool:
    """Whether a browser asks for a page of the console."""
    accepts_html = "text/html" in request.headers.get("Accept", "")
    below = request.path == "/ui" or request.path.startswith("/ui/")
    return below and accepts_html and request.method in {"GET", "HEAD"} and not request.path.endswith(".json")


def _page(message: str = "", status: int = 200, caller: Caller | None = None, link: str = "") -> Response:
    page = {
        "message": message,
        "name": caller.name if caller else "",
        "role": caller.role.word if caller and caller.role else "",
        "session": caller is not None and caller.via is Via.SESSION,
        "link": link,
        "next": _next(),
    }
    text = render("login.html", page, reader=None, here="", twin=None)
    return Response(text, status, _HEADERS, content_type="text/html; charset=utf-8")


def _to(path: str) -> Response:
    response = redirect(path, 303, Response=Response)
    response.headers.update(_HEADERS)
    return response  # type: ignore[return-value]  # it is of the class that was passed


def _next() -> str:
    """The page of the console to go on with, or an empty text."""
    wanted = request.form.get("next") or request.args.get("next") or ""
    return wanted if _PATH.fullmatch(wanted) else ""


def _forget(guard: Guard, response: Response) -> Response:
    name, secure = guard.cookie()
    response.delete_cookie(name, path="/", secure=secure, httponly=True, samesite="Strict")
    return response
