"""The health route of a container of Vertex AI, at the path that HEALTH_ROUTE names."""

from flask import Blueprint, Response, jsonify

from predict_api.routes.context import WorkerContext
from predict_api.routes.health import refuse_unless_ready


def blueprint(worker: WorkerContext, path: str) -> Blueprint:
    """The route at `path`."""
    routes = Blueprint("vertex", __name__)

    def health() -> Response:
        refuse_unless_ready(worker)
        return jsonify({"status": "ready"})

    routes.add_url_rule(path, view_func=health)
    return routes
