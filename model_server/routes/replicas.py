"""`PUT` and `DELETE /models/{m}/replicas/{r}`: a replica reports its own state, or leaves."""

from flask import Blueprint, Response, request

from changeover.clock import now
from changeover.identity import check_model_name
from changeover.wire import ReplicaReport
from model_server import metrics
from model_server.auth import Gate, Right
from model_server.exceptions import MalformedRequest, UnknownModel
from model_server.models import Models

_LONGEST_NAME = 128


def blueprint(models: Models, gate: Gate) -> Blueprint:
    """The calls, over `models`."""
    routes = Blueprint("replicas", __name__)

    @routes.put("/models/<model>/replicas/<replica>")
    def report(model: str, replica: str) -> Response:
        gate.check(Right.REPORT, request.headers.get("Authorization"), request.remote_addr)
        told = ReplicaReport.from_json(request.get_json(silent=True))
        if told.replica != replica or len(replica) > _LONGEST_NAME:
            raise MalformedRequest(f"the report is of {told.replica!r}, the address names {replica!r}")
        state = models.find(check_model_name(model))
        if state is None:
            raise UnknownModel(f"there is no model {model!r}; see GET /models")
        with state.changed:
            state.fleet.reported(told, now())
            metrics.REPLICAS.labels(model).set(state.fleet.awaited(now()))
            state.changed.notify_all()
        return Response(status=204)

    @routes.delete("/models/<model>/replicas/<replica>")
    def leave(model: str, replica: str) -> Response:
        gate.check(Right.REPORT, request.headers.get("Authorization"), request.remote_addr)
        state = models.find(check_model_name(model))
        if state is not None:
            with state.changed:
                state.fleet.left(replica)
                metrics.REPLICAS.labels(model).set(state.fleet.awaited(now()))
                state.changed.notify_all()
        return Response(status=204)

    return routes
