"""The health routes: `/livez`, `/readyz` (whether this replica can answer) and `/metrics`, the sum over all workers.

None of them calls model_server, so that frequent probes do not load it.
"""

from typing import Final

from flask import Blueprint, Response, jsonify, request
from prometheus_client import CONTENT_TYPE_LATEST

from changeover.process.clock import now
from predict_api.exceptions import Draining, NoModel
from predict_api.exposition import exposition
from predict_api.models.models import Model
from predict_api.routes.context import WorkerContext
from predict_api.routes.host_check import KNOWN

# a reason may quote a golden row, and these routes are public
_WHY: Final = "this replica's log and `changeover show` say why"


def refuse_unless_ready(worker: WorkerContext) -> list[Model]:
    """The models that can answer; raises Draining, or NoModel if there is none."""
    if worker.draining():
        raise Draining("this replica is ending; send requests elsewhere")
    models = [model for model in worker.models.all() if model.replica.active is not None]
    if not models:
        if worker.models.runners.not_confined is not None:
            raise NoModel(str(worker.models.runners.not_confined))
        if worker.settings.model_file is not None:
            raise NoModel("the artifact of MODEL_FILE is not loaded yet; the log of this replica says more")
        raise NoModel("no model is loaded yet; `changeover push --roll` publishes one and makes it current")
    return models


def blueprint(worker: WorkerContext) -> Blueprint:
    """The routes of probes."""
    routes = Blueprint("health", __name__)

    @routes.get("/livez")
    def livez() -> Response:
        return jsonify({"status": "alive"})

    @routes.get("/readyz")
    def readyz() -> Response:
        models = refuse_unless_ready(worker)
        degraded = worker.models.runners.ends.degraded(now())
        status = "degraded" if degraded else "ready"
        if KNOWN not in request.environ:
            return jsonify({"status": status})
        stale = [model.replica.model for model in models if model.freshness.broken]
        failed = {
            model.replica.model: dict.fromkeys(reasons, _WHY)
            for model in worker.models.all()
            if (reasons := model.replica.state()[2])
        }
        return jsonify(
            {
                "status": status,
                "models": [model.replica.model for model in models],
                "stale": stale,
                "not_prepared": failed,
                "degraded": degraded,
                "confinement": worker.models.runners.measures or {},
            }
        )

    @routes.get("/metrics")
    def metrics() -> Response:
        return Response(exposition(worker.metrics_directory), content_type=CONTENT_TYPE_LATEST)

    return routes
