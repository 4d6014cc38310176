"""The calls of the Open Inference Protocol, for the OpenAPI document."""

from collections.abc import Sequence
from typing import Final

from changeover.json_types import Json, JsonObject
from changeover.manifest.manifest import Manifest
from changeover.protocol.openapi_parts import JSON, NAME, TEXT, list_of, object_of, or_null, parameter, response
from predict_api.openapi.answers import model_headers
from predict_api.openapi.columns import sample_row
from predict_api.openapi.forms import MOST_IN_EVERY_FORM, cell_of
from predict_api.openapi.public_schema import columns_of, public_schema
from predict_api.replica.active import ActiveVersion

_ANY: Final[JsonObject] = {"type": "object"}
_SCALAR: Final[JsonObject] = {"type": ["string", "number", "boolean", "null"]}
_TAG: Final = "open inference"
_MODEL: Final = "/v2/models/{model}"
_VERSION: Final = "/v2/models/{model}/versions/{version}"
_KINDS: Final[JsonObject] = {"number": "FP64", "integer": "INT64", "boolean": "BOOL", "string": "BYTES"}
_BITS: Final = (8, 16, 32, 64)
_DATATYPES: Final[list[Json]] = [
    "BOOL", "BYTES", *(f"{kind}{bits}" for kind in ("INT", "UINT") for bits in _BITS), *(f"FP{bits}" for bits in _BITS[1:])
]  # fmt: skip
_TEXT: Final = (
    "A tensor for each column, in any order. Several rows are tensors of `[n]` or `[n, 1]`, with flat or nested data. One "
    "tensor of another name and of the shape `[n, columns]` has the values by position. Tensors may be raw, with the header "
    "`Inference-Header-Content-Length`. This schema describes one row as JSON."
)


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
        if suffix or not active:
            paths[f"{path}/infer"] = own | {"post": _infer(f"v2_infer{suffix}", None, errors)}
    by_name = {held.model: held.prepared.manifest for held in active}
    for name, manifest in sorted(by_name.items()):
        paths[f"/v2/models/{name}/infer"] = {"post": _infer(f"v2_infer_{name}", manifest, errors)}
    return paths


def _get(operation: str, summary: str, schema: JsonObject, errors: JsonObject | None = None) -> JsonObject:
    responses: JsonObject = {"200": response(summary, schema), **(errors or {})}
    return {"get": {"operationId": operation, "tags": [_TAG], "summary": summary, "responses": responses}}


def _infer(operation: str, manifest: Manifest | None, errors: JsonObject) -> JsonObject:
    good = response("The outputs", _ANY, headers=model_headers(always=True))
    raw: JsonObject = {"schema": {"type": "string", "format": "binary"}}
    content: JsonObject = {"application/octet-stream": raw, **good["content"]}  # type: ignore[dict-item]
    body: JsonObject = {"schema": _ANY}
    if manifest is not None:
        columns = columns_of(public_schema(manifest.schema))
        body = {"schema": _request(manifest, columns), "examples": {"row": {"value": _example(columns)}}}
    return {
        "operationId": operation,
        "tags": [_TAG],
        "summary": "Predict, with tensors",
        "description": _TEXT,
        "requestBody": {"required": True, "content": {JSON: body}},
        "responses": {"200": {**good, "content": content}, **errors},
    }


def _example(columns: Sequence[JsonObject]) -> JsonObject:
    """A request for one row."""
    inputs: list[Json] = [
        {"name": name, "shape": [1], "datatype": _KINDS[str(column.get("type", "number"))], "data": [cell]}
        for column, (name, cell) in zip(columns, sample_row(columns).items(), strict=True)
    ]
    return {"inputs": inputs}


def _request(manifest: Manifest, columns: Sequence[JsonObject]) -> JsonObject:
    """The schema of a request for one row."""
    members: JsonObject = {
        "inputs": _inputs(manifest, columns),
        "id": {"type": ["string", "null"]},
        "parameters": or_null(
            object_of(
                {"content_type": {"enum": ["pd", "np", "str"]}, "binary_data_output": {"type": "boolean"}},
                "content_type",
                "binary_data_output",
                additionalProperties=_SCALAR,
            )
        ),
        "outputs": {"enum": [None, [], [{"name": "predict"}]]},
    }
    return object_of(members, "id", "parameters", "outputs", title="An inference request for one row")


def _inputs(manifest: Manifest, columns: Sequence[JsonObject]) -> JsonObject:
    if len(columns) > MOST_IN_EVERY_FORM:
        return {"type": "array", "minItems": 1}
    names: list[JsonObject] = [{"const": column.get("name")} for column in columns]
    if len(columns) == 1:
        names = [TEXT]  # the tensor may be a matrix of one column, whose name does not count
    tensors: list[Json] = [
        _tensor(name, cell_of(manifest.model, str(column.get("name"))))
        for name, column in zip(names, columns, strict=True)
    ]
    others: Json = _tensor(TEXT, _SCALAR) if manifest.schema.get("extra") == "ignore" else False
    return {"type": "array", "prefixItems": tensors, "items": others, "minItems": len(tensors)}


def _tensor(name: JsonObject, cell: JsonObject) -> JsonObject:
    """A tensor of one cell: `[1]`, or `[1, 1]`, whose data may be nested."""
    one = list_of(cell, minItems=1, maxItems=1)
    nested = list_of(one, minItems=1, maxItems=1)
    forms: list[tuple[list[Json], JsonObject]] = [([1], one), ([1, 1], {"anyOf": [one, nested]})]
    known: list[Json] = [
        object_of({"name": name, "shape": {"const": shape}, "datatype": {"enum": _DATATYPES}, "data": data})
        for shape, data in forms
    ]
    return {"anyOf": known}


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
