"""`GET /openapi.json`: the OpenAPI document of the active versions, built once for each set of them."""

import json
from typing import Final

from flask import Blueprint, Response, request

from changeover import digest
from changeover.protocol import openapi_parts
from predict_api.exceptions import NoModel
from predict_api.openapi.document import document
from predict_api.prediction.exchange import Basis
from predict_api.prediction.pipeline import basis
from predict_api.replica.active import Held
from predict_api.routes.context import Parts
from predict_api.routes.problems import PROBLEMS
from predict_api.routes.request_log import exchange

CAUSES: Final = [(status, title) for status, _, title in PROBLEMS.values()]
Key = tuple[tuple[str, int, str], ...]


def blueprint(parts: Parts) -> Blueprint:
    """The route of the document."""
    routes = Blueprint("openapi", __name__)
    kept: tuple[Key, bytes, str] | None = None

    @routes.get("/openapi.json")
    def openapi_json() -> Response:
        nonlocal kept
        held = _held(parts)
        key = tuple((one.model, one.current.sequence, one.current.version) for one in held)
        known = kept
        if known is None or known[0] != key:
            told = document(held, parts.settings.default_model, parts.settings.max_rows, CAUSES)
            body = json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
            known = kept = key, body, digest.sha256(body)
        answer = Response(known[1], mimetype=openapi_parts.JSON)
        answer.set_etag(known[2])
        answer.headers["Cache-Control"] = "no-cache"
        answer.make_conditional(request)
        return answer

    return routes


def _held(parts: Parts) -> list[Held]:
    """The active version of each model, confirmed as for a prediction; the headers are those of the default model."""
    found: dict[str, Basis] = {}
    for member in parts.roster.members():
        try:
            found[member.replica.model] = basis(member)
        except NoModel:
            continue
    this = exchange()
    this.model = parts.settings.default_model
    this.basis = found.get(this.model)
    return [one.held for one in found.values()]
