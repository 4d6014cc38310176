"""The OpenAPI document of predict_api, built from the active versions.

It uses the same values as predictions, so it switches with the model.
"""

from collections.abc import Sequence
from typing import Final

from changeover.json_documents import object_in
from changeover.json_types import Json, JsonObject
from changeover.manifest.manifest import Manifest
from changeover.names import short
from changeover.protocol.openapi_parts import JSON, OPENAPI, list_of, parameter, problems, ref, response, shared_schemas
from predict_api.edge.api_keys import OPEN
from predict_api.openapi.answers import answer_components, answer_examples, included_by, model_headers
from predict_api.openapi.calls import SCHEMAS, model_parameter, other_calls
from predict_api.openapi.dialects import dialect_calls
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
    "An object is one row, an array of objects is a batch. The answer has the same form and order. The column forms of "
    "pandas are batches, too, and so are arrays of arrays for a model that was fitted on an array. This document describes "
    "the columns of the current version, and changes with it."
)
_OTHER_TYPES: Final = "`text/csv` and `application/vnd.apache.arrow.stream` are taken, too, and answered where `Accept` prefers them: see the README."
_ON_ERROR: Final = parameter(
    "on_error",
    "query",
    {"type": "string", "enum": ["null"]},
    "`null`: a row that the model does not answer has null and its `error`, and the other rows are answered; without it, "
    "such a request is a 422 that names the rows",
)
_RECEIPT: Final = parameter(
    "receipt",
    "query",
    {"type": "string", "enum": ["1"]},
    "`1`: the answer has a receipt in its header `Answer-Receipt`; a 400 if this service signs none",
)


_KEYS: Final[JsonObject] = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "an API key"},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "the same API key"},
}


def document(
    active: Sequence[ActiveVersion],
    default_model: str,
    max_rows: int,
    causes: Causes,
    prefix: str = "",
    *,
    keys: bool = False,
    dialects: Sequence[str] = (),
) -> JsonObject:
    """The document of the `active` versions; `causes` are the (status, title) of all problems of the service.

    `prefix` is the path prefix under which the service is published. With `keys`, its calls need an API key. `dialects` are
    the names of those that are on.
    """
    by_name = {version.model: version for version in active}
    calls = _PredictCalls(max_rows, causes)
    paths: JsonObject = {"/predict": calls.describe(default_model, by_name.get(default_model), "predict")}
    for name, version in by_name.items():
        paths[f"/models/{name}/predict"] = calls.describe(name, version, f"predict_{name}")
    if not by_name:
        any_model = calls.describe("a model", None, "predict_named")
        paths["/models/{model}/predict"] = {"parameters": [model_parameter(default_model)], **any_model}
    paths |= other_calls(causes, default_model, keys=keys) | dialect_calls(dialects, active, default_model, causes)
    if keys:
        _open_probes(paths)
    default = by_name.get(default_model)
    secured: JsonObject = {"security": [{name: []} for name in _KEYS]} if keys else {}
    schemes: JsonObject = {"securitySchemes": _KEYS} if keys else {}
    return {
        "openapi": OPENAPI,
        "info": {
            "title": f"Changeover: {default_model}",
            "version": short(default.current.version) if default else "none",
            "summary": "Predictions of the current versions",
            "description": _TEXT,
        },
        "servers": [{"url": prefix or "/"}],
        **secured,
        "paths": paths,
        "components": {"schemas": calls.components | SCHEMAS | shared_schemas(), **schemes},
    }


def _open_probes(paths: JsonObject) -> None:
    """Note at each call that needs no key that it needs none."""
    for path in OPEN & paths.keys():
        for call in object_in(paths[path]).values():
            if isinstance(call, dict):
                call["security"] = []


class _PredictCalls:
    """The calls that predict, and their components."""

    def __init__(self, max_rows: int, causes: Causes) -> None:
        self.components: JsonObject = {}
        self._max_rows = max_rows
        self._problems = problems(causes, model_headers(always=False))

    def describe(self, model: str, active: ActiveVersion | None, operation: str) -> JsonObject:
        """The call `POST .../predict` of one model, or of any model without an active version."""
        manifest = active.prepared.manifest if active else None
        prefix = model if active else _ANY
        forms = Forms(public_schema(manifest.schema) if manifest else {}, prefix, self._max_rows)
        bodies = forms.components() if manifest else _ANY_FORMS
        self.components |= bodies | answer_components(manifest, forms, prefix)
        content: JsonObject = {"schema": {"anyOf": [ref(name) for name in bodies]}}
        if manifest:
            content["examples"] = forms.examples()
        answers: JsonObject = {"anyOf": [ref(f"{prefix}.{name}") for name in ("Answer", "BatchAnswer", "Error")]}
        examples = answer_examples(manifest) if manifest else {}
        good = response("The prediction", answers, headers=model_headers(always=True), examples=examples)
        call: JsonObject = {
            "operationId": operation,
            "tags": ["predict"],
            "summary": f"Predict by {model}",
            "description": _about(manifest) if manifest else "No version of this model is loaded yet.",
            "parameters": [_include(manifest), _ON_ERROR, _RECEIPT],
            "requestBody": {"required": True, "description": _OTHER_TYPES, "content": {JSON: content}},
            "responses": {"200": good, **self._problems},
        }
        return {"post": call}


def _include(manifest: Manifest | None) -> JsonObject:
    """The parameter for what the answers of a model have beside predictions."""
    texts = {"inputs": "its parsed inputs; all keys are sorted", **included_by(manifest)}
    names: list[Json] = [*texts]
    listed = "; ".join(f"`{name}`: {text}" for name, text in texts.items())
    text = f"What each row of the answer has, too, repeated or with commas. {listed}"
    return parameter("include", "query", list_of({"type": "string", "enum": names}), text)


def _about(manifest: Manifest) -> str:
    """The description of the model in Markdown."""
    kind = manifest.estimator.get("type", "model")
    texts = [manifest.description, f"Version `{manifest.version}`: {kind}, published {manifest.created_at}."]
    if manifest.classes:
        classes: list[Json] = manifest.classes
        texts.append(f"Classes: {', '.join(f'`{label}`' for label in classes)}.")
    if manifest.metrics:
        texts.append("Metrics: " + ", ".join(f"{name} {value:.4g}" for name, value in manifest.metrics.items()) + ".")
    return "\n\n".join(text for text in texts if text)
