"""The calls of the Open Inference Protocol other than inference: health, metadata, the index of the repository."""

from importlib.metadata import version as version_of
from typing import Final

from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import MethodNotAllowed

from changeover.json_types import JsonObject
from changeover.request import strict_json
from predict_api.dialects.inference_metadata import State, metadata
from predict_api.exceptions import InvalidCall
from predict_api.models.models import Model
from predict_api.routes.context import WorkerContext
from predict_api.routes.dialects import confirmed_version, loaded_version
from predict_api.routes.health import refuse_unless_ready
from predict_api.routes.request_body import read_body

_SERVER: Final = "changeover"
_LONGEST_ORDER: Final = 4096  # bytes of a body that only filters the index


def blueprint(worker: WorkerContext) -> Blueprint:
    """The routes of the protocol."""
    routes = Blueprint("open_inference", __name__)

    @routes.get("/v2")
    @routes.get("/v2/")
    def server() -> Response:
        return jsonify({"name": _SERVER, "version": version_of(_SERVER), "extensions": ["binary_tensor_data"]})

    @routes.get("/v2/health/live")
    def live() -> Response:
        return jsonify({"live": True})

    @routes.get("/v2/health/ready")
    def ready() -> Response:
        refuse_unless_ready(worker)
        return jsonify({"ready": True, "live": True})

    @routes.get("/v2/models")
    def models() -> Response:
        return jsonify({"models": [model.replica.model for model in worker.listed_models() if model.replica.active]})

    @routes.get("/v2/models/<model>")
    @routes.get("/v2/models/<model>/versions/<version>")
    def model_metadata(model: str, version: str | None = None) -> Response:
        prepared = confirmed_version(worker, model, {"version": version}).prepared
        return jsonify(metadata(prepared.manifest, prepared.reader.schema))

    @routes.get("/v2/models/<model>/ready")
    @routes.get("/v2/models/<model>/versions/<version>/ready")
    def model_ready(model: str, version: str | None = None) -> Response:
        loaded_version(worker, model, {"version": version})
        return jsonify({"name": model, "ready": True})

    @routes.post("/v2/repository/index")
    def index() -> Response:
        only_ready = _only_ready(read_body(request.environ, _LONGEST_ORDER))
        entries = [_entry(model) for model in worker.listed_models()]
        return jsonify([entry for entry in entries if entry["state"] == State.READY.value or not only_ready])

    @routes.post("/v2/repository/models/<model>/load")
    @routes.post("/v2/repository/models/<model>/unload")
    def order(model: str) -> Response:
        raise MethodNotAllowed(
            ["OPTIONS"], f"versions are rolled by model_server: POST /models/{model[:63]}/rollouts there"
        )

    return routes


def _only_ready(body: bytes) -> bool:
    """The member `ready` of a body, which may be empty; raises NotJson or InvalidCall."""
    if not body.strip():
        return False
    value = strict_json.parse(body)
    if not isinstance(value, dict):
        raise InvalidCall('send nothing, or an object such as {"ready": true}')
    return value.get("ready") is True


def _entry(model: Model) -> JsonObject:
    """The entry of a model in the index."""
    active = model.replica.active
    name = model.replica.model
    if active is not None:
        return {"name": name, "version": active.current.version, "state": State.READY.value, "reason": ""}
    if model.replica.settled.is_set():
        return {
            "name": name,
            "version": "",
            "state": State.UNAVAILABLE.value,
            "reason": "no version of it is ready here",
        }
    return {"name": name, "version": "", "state": State.LOADING.value, "reason": "its version is being prepared"}
