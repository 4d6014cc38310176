"""The OpenAPI document of predict_api, built from the active versions.

It uses the same values as predictions, so it switches with the model.
"""

from collections.abc import Sequence
from typing import Final

from changeover.json_types import Json, JsonObject
from changeover.manifest.manifest import Manifest
from changeover.names import short
from changeover.protocol.openapi_parts import JSON, OPENAPI, parameter, problems, ref, response, shared_schemas
from predict_api.openapi.answers import answer_components, answer_examples, model_headers
from predict_api.openapi.calls import describing_calls, describing_schemas, model_parameter
from predict_api.openapi.forms import Forms
from predict_api.openapi.public_schema import public_schema
from predict_api.replica.active import ActiveVersion

Causes = Sequence[tuple[int, str]]
_ANY: Final = "any"  # the prefix of the components without an active version
_ANY_FORMS: Final[JsonObject] = {
    f"{_ANY}.Row": {"title": "One row", "type": "object"},
    f"{_ANY}.Batch": {"title": "A batch", "type": "array", "items": ref(f"{_ANY}.Row")},
}
_TEXT: Final = (
    "An object is one row, an array of objects a batch; answered in kind, in order. The column forms of pandas are taken "
    "as well. This document is made from the columns of the model that answers, and changes with it in the same instant."
)
_INCLUDE: Final = parameter(
    "include",
    "query",
    {"type": "string", "enum": ["inputs"]},
    "`inputs`: each row comes back with its inputs as they were understood, its outcome and its probabilities, keys sorted",
)


def document(held: Sequence[ActiveVersion], default_model: str, max_rows: int, causes: Causes) -> JsonObject:
    """The document. `held` may be empty; `causes` are the (status, title) of all problems of the service."""
    calls = _Calls(max_rows, causes)
    by_name = {one.model: one for one in held}
    paths: JsonObject = {"/predict": {"post": calls.predict(default_model, by_name.get(default_model), "predict")}}
    for name, one in by_name.items():
        paths[f"/models/{name}/predict"] = {"post": calls.predict(name, one, f"predict_{name}")}
    if not by_name:
        paths["/models/{model}/predict"] = {
            "parameters": [model_parameter(default_model)],
            "post": calls.predict("a model", None, "predict_named"),
        }
    default = by_name.get(default_model)
    return {
        "openapi": OPENAPI,
        "info": {
            "title": f"Changeover: {default_model}",
            "version": short(default.current.version) if default else "none",
            "summary": "Predictions of the models that are current",
            "description": _TEXT,
        },
        "servers": [{"url": "/"}],
        "paths": paths | describing_calls(causes, default_model),
        "components": {"schemas": calls.components | describing_schemas() | shared_schemas()},
    }


class _Calls:
    """The calls that predict, and their components."""

    def __init__(self, max_rows: int, causes: Causes) -> None:
        self.components: JsonObject = {}
        self._max_rows = max_rows
        self._causes = causes

    def predict(self, model: str, held: ActiveVersion | None, operation: str) -> JsonObject:
        """The call `POST .../predict` of one model, or of any model if `held` is None."""
        manifest = held.prepared.manifest if held else None
        prefix = model if held else _ANY
        forms = Forms(public_schema(manifest.schema) if manifest else {}, prefix, self._max_rows)
        sent = forms.components() if manifest else _ANY_FORMS
        self.components |= sent | answer_components(manifest, forms, prefix)
        content: JsonObject = {"schema": {"anyOf": [ref(name) for name in sent]}}
        if manifest:
            content["examples"] = forms.examples()
        answered: JsonObject = {"anyOf": [ref(f"{prefix}.Answer"), ref(f"{prefix}.BatchAnswer")]}
        return {
            "operationId": operation,
            "tags": ["predict"],
            "summary": f"Ask {model}",
            "description": _about(manifest) if manifest else "No version of this model is loaded yet.",
            "parameters": [_INCLUDE],
            "requestBody": {"required": True, "content": {JSON: content}},
            "responses": {
                "200": response(
                    "The prediction",
                    answered,
                    headers=model_headers(always=True),
                    examples=answer_examples(manifest) if manifest else {},
                ),
                **problems(self._causes, model_headers(always=False)),
            },
        }


def _about(manifest: Manifest) -> str:
    """The description of the model in Markdown."""
    kind = manifest.estimator.get("type", "model")
    said = [manifest.description, f"Version `{manifest.version}`: {kind}, published {manifest.created_at}."]
    if manifest.classes:
        classes: list[Json] = manifest.classes
        said.append(f"Classes: {', '.join(f'`{label}`' for label in classes)}.")
    if manifest.metrics:
        said.append("Metrics: " + ", ".join(f"{name} {value:.4g}" for name, value in manifest.metrics.items()) + ".")
    return "\n\n".join(part for part in said if part)
