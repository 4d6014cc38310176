"""The health routes: `/livez`, `/readyz` with the problems of model_server, and `/metrics`."""

from collections.abc import Mapping
from typing import Final

from flask import Blueprint, Response, g, jsonify
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from changeover import __version__
from changeover.json_types import JsonObject
from changeover.process.clock import now
from changeover.protocol.problem import problem
from model_server import metrics
from model_server.problems import Problems, Topic
from model_server.rollouts.model_state import Models
from model_server.routes.context import VersionCalls
from model_server.routes.guard import Guard
from model_server.routes.problems import answer

BY_ANY_NAME: Final = frozenset({"/livez", "/readyz"})  # orchestrators use changing addresses as the host
_NOT_READY: Final = problem("no-model", 503, "Not ready", "call this by a name of ALLOWED_HOSTS, and it says why")
_MORE: Final = "ask with the publish token (`changeover doctor` does), or read the log"


def blueprint(
    calls: VersionCalls,
    guard: Guard,
    problems: Problems,
    confinement: Mapping[str, bool],
    pins: Mapping[str, str],
) -> Blueprint:
    """The routes; each request reads `problems` again."""
    routes = Blueprint("health", __name__)

    @routes.get("/livez")
    def livez() -> Response:
        return jsonify({"status": "alive", "version": __version__})

    @routes.get("/readyz")
    def readyz() -> Response:
        texts = _shown(problems, guard)
        measures: JsonObject = dict(confinement.items())
        lacks_its_pin = problems.has(Topic.PIN) and any(_current_version(calls.models, model) is None for model in pins)
        if not calls.models.ready.is_set() or lacks_its_pin:
            detail = "; ".join(str(text) for text in texts.values()) or "the ledger is being read"
            body = problem("no-model", 503, "Not ready", detail, problems=texts, confinement=measures)
            return answer(body if g.known_host else _NOT_READY, 503, retry_after=1)
        status: JsonObject = {"status": "degraded" if texts else "ready"}
        more: JsonObject = {"problems": texts, "confinement": measures, "version": __version__}
        return jsonify(status | more if g.known_host else status)

    @routes.get("/metrics")
    def exposition() -> Response:
        for state in calls.models.all():
            with state.changed:
                metrics.REPLICAS.labels(state.name).set(state.fleet.awaited(now()))
        return Response(generate_latest(), content_type=CONTENT_TYPE_LATEST)

    return routes


def _shown(problems: Problems, guard: Guard) -> JsonObject:
    """The problems by name, with the texts that this caller may read."""
    if guard.known_reader() is not None:
        return dict(problems.texts())
    return dict(problems.texts(hidden=_MORE))


def _current_version(models: Models, name: str) -> str | None:
    state = models.find(name)
    return state.current.version if state and state.current else None
