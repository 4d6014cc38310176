"""`GET /models` and `GET /models/{m}`: all models; one model with its current version, rollout and replicas."""

from collections.abc import Mapping

from flask import Blueprint, Response, json, jsonify

from changeover.json_types import JsonObject
from changeover.process.clock import now
from changeover.protocol.roles import Role
from model_server.rollouts.model_state import ModelState
from model_server.routes.context import VersionCalls
from model_server.routes.guard import Guard


def blueprint(calls: VersionCalls, guard: Guard, pins: Mapping[str, str], default_model: str) -> Blueprint:
    """The routes; `pins` maps each pinned model to its version."""
    routes = Blueprint("models", __name__)

    @routes.get("/models")
    def models() -> Response:
        caller = guard.needs_preparation(selects=True)
        calls.models.require_ready()
        bodies = [
            {"model": state.name, "current": _current(state), "pinned": pins.get(state.name)}
            for state in calls.models.all()
            if caller.may_use(state.name)
        ]
        return jsonify({"models": bodies, "default": default_model})

    @routes.get("/models/<model>")
    def model(model: str) -> Response:
        guard.needs(Role.READ)
        state = calls.models.get(calls.known(model))
        with state.changed:
            entry, rollout = state.entry, state.rollout
            replicas = state.fleet.to_json(now())
        body: JsonObject = {
            "model": model,
            "current": entry.to_json() if entry else None,
            "previous": entry.previous if entry else None,
            "rollout": rollout.to_json() if rollout else None,
            "pinned": pins.get(model),
            "replicas": list(replicas),
        }
        return Response(json.dumps(body), content_type="application/json")

    return routes


def _current(state: ModelState) -> JsonObject | None:
    return state.current.to_json(state.name) if state.current else None
