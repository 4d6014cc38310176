"""The calls of vetiver other than predictions, about the default model."""

from flask import Blueprint, Response, jsonify

from predict_api.dialects.vetiver import metadata, prototype
from predict_api.replica.active import ActiveVersion
from predict_api.routes.context import WorkerContext
from predict_api.routes.request_log import request_context


def blueprint(worker: WorkerContext) -> Blueprint:
    """The routes of vetiver."""
    routes = Blueprint("vetiver", __name__)

    @routes.get("/vetiver/ping")
    def ping() -> Response:
        return jsonify({"ping": "pong"})

    @routes.get("/vetiver/metadata")
    def model_metadata() -> Response:
        return jsonify(metadata(active().prepared.manifest))

    @routes.get("/vetiver/prototype")
    def model_prototype() -> Response:
        return jsonify(prototype(active().prepared.reader.schema))

    def active() -> ActiveVersion:
        context = request_context()
        context.model = worker.settings.default_model
        context.active, context.stale = worker.model(context.model).active_version()
        return context.active

    return routes
