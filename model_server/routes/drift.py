"""`PUT /replicas/{r}/counts`: the counts of a replica. `GET /models/{m}/drift`: the report about a model."""

from flask import Blueprint, Response, json, jsonify, request

from changeover.names import REPLICA
from changeover.process.clock import now
from changeover.protocol.drift_counts import LARGEST_COUNTS, ReplicaCounts
from changeover.protocol.roles import Role
from changeover.protocol.wire import SERVER_INSTANCE
from model_server.drift.drift import Drift
from model_server.drift.windows import parse_window
from model_server.exceptions import MalformedRequest, OtherReplica
from model_server.routes.bodies import read_body
from model_server.routes.context import VersionCalls
from model_server.routes.guard import Guard
from model_server.routes.replica_proof import prove_derived


def blueprint(calls: VersionCalls, guard: Guard, drift: Drift, instance: str) -> Blueprint:
    """The routes; `instance` identifies this run of the process."""
    routes = Blueprint("drift", __name__)

    @routes.put("/replicas/<replica>/counts")
    def counts(replica: str) -> Response:
        guard.needs_report()
        if not REPLICA.fullmatch(replica):
            raise MalformedRequest(f"{replica!r} is no replica: 1 to 128 letters, digits and .:_- were expected")
        prove_derived(replica, request)
        calls.models.require_ready()
        sent = ReplicaCounts.decode(read_body(request, LARGEST_COUNTS))
        if sent.replica != replica:
            raise OtherReplica(f"the counts are of {sent.replica!r}, the address names {replica!r}")
        _add_traffic(calls, sent)
        response = jsonify({"not_stored": drift.receipt.receive(sent)})
        response.headers[SERVER_INSTANCE] = instance
        return response

    @routes.get("/models/<model>/drift")
    def report(model: str) -> Response:
        guard.needs(Role.READ)
        calls.known(model)
        version = request.args.get("version")
        resolved = calls.versions.resolve(model, version) if version is not None else None
        window = parse_window(request.args.get("window", "1h"))
        return Response(json.dumps(drift.reports.report(model, resolved, window)), content_type="application/json")

    return routes


def _add_traffic(calls: VersionCalls, sent: ReplicaCounts) -> None:
    """Add the traffic of a replica to that of each model that exists."""
    for model, totals in sent.traffic.items():
        state = calls.models.find(model)
        if state is not None:
            with state.changed:
                state.traffic.add(sent.replica, totals, now())
