"""The calls of TensorFlow Serving and of KServe's version 1, for the OpenAPI document."""

from collections.abc import Sequence
from typing import Any, Final

from changeover.json_types import JsonObject
from changeover.protocol.openapi_parts import NAME, SHA256, list_of, object_of, parameter, response
from predict_api.openapi.dialect_parts import ANY, Causes, by_position, errors, get, post, sample_of, sentence_of
from predict_api.openapi.forms import array_of, cell_of
from predict_api.openapi.public_schema import public_schema
from predict_api.replica.active import ActiveVersion

_TAG: Final = "tensorflow serving and kserve v1"
_MODEL: Final = "/v1/models/{model}"
_SEQUENCE: Final[JsonObject] = {"type": "string", "pattern": "^[0-9]+$"}
_PREDICTED: Final = object_of(
    {
        "predictions": {"type": "array"},
        "outputs": {"type": "array"},
        "predict_proba": {"type": "array"},
        "classes": {"type": "array"},
        "model_version": SHA256,
    },
    "predictions",
    "outputs",
    "predict_proba",
    "classes",
)
_RESULT: Final = object_of(
    {"result": {"type": "array"}, "results": {"type": "array"}, "model_version": SHA256}, "results"
)


def calls(active: Sequence[ActiveVersion], default_model: str, causes: Causes) -> JsonObject:
    """The calls by their paths."""
    failed = errors(causes, sentence_of("error"))
    alive = response("The process is alive", object_of({"status": {"const": "alive"}}))
    listed = response("The models that can answer", object_of({"models": list_of(NAME)}))
    paths: JsonObject = {
        "/": get(_TAG, "v1_alive", "Whether the process is alive", {"200": alive}),
        "/v1/models": get(_TAG, "v1_models", "The models that can answer", {"200": listed}),
    }
    model = parameter("model", "path", NAME, "the model", default_model)
    sequence = parameter("sequence", "path", _SEQUENCE, "the number of the current version in the ledger")
    scopes = ((_MODEL, [model], ""), (f"{_MODEL}/versions/{{sequence}}", [model, sequence], "_version"))
    for path, parameters, suffix in scopes:
        own: JsonObject = {"parameters": [*parameters]}
        state: JsonObject = {"200": response("The state of the current version", ANY), **failed}
        described: JsonObject = {"200": response("The columns of a model", ANY), **failed}
        paths[path] = own | get(_TAG, f"v1_model{suffix}", "The state of a model", state)
        paths[f"{path}/metadata"] = own | get(_TAG, f"v1_metadata{suffix}", "The columns of a model", described)
    for version in sorted(active, key=lambda version: version.model):
        paths |= _predictions(version, failed)
    if not active:
        for path, parameters, suffix in scopes:
            for verb, answer in (("predict", _PREDICTED), ("classify", _RESULT), ("regress", _RESULT)):
                call = post(_TAG, f"v1_{verb}{suffix}", f"Predict by :{verb}", {}, answer, failed)
                paths[f"{path}:{verb}"] = {"parameters": [*parameters], **call}
    return paths


def _rows(active: ActiveVersion) -> JsonObject:
    """The schema of rows, all of one form: objects of values or of lists of one value; arrays; values of one column."""
    names = [*sample_of(active)]
    cells: JsonObject = {
        name: {"anyOf": [cell_of(active.model, name), array_of([cell_of(active.model, name)])]} for name in names
    }
    ignores = public_schema(active.prepared.manifest.schema).get("extra") == "ignore"
    forms = [object_of(cells, additionalProperties=ignores), by_position(active)]
    if len(names) == 1:
        forms.append(cell_of(active.model, names[0]))
    return {"anyOf": [list_of(form) for form in forms]}


def _predictions(active: ActiveVersion, failed: JsonObject) -> JsonObject:
    name, manifest = active.model, active.prepared.manifest
    rows = (_rows(active), [sample_of(active)])
    bodies: dict[str, Any] = {"instances": rows, "inputs": rows}
    examples: dict[str, Any] = {"examples": rows}
    path = f"/v1/models/{name}"
    paths: JsonObject = {f"{path}:predict": post(_TAG, f"v1_predict_{name}", "Predict", bodies, _PREDICTED, failed)}
    if manifest.classes and not isinstance(manifest.classes[0], list):
        text = "The probability of each class"
        paths[f"{path}:classify"] = post(_TAG, f"v1_classify_{name}", text, examples, _RESULT, failed)
    if manifest.estimator.get("kind") == "regressor":
        paths[f"{path}:regress"] = post(_TAG, f"v1_regress_{name}", "Predict numbers", examples, _RESULT, failed)
    return paths
