"""`GET /openapi.json`: the OpenAPI document of the active versions, built once for each set of them."""

import json
from contextlib import suppress
from typing import Final

from flask import Blueprint, Response, request

from changeover import digest
from changeover.protocol import openapi_parts
from predict_api.exceptions import NoModel
from predict_api.openapi.document import document
from predict_api.replica.active import ActiveVersion
from predict_api.routes.context import WorkerContext
from predict_api.routes.problems import PROBLEMS
from predict_api.routes.request_log import request_context

CAUSES: Final = [(status, title) for status, _, title in PROBLEMS.values()]
Key = tuple[tuple[str, int, str], ...]


def blueprint(worker: WorkerContext) -> Blueprint:
    """The route of the document."""
    routes = Blueprint("openapi", __name__)
    kept: tuple[Key, bytes, str] | None = None

    @routes.get("/openapi.json")
    def openapi_json() -> Response:
        nonlocal kept
        versions = _active_versions(worker)
        key = tuple((version.model, version.current.sequence, version.current.version) for version in versions)
        known = kept
        if known is None or known[0] != key:
            settings = worker.settings
            content = document(versions, settings.default_model, settings.max_rows, CAUSES, settings.dialect_names)
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
    for model in worker.models.all():
        with suppress(NoModel):
            active, stale = model.active_version()
            versions.append(active)
            if active.model == context.model:
                context.active, context.stale = active, stale
    return versions
