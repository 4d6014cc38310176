"""`GET /current` and `GET /models/{m}/current`: the freshness checks of all models and of one, from memory.

A replica makes one call for all its models. The call for one model is that of earlier releases, and of requests for a
model that a replica does not know.
"""

from typing import Final

from flask import Blueprint, Response, json, request

from changeover.names import check_model_name
from changeover.process.clock import now
from changeover.protocol.problem import MEDIA_TYPE, problem
from changeover.protocol.wire import CHECK_ALL, REPLICA_ID
from model_server import metrics
from model_server.exceptions import MalformedRequest, UnknownModel
from model_server.rollouts.freshness import answer, headers_of, matches
from model_server.rollouts.model_state import Models
from model_server.routes.guard import Guard
from model_server.routes.replica_proof import prove, prove_derived

_MOST_NAMES: Final = 10_000


def blueprint(models: Models, instance: str, lease_ms: int, guard: Guard) -> Blueprint:
    """The routes for `models`; `instance` identifies this run of the process, `lease_ms` is LEASE_MS."""
    routes = Blueprint("current", __name__)

    @routes.after_request
    def tell_of_all(response: Response) -> Response:
        response.headers[CHECK_ALL] = "true"  # in errors, too: a replica may know no other model than an unknown one
        return response

    @routes.get("/current")
    def current_of_all() -> Response:
        names = _names()
        if names is None:
            caller = guard.needs_preparation(selects=True)
            names = tuple(sorted(caller.models)) or None
        replica = request.headers.get(REPLICA_ID)
        if replica is not None:
            prove_derived(replica, request)
            models.replica_heard_at = now()
        models.require_ready()
        if replica is not None:
            models.contacts.heard(replica, now())
        response, granted_ms = models.shared.grant(names, lease_ms, now())
        known = matches(response.etag, request.headers.get("If-None-Match"))
        metrics.CHECKS.labels("(all)", "304" if known else "200").inc()
        headers = {**headers_of(instance, granted_ms), "ETag": response.etag}
        return Response(
            b"" if known else response.body, 304 if known else 200, headers, content_type="application/json"
        )

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


def _names() -> tuple[str, ...] | None:
    """The models in the query, sorted; None for all. Raises MalformedRequest or InvalidName."""
    listed = request.args.get("models")
    if listed is None:
        return None
    names = sorted({check_model_name(name) for name in listed.split(",") if name})
    if len(names) > _MOST_NAMES:
        raise MalformedRequest(f"?models= names {len(names)} models, at most {_MOST_NAMES} are possible; leave it out")
    return tuple(names)
