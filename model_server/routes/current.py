"""`GET /models/{m}/current`: the freshness check, the most frequent call. It reads one value from memory."""

from flask import Blueprint, Response, json, request

from changeover.names import check_model_name
from changeover.process.clock import now
from changeover.protocol.problem import MEDIA_TYPE, problem
from changeover.protocol.wire import REPLICA_ID
from model_server import metrics
from model_server.exceptions import UnknownModel
from model_server.rollouts.freshness import answer
from model_server.rollouts.model_state import Models
from model_server.routes.replica_proof import prove


def blueprint(models: Models, instance: str, lease_ms: int) -> Blueprint:
    """The route for `models`; `instance` identifies this run of the process, `lease_ms` is LEASE_MS."""
    routes = Blueprint("current", __name__)

    @routes.get("/models/<model>/current")
    def current(model: str) -> Response:
        replica = request.headers.get(REPLICA_ID)
        state = models.find(check_model_name(model))
        if replica is not None:
            prove(replica, state.fleet.secret_of(replica) if state else None, request)
            models.replica_heard_at = now()
        models.require_ready()
        if state is None:
            metrics.CHECKS.labels("(unknown)", "404").inc()
            raise UnknownModel(f"there is no model {model!r}; see GET /models")
        if replica is not None:
            state.fleet.heard(replica, now())
        pointer, granted_ms = state.grant(lease_ms, now())
        check = answer(pointer, request.headers.get("If-None-Match"), instance, granted_ms)
        if check.current is None:
            detail = f"model {model!r} has no current version; roll one (changeover roll)"
            body, status = json.dumps(problem("no-current-version", 404, "No current version", detail)), 404
        elif check.changed:
            body, status = json.dumps(check.current.to_json(model)), 200
        else:
            body, status = "", 304
        metrics.CHECKS.labels(model, str(status)).inc()
        response = Response(body, status, content_type=MEDIA_TYPE if status == 404 else "application/json")
        response.headers.extend(check.headers)
        return response

    return routes
