"""`GET /openapi.json`: the OpenAPI document of model_server."""

from flask import Blueprint, Response, json

from changeover import __version__
from changeover.protocol.openapi_parts import JSON
from model_server.openapi.document import document
from model_server.routes.problems import STATUSES


def blueprint(default_model: str) -> Blueprint:
    """The route; its response is the same for the whole run of the process."""
    routes = Blueprint("openapi", __name__)
    causes = {error.__name__: (status.number, status.title) for error, status in STATUSES.items()}
    body = json.dumps(document(causes, default_model, __version__))

    @routes.get("/openapi.json")
    def openapi_json() -> Response:
        return Response(body, content_type=JSON)

    return routes
