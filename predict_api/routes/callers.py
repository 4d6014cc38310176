"""The check of API keys, in front of every route: which request needs a key, and whether it has a valid one.

It stands before the fast path and before Flask, so a route that comes later needs a key unless `OPEN` of `edge/api_keys.py` lists it. The model
of a request is checked where the request asks for it: `WorkerContext.model`.
"""

from collections.abc import Collection
from typing import Final, cast
from wsgiref.types import WSGIApplication, WSGIEnvironment

from predict_api.edge.api_keys import OPEN
from predict_api.edge.callers import CALLER, Callers
from predict_api.exceptions import NoValidKey, TooManyRequests
from predict_api.prediction.request_context import KEY, RequestContext
from predict_api.prediction.turn import PAID
from predict_api.routes.problems import problem_response

_PAGE: Final = "/apidocs"  # with its files, which tell nothing about models


def checked(app: WSGIApplication, callers: Callers, probes: Collection[str] = ()) -> WSGIApplication:
    """`app`, whose requests need a key of `callers` and take one of its tokens; `probes` are further open paths."""
    open_paths = OPEN.union(filter(None, probes))

    def respond(environ: WSGIEnvironment, start_response):  # type: ignore[no-untyped-def]  # the signature is WSGI's
        # removed, so that nothing behind this line can log or return a key
        api_key, authorization = environ.pop("HTTP_X_API_KEY", None), environ.pop("HTTP_AUTHORIZATION", None)
        path = environ["PATH_INFO"]
        if path in open_paths or path == _PAGE or path.startswith(f"{_PAGE}/"):
            return app(environ, start_response)
        context: RequestContext = environ[KEY]
        try:
            context.caller = callers.identify(api_key, authorization)
            if environ.get(PAID) != context.caller:
                callers.take_token(context.caller)
                environ[PAID] = context.caller
        except (NoValidKey, TooManyRequests) as error:
            return problem_response(error, context.request_id)(environ, start_response)
        token = CALLER.set(context.caller)
        try:
            return app(environ, start_response)
        finally:
            CALLER.reset(token)

    return cast("WSGIApplication", respond)
