"""The path prefix of a request: taken off its path, and kept as SCRIPT_NAME for what names other paths.

A proxy may pass the prefix on or strip it; routes see the path without it.
"""

from typing import Final, cast
from wsgiref.types import WSGIApplication, WSGIEnvironment

from flask import request

from changeover.process.own_networks import Networks, with_names_replaced
from predict_api.edge.path_prefix import forwarded_prefix, without
from predict_api.settings import PredictSettings

_FORWARDED: Final = "HTTP_X_FORWARDED_PREFIX"


def prefix_of_request() -> str:
    """The prefix of the request that this thread processes in Flask, without a slash at its end."""
    return cast("str", request.environ["SCRIPT_NAME"])


def taken_off(app: WSGIApplication, settings: PredictSettings) -> WSGIApplication:
    """`app` below ROOT_PATH, or below the prefix that a proxy of TRUSTED_PROXIES names; `app` itself without both."""
    root, proxies = settings.prefix, Networks(with_names_replaced(settings.trusted_proxies, "TRUSTED_PROXIES"))
    if not root and not settings.trusted_proxies:
        return app

    def respond(environ: WSGIEnvironment, start_response):  # type: ignore[no-untyped-def]  # the signature is WSGI's
        prefix = root
        if _FORWARDED in environ and proxies.contain(environ.get("REMOTE_ADDR")):
            named = forwarded_prefix(environ[_FORWARDED])
            prefix = root if named is None else named
        environ["PATH_INFO"] = without(root, environ["PATH_INFO"])
        environ["SCRIPT_NAME"] = prefix
        return app(environ, start_response)

    return cast("WSGIApplication", respond)
