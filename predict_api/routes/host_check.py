"""Requests by an unknown host name get a problem before anything of the application is run.

`/livez` and `/readyz` are answered by any name, since orchestrators call them by addresses that change; what `/readyz`
says beside its status is for known names (`KNOWN`).
"""

from typing import Final, cast
from wsgiref.types import WSGIApplication, WSGIEnvironment

from changeover.exceptions import UnknownHost
from changeover.protocol.allowed_hosts import AllowedHosts
from predict_api.routes.problems import answer_of

KNOWN: Final = "changeover.known_host"  # in the environment of a request
_PROBES: Final = frozenset({"/livez", "/readyz"})


def guarded(app: WSGIApplication, hosts: AllowedHosts) -> WSGIApplication:
    """`app`, for requests that `hosts` allows."""
    allow = hosts.allow

    def answer(environ: WSGIEnvironment, start_response):  # type: ignore[no-untyped-def]  # both as WSGI has them
        host = environ.get("HTTP_HOST")
        if allow(host):
            environ[KNOWN] = True
        elif environ["PATH_INFO"] not in _PROBES:
            return answer_of(UnknownHost(host))(environ, start_response)
        return app(environ, start_response)

    return cast("WSGIApplication", answer)
