"""The check of the Host header, in front of the application: an unknown host name gets a problem response.

`/livez` and `/readyz` accept any host, since orchestrators use changing addresses. `/readyz` shows details to known
hosts only (`KNOWN`).
"""

from typing import Final, cast
from wsgiref.types import WSGIApplication, WSGIEnvironment

from changeover.exceptions import UnknownHost
from changeover.protocol.allowed_hosts import AllowedHosts
from predict_api.prediction.request_context import KEY
from predict_api.routes.problems import problem_response

KNOWN: Final = "changeover.known_host"  # in the WSGI environment of a request
_PROBES: Final = frozenset({"/livez", "/readyz"})


def guarded(app: WSGIApplication, hosts: AllowedHosts) -> WSGIApplication:
    """`app` behind the check of `hosts`."""
    allow = hosts.allow

    def respond(environ: WSGIEnvironment, start_response):  # type: ignore[no-untyped-def]  # the signature is WSGI's
        host = environ.get("HTTP_HOST")
        if allow(host):
            environ[KNOWN] = True
        elif environ["PATH_INFO"] not in _PROBES:
            return problem_response(UnknownHost(host), environ[KEY].request_id)(environ, start_response)
        # Decided above. Werkzeug would refuse names that it cannot encode, and routes depend on the path alone.
        environ["HTTP_HOST"] = "localhost"
        environ.pop("HTTP_UPGRADE", None)  # RFC 9110, 7.8: may be ignored; Werkzeug would look for WebSocket routes
        return app(environ, start_response)

    return cast("WSGIApplication", respond)
