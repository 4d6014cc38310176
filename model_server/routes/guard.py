"""The guard of routes: the caller of the request that this thread processes, and the role that a route needs."""

from typing import Final

from flask import Request, g, request

from changeover.process.own_networks import Networks
from changeover.protocol.roles import Role
from model_server.access.caller import Caller, Via
from model_server.access.gate import Gate, bearer_token
from model_server.access.origin import SAFE, is_of_this_origin
from model_server.access.proxy_roles import name_in, role_of, roles_in
from model_server.access.sessions import Sessions
from model_server.access.token_limit import TokenLimit
from model_server.exceptions import Forbidden, TokenEnded, TooManyFailures, Unauthenticated

_COOKIE: Final = "changeover_session"
_SECURE_COOKIE: Final = "__Host-changeover"  # RFC 6265bis, 4.1.3.2: no other host, and no page over HTTP, can set it


class Guard:
    """The check of callers by a `gate`. A route calls one of the `needs...` functions first.

    `proxies` are the networks of TRUSTED_PROXIES, and `proxy_roles` is PROXY_ROLES.
    """

    def __init__(self, gate: Gate, sessions: Sessions, proxies: str, proxy_roles: str) -> None:
        self._gate = gate
        self._limit = TokenLimit()
        self.sessions = sessions
        self._proxies = Networks(proxies)
        self._proxy_roles = roles_in(proxy_roles)

    def caller_of(self, request: Request) -> Caller:
        """The caller of `request`; raises Unauthenticated, and Forbidden for a browser on a page of another origin.

        A bearer token counts first, then the identity that a trusted proxy gives, then the cookie of a session.
        """
        known: Caller | None = g.get("caller")
        if known is None:
            known = self._identify(request)
            if known.by_browser and request.method not in SAFE:
                self.refuse_other_origins(required=True)
            g.caller = known
        return known

    def needs(self, role: Role, *, selects: bool = False) -> Caller:
        """The caller of this request, if it has `role` and may use the model of the path.

        `selects` is for calls about several models that show the caller its own alone (`Caller.may_use`); a caller that is
        limited to models gets no other call without a model in its path. Raises Unauthenticated or Forbidden.
        """
        caller = self.caller_of(request)
        self._gate.check(caller, role, request.remote_addr)
        self._gate.check_model(caller, (request.view_args or {}).get("model"), selects=selects)
        return caller

    def needs_preparation(self, *, selects: bool = False) -> Caller:
        """The caller, if it may read what a replica prepares: a replica, or the role read; `selects` as in `needs`."""
        caller = self.caller_of(request)
        self._gate.check(caller, Role.READ, request.remote_addr, replicas=True)
        self._gate.check_model(caller, (request.view_args or {}).get("model"), selects=selects)
        return caller

    def needs_model(self, caller: Caller, model: str) -> None:
        """Return if `caller` may use a model that is not in the path; raises Forbidden."""
        self._gate.check_model(caller, model)

    def needs_report(self) -> Caller:
        """The caller, if it may report the state of a replica: a replica, or the role admin."""
        caller = self.caller_of(request)
        self._gate.check_report(caller)
        return caller

    def known_reader(self) -> Caller | None:
        """The caller if it has proved its name and the role read for all models, else None; raises nothing."""
        try:
            caller = self.caller_of(request)
            return None if caller.via is Via.NOTHING or caller.models else self.needs(Role.READ)
        except (Unauthenticated, Forbidden):
            return None

    def is_of_this_origin(self) -> bool:
        """Whether a page of this service, a person's own entry, or no browser sent this request."""
        fetch_site, origin = (request.headers.get(name) for name in ("Sec-Fetch-Site", "Origin"))
        if fetch_site is None and origin is None:
            return True
        return is_of_this_origin(fetch_site, origin, request.headers.get("Host"))

    def refuse_other_origins(self, *, required: bool = False) -> None:
        """Raise Forbidden for a page of another origin; with `required`, also for a request that does not show its page."""
        shown = "Sec-Fetch-Site" in request.headers or "Origin" in request.headers
        if not self.is_of_this_origin() or (required and not shown):
            raise Forbidden(
                "a page of another origin may not use this session: a request that changes something needs Sec-Fetch-Site "
                "or Origin of this service; programs send Authorization: Bearer <token>"
            )

    def cookie(self) -> tuple[str, bool]:
        """The name of the session's cookie, and whether it is for TLS only; a trusted proxy says whether it has TLS."""
        secure = request.scheme == "https" or (
            self._by_proxy() and request.headers.get("X-Forwarded-Proto", "").strip().lower() == "https"
        )
        return (_SECURE_COOKIE if secure else _COOKIE), secure

    def address(self) -> str | None:
        """The address of the client: behind a trusted proxy, the last in its X-Forwarded-For."""
        forwarded = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
        return forwarded if forwarded and self._by_proxy() else request.remote_addr

    def _by_proxy(self) -> bool:
        return self._proxies.contain(request.remote_addr)

    def _identify(self, request: Request) -> Caller:
        authorization = request.headers.get("Authorization")
        bearer = (authorization or "").lower().startswith("bearer ")
        if not bearer and self._proxy_roles and self._by_proxy():
            user, email = (request.headers.get(name) for name in ("X-Forwarded-User", "X-Forwarded-Email"))
            if user or email:
                return self._proxied(user, email)
        if authorization is None:
            session = self.sessions.caller(request.cookies.get(self.cookie()[0], ""))
            if session is not None:
                return session
        return self._by_token(authorization)

    def _by_token(self, authorization: str | None) -> Caller:
        """The caller by its bearer token; raises Unauthenticated, and TooManyFailures once too many were invalid."""
        address = self.address()
        token = bearer_token(authorization)
        wait_s = self._limit.wait_s(address, token) if token else 0
        if wait_s:
            raise TooManyFailures("your address", wait_s)
        try:
            caller = self._gate.caller(authorization)
        except TokenEnded as error:
            wait_s = self._limit.ended(error.name)
            if wait_s:
                raise TooManyFailures(f"the token of {error.name!r}, which has ended", wait_s) from error
            raise
        except Unauthenticated:
            if token:
                self._limit.failed(address, token)
            raise
        if token:
            self._limit.succeeded(address, token)
        return caller

    def _proxied(self, user: str | None, email: str | None) -> Caller:
        name = name_in(user, email)
        if name is None:
            raise Unauthenticated("the proxy sent no X-Forwarded-User or X-Forwarded-Email that is a name of a caller")
        return Caller(name, role_of(name, self._proxy_roles), Via.PROXY)
