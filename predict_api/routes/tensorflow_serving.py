"""The calls of TensorFlow Serving and of KServe's version 1 other than predictions: states and metadata of models."""

from flask import Blueprint, Response, jsonify

from predict_api.dialects.dialect import Attribution
from predict_api.dialects.tensorflow_serving import metadata, state
from predict_api.exceptions import NoModel
from predict_api.prediction.pipeline import refuse_other_version
from predict_api.routes.context import WorkerContext
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
        served = worker.model(model)
        active = served.replica.active  # a probe: it calls no other service
        if active is None:
            raise NoModel(f"no version of model {model!r} is loaded yet; try again in a second")
        refuse_other_version({"sequence": sequence}, active, served)
        return jsonify(state(model, active.current.version, active.current.sequence))

    @routes.get("/v1/models/<model>/metadata")
    @routes.get("/v1/models/<model>/versions/<sequence>/metadata")
    def model_metadata(model: str, sequence: str | None = None) -> Response:
        served, context = worker.model(model), request_context()
        context.model = model
        context.active, context.stale = served.active_version()
        refuse_other_version({"sequence": sequence}, context.active, served)
        prepared = context.active.prepared
        attribution = Attribution(prepared.manifest, context.active.current.sequence, context.request_id)
        return jsonify(metadata(attribution, prepared.reader.schema))

    return routes
