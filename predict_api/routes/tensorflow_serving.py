"""The calls of TensorFlow Serving and of KServe's version 1 other than predictions: states and metadata of models."""

from flask import Blueprint, Response, jsonify

from predict_api.dialects.dialect import Attribution
from predict_api.dialects.tensorflow_serving import metadata, state
from predict_api.routes.context import WorkerContext
from predict_api.routes.dialects import confirmed_version, loaded_version
from predict_api.routes.request_log import request_context


def blueprint(worker: WorkerContext) -> Blueprint:
    """The routes of both."""
    routes = Blueprint("tensorflow_serving", __name__)

    @routes.get("/")
    def alive() -> Response:
        return jsonify({"status": "alive"})

    @routes.get("/v1/models")
    def models() -> Response:
        return jsonify({"models": [model.replica.model for model in worker.listed_models() if model.replica.active]})

    @routes.get("/v1/models/<model>")
    @routes.get("/v1/models/<model>/versions/<sequence>")
    def model_state(model: str, sequence: str | None = None) -> Response:
        active = loaded_version(worker, model, {"sequence": sequence})
        return jsonify(state(model, active.current.version, active.current.sequence))

    @routes.get("/v1/models/<model>/metadata")
    @routes.get("/v1/models/<model>/versions/<sequence>/metadata")
    def model_metadata(model: str, sequence: str | None = None) -> Response:
        active = confirmed_version(worker, model, {"sequence": sequence})
        attribution = Attribution(active.prepared.manifest, active.current.sequence, request_context().request_id)
        return jsonify(metadata(attribution, active.prepared.reader.schema))

    return routes
