"""`PUT` and `DELETE /models/{m}/replicas/{r}`: a replica's status report, and its leave."""

from flask import Blueprint, Response, request

from changeover.names import REPLICA, check_model_name
from changeover.process.clock import now
from changeover.protocol.wire import MalformedAnswer, ReplicaReport
from model_server import metrics
from model_server.auth import Gate, Right
from model_server.exceptions import FleetFull, MalformedRequest, OtherReplica, UnknownModel
from model_server.rollouts.fleet import MOST_REPLICAS
from model_server.rollouts.model_state import Models, ModelState
from model_server.routes.bodies import json_object
from model_server.routes.replica_proof import prove


def blueprint(models: Models, gate: Gate) -> Blueprint:
    """The routes for `models`."""
    routes = Blueprint("replicas", __name__)

    @routes.put("/models/<model>/replicas/<replica>")
    def report(model: str, replica: str) -> Response:
        gate.check(Right.REPORT, request.headers.get("Authorization"), request.remote_addr)
        status_report = _report()
        state = _known(models, model, replica)
        if status_report.replica != replica:
            raise OtherReplica(f"the report is of {status_report.replica!r}, the address names {replica!r}")
        with state.changed:
            secret = prove(replica, state.fleet.secret_of(replica), request)
            if not state.fleet.reported(status_report, now(), secret):
                raise FleetFull(f"{MOST_REPLICAS} replicas of {model!r} report already; one that is silent makes room")
            metrics.REPLICAS.labels(model).set(state.fleet.awaited(now()))
        state.news.set()
        return Response(status=204)

    @routes.delete("/models/<model>/replicas/<replica>")
    def leave(model: str, replica: str) -> Response:
        gate.check(Right.REPORT, request.headers.get("Authorization"), request.remote_addr)
        state = _known(models, model, replica)
        with state.changed:
            prove(replica, state.fleet.secret_of(replica), request)
            state.fleet.left(replica)
            metrics.REPLICAS.labels(model).set(state.fleet.awaited(now()))
        state.news.set()
        return Response(status=204)

    return routes


def _report() -> ReplicaReport:
    """The status report of the body; raises MalformedAnswer or BodyTooLarge."""
    try:
        return ReplicaReport.from_json(json_object(request))
    except MalformedRequest as error:
        raise MalformedAnswer(f"a replica's report is a JSON object: {error}") from error


def _known(models: Models, model: str, replica: str) -> ModelState:
    """The state of `model`, if both names are valid; raises InvalidName, MalformedRequest or UnknownModel."""
    state = models.find(check_model_name(model))
    if not REPLICA.fullmatch(replica):
        raise MalformedRequest(f"{replica!r} is no replica: 1 to 128 letters, digits and .:_- were expected")
    if state is None:
        raise UnknownModel(f"there is no model {model!r}; see GET /models")
    return state
