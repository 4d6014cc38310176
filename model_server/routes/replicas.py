"""`PUT` and `DELETE /replicas/{r}`: a replica's status report about several models, and its leave.

`PUT` and `DELETE /models/{m}/replicas/{r}` are the same for one model, as earlier releases send them.
"""

from flask import Blueprint, Response, jsonify, request

from changeover.json_types import JsonObject
from changeover.names import REPLICA, check_model_name
from changeover.process.clock import now
from changeover.protocol.wire import SERVER_INSTANCE, MalformedAnswer, ReplicaReport, ReplicaReports
from model_server.exceptions import FleetFull, MalformedRequest, OtherReplica, UnknownModel
from model_server.rollouts.fleet import MOST_REPLICAS
from model_server.rollouts.model_state import Models, ModelState
from model_server.routes.bodies import json_object
from model_server.routes.guard import Guard
from model_server.routes.replica_proof import prove, prove_derived


def blueprint(models: Models, guard: Guard, instance: str) -> Blueprint:
    """The routes for `models`; `instance` identifies this run of the process."""
    routes = Blueprint("replicas", __name__)

    @routes.put("/replicas/<replica>")
    def report_all(replica: str) -> Response:
        guard.needs_report()
        reports = _reports()
        _check_name(replica)
        secret = prove_derived(replica, request)
        _check_same(replica, {each.replica for each in reports.values()})
        models.contacts.add(replica, now())
        not_stored: JsonObject = {}
        for model, status_report in reports.items():
            state = models.find(model)
            if state is None:
                not_stored[model] = f"there is no model {model!r}; see GET /models"
            elif not _store(state, status_report, secret):
                not_stored[model] = _full(model)
        response = jsonify({"not_stored": not_stored})
        response.headers[SERVER_INSTANCE] = instance
        return response

    @routes.delete("/replicas/<replica>")
    def leave_all(replica: str) -> Response:
        guard.needs_report()
        _check_name(replica)
        prove_derived(replica, request)
        models.contacts.left(replica)
        for state in models.all():
            if state.fleet.secret_of(replica) is not None:
                _remove(state, replica)
        return Response(status=204)

    @routes.put("/models/<model>/replicas/<replica>")
    def report(model: str, replica: str) -> Response:
        guard.needs_report()
        status_report = _report()
        state = _known(models, model, replica)
        _check_same(replica, {status_report.replica})
        with state.changed:
            secret = prove(replica, state.fleet.secret_of(replica), request)
            if not _store(state, status_report, secret):
                raise FleetFull(_full(model))
        return Response(status=204)

    @routes.delete("/models/<model>/replicas/<replica>")
    def leave(model: str, replica: str) -> Response:
        guard.needs_report()
        state = _known(models, model, replica)
        with state.changed:
            prove(replica, state.fleet.secret_of(replica), request)
            _remove(state, replica)
        return Response(status=204)

    return routes


def _store(state: ModelState, report: ReplicaReport, secret: str) -> bool:
    """Store a report with the digest of its replica's secret; False if the model has too many replicas."""
    with state.changed:
        if not state.fleet.reported(report, now(), secret):
            return False
    state.news.set()
    return True


def _remove(state: ModelState, replica: str) -> None:
    """Remove a replica that leaves."""
    with state.changed:
        state.fleet.left(replica)
    state.news.set()


def _full(model: str) -> str:
    return f"{MOST_REPLICAS} replicas of {model!r} report already; one that is silent makes room"


def _report() -> ReplicaReport:
    """The status report of the body; raises MalformedAnswer or BodyTooLarge."""
    try:
        return ReplicaReport.from_json(json_object(request))
    except MalformedRequest as error:
        raise MalformedAnswer(f"a replica's report is a JSON object: {error}") from error


def _reports() -> dict[str, ReplicaReport]:
    """The status reports of the body, by model; raises MalformedAnswer or BodyTooLarge."""
    try:
        return ReplicaReports.from_json(json_object(request))
    except MalformedRequest as error:
        raise MalformedAnswer(f"a replica's report is a JSON object: {error}") from error


def _check_same(replica: str, reporting: set[str]) -> None:
    """Raise OtherReplica unless the body is a report of the replica that the address names."""
    for other in reporting - {replica}:
        raise OtherReplica(f"the report is of {other!r}, the address names {replica!r}")


def _check_name(replica: str) -> None:
    """Raise MalformedRequest unless this is the name of a replica."""
    if not REPLICA.fullmatch(replica):
        raise MalformedRequest(f"{replica!r} is no replica: 1 to 128 letters, digits and .:_- were expected")


def _known(models: Models, model: str, replica: str) -> ModelState:
    """The state of `model`, if both names are valid; raises InvalidName, MalformedRequest or UnknownModel."""
    state = models.find(check_model_name(model))
    _check_name(replica)
    if state is None:
        raise UnknownModel(f"there is no model {model!r}; see GET /models")
    return state
