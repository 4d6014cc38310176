"""The calls of MLflow's scoring protocol other than predictions; SageMaker and KServe use `/ping`, too."""

from importlib.metadata import version as version_of

from flask import Blueprint, Response

from predict_api.routes.context import WorkerContext
from predict_api.routes.health import refuse_unless_ready


def blueprint(worker: WorkerContext) -> Blueprint:
    """The routes of the protocol."""
    routes = Blueprint("mlflow", __name__)

    @routes.get("/ping")
    @routes.get("/health")
    def ping() -> Response:
        refuse_unless_ready(worker)
        return Response("\n", mimetype="application/json")

    @routes.get("/version")
    def version() -> Response:
        return Response(version_of("changeover"), mimetype="text/plain")

    return routes
