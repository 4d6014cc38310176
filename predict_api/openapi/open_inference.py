"""The calls of the Open Inference Protocol, for the OpenAPI document."""

from collections.abc import Sequence
from typing import Final

from changeover.json_types import JsonObject
from changeover.protocol.openapi_parts import JSON, NAME, TEXT, list_of, object_of, parameter, response
from predict_api.openapi.answers import model_headers
from predict_api.replica.active import ActiveVersion

_ANY: Final[JsonObject] = {"type": "object"}
_TAG: Final = "open inference"
_MODEL: Final = "/v2/models/{model}"
_VERSION: Final = "/v2/models/{model}/versions/{version}"


def calls(active: Sequence[ActiveVersion], default_model: str, causes: Sequence[tuple[int, str]]) -> JsonObject:
    """The calls by their paths."""
    errors = _errors(causes)
    model = parameter("model", "path", NAME, "the model", default_model)
    version = parameter("version", "path", TEXT, "the hash of the current version, or its first 8 digits or more")
    ready = object_of({"name": NAME, "ready": {"const": True}})
    paths: JsonObject = {
        "/v2": _get("v2", "The server and its extensions", _ANY),
        "/v2/": _get("v2_slash", "The same", _ANY),
        "/v2/health/live": _get("v2_live", "Whether the process is alive", object_of({"live": {"const": True}})),
        "/v2/health/ready": _get("v2_ready", "Whether a model can answer", _ANY, errors),
        "/v2/models": _get("v2_models", "The models that can answer", object_of({"models": list_of(NAME)})),
        "/v2/repository/index": {"post": _index(errors)},
        "/v2/repository/models/{model}/load": {"parameters": [model], "post": _order("v2_load", errors)},
        "/v2/repository/models/{model}/unload": {"parameters": [model], "post": _order("v2_unload", errors)},
    }
    for path, parameters, suffix in ((_MODEL, [model], ""), (_VERSION, [model, version], "_version")):
        own: JsonObject = {"parameters": [*parameters]}
        paths[path] = own | _get(f"v2_model{suffix}", "The columns and outputs of a model", _ANY, errors)
        paths[f"{path}/ready"] = own | _get(f"v2_model_ready{suffix}", "Whether a model can answer", ready, errors)
        if not active:
            paths[f"{path}/infer"] = own | {"post": _infer(f"v2_infer{suffix}", errors)}
    for name in sorted(version.model for version in active):
        paths[f"/v2/models/{name}/infer"] = {"post": _infer(f"v2_infer_{name}", errors)}
    return paths


def _get(operation: str, summary: str, schema: JsonObject, errors: JsonObject | None = None) -> JsonObject:
    responses: JsonObject = {"200": response(summary, schema), **(errors or {})}
    return {"get": {"operationId": operation, "tags": [_TAG], "summary": summary, "responses": responses}}


def _infer(operation: str, errors: JsonObject) -> JsonObject:
    good = response("The outputs", _ANY, headers=model_headers(always=True))
    return {
        "operationId": operation,
        "tags": [_TAG],
        "summary": "Predict, with tensors",
        "requestBody": {"required": True, "content": {JSON: {"schema": _ANY}}},
        "responses": {"200": good, **errors},
    }


def _index(errors: JsonObject) -> JsonObject:
    return {
        "operationId": "v2_index",
        "tags": [_TAG],
        "summary": "The models and the states of their current versions",
        "responses": {"200": response("The models", list_of(_ANY)), **errors},
    }


def _order(operation: str, errors: JsonObject) -> JsonObject:
    text = "Refused: model_server rolls versions"
    return {
        "operationId": operation,
        "tags": [_TAG],
        "summary": text,
        "responses": {"405": response(text, _ANY), **errors},
    }


def _errors(causes: Sequence[tuple[int, str]]) -> JsonObject:
    """The error responses: those of the service, and 400 for what is a 422 elsewhere."""
    schema = object_of({"error": {**TEXT, "description": "the cause and the next step"}})
    statuses = sorted({400 if status == 422 else status for status, _ in causes})
    return {str(status): response("An error", schema, headers=model_headers(always=False)) for status in statuses}
