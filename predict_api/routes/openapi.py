"""`GET /openapi.json`: the OpenAPI document of the active versions, built once for each set of them."""

import json
from contextlib import suppress

from flask import Blueprint, Response, request

from changeover import digest
from changeover.protocol import openapi_parts
from predict_api.exceptions import NoModel
from predict_api.openapi.document import document
from predict_api.replica.active import ActiveVersion
from predict_api.routes.context import WorkerContext
from predict_api.routes.path_prefix import prefix_of_request
from predict_api.routes.problems import BY_KEYS, BY_ORIGINS, PROBLEMS
from predict_api.routes.request_log import request_context

Key = tuple[str, tuple[tuple[str, int, str], ...]]


def causes(*, keys: bool) -> list[tuple[int, str]]:
    """The status and title of every problem that a documented call may have; those of API keys only with `keys`."""
    left_out = BY_ORIGINS if keys else BY_ORIGINS | BY_KEYS
    return [(status, title) for error, (status, _, title) in PROBLEMS.items() if error not in left_out]


def blueprint(worker: WorkerContext) -> Blueprint:
    """The route of the document."""
    routes = Blueprint("openapi", __name__)
    kept: tuple[Key, bytes, str] | None = None
    settings, keys = worker.settings, worker.settings.keys_file is not None
    all_causes = causes(keys=keys)

    @routes.get("/openapi.json")
    def openapi_json() -> Response:
        nonlocal kept
        versions = _active_versions(worker)
        prefix = prefix_of_request()
        key = prefix, tuple((version.model, version.current.sequence, version.current.version) for version in versions)
        known = kept
        if known is None or known[0] != key:
            content = document(
                versions,
                settings.default_model,
                settings.max_rows,
                all_causes,
                prefix,
                keys=keys,
                dialects=settings.dialect_names,
            )
            body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
            known = kept = key, body, digest.sha256(body)
        response = Response(known[1], mimetype=openapi_parts.JSON)
        response.set_etag(known[2])
        response.headers["Cache-Control"] = "no-cache"
        response.make_conditional(request)
        return response

    return routes


def _active_versions(worker: WorkerContext) -> list[ActiveVersion]:
    """The active version of each model, confirmed as for a prediction; the headers are those of the default model."""
    context = request_context()
    context.model = worker.settings.default_model
    versions = []
    for model in worker.listed_models():
        with suppress(NoModel):
            active, stale = model.active_version()
            versions.append(active)
            if active.model == context.model:
                context.active, context.stale = active, stale
    return versions
