"""The calls of MLflow's scoring protocol and of SageMaker, for the OpenAPI document."""

from collections.abc import Sequence
from typing import Any, Final

from changeover.json_types import JsonObject
from changeover.protocol.openapi_parts import NAME, SHA256, TEXT, list_of, object_of, parameter, response
from predict_api.openapi.dialect_parts import Causes, by_position, errors, get, post, sample_of, sentence_of
from predict_api.openapi.forms import cell_of, has_split_form
from predict_api.replica.active import ActiveVersion

_TAG: Final = "mlflow and sagemaker"
_ANSWER: Final = object_of(
    {
        "predictions": {"type": "array"},
        "predict_proba": {"type": "array"},
        "classes": {"type": "array"},
        "model_version": SHA256,
    },
    "predict_proba",
    "classes",
)


def calls(active: Sequence[ActiveVersion], default_model: str, causes: Causes) -> JsonObject:
    """The calls by their paths."""
    failed = errors(causes, sentence_of("message", "error_code"))
    ready: JsonObject = {"200": response("A model can answer"), **failed}
    version = response("The version of this server", TEXT, media_type="text/plain")
    paths: JsonObject = {
        "/ping": get(_TAG, "mlflow_ping", "Whether a model can answer", ready),
        "/health": get(_TAG, "mlflow_health", "The same", ready),
        "/version": get(_TAG, "mlflow_version", "The version of this server", {"200": version}),
    }
    by_name = {version.model: version for version in active}
    paths["/invocations"] = _invoke("mlflow_invocations", by_name.get(default_model), failed)
    for name, current in sorted(by_name.items()):
        paths[f"/models/{name}/invocations"] = _invoke(f"mlflow_invocations_{name}", current, failed)
    if not active:
        model = parameter("model", "path", NAME, "the model", default_model)
        paths["/models/{model}/invocations"] = {"parameters": [model], **_invoke("mlflow_model", None, failed)}
    return paths


def _split(active: ActiveVersion, names: list[Any]) -> JsonObject:
    """The schema of pandas' split form; without `columns`, the values have the order of the schema."""
    members: JsonObject = {"columns": {"enum": [names, None]}, "data": list_of(by_position(active)), "index": True}
    return object_of(members, "columns", "index", additionalProperties=False)


def _invoke(operation: str, active: ActiveVersion | None, failed: JsonObject) -> JsonObject:
    bodies: dict[str, Any] = {}
    if active is not None:
        sample = sample_of(active)
        # other columns are ignored
        rows = list_of(object_of({name: cell_of(active.model, name) for name in sample}, additionalProperties=True))
        values = [list_of(cell_of(active.model, name)) for name in sample if len(sample) == 1]
        forms = {"anyOf": [rows, list_of(by_position(active)), *values]}
        bodies = {member: (forms, [sample]) for member in ("dataframe_records", "instances", "inputs")}
        if has_split_form(sample):
            example = {"columns": [*sample], "data": [[*sample.values()]]}
            bodies["dataframe_split"] = (_split(active, [*sample]), example)
    return post(_TAG, operation, "Predict, by JSON of MLflow, or CSV", bodies, _ANSWER, failed)
