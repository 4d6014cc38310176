"""The JSON Schema of a model's responses: for a row, for a single object, for a batch.

`predict_api/prediction/render.py` writes these forms.
"""

from typing import Final

from changeover.json_types import Json, JsonObject
from changeover.manifest.manifest import Manifest
from changeover.protocol import wire
from changeover.protocol.openapi_parts import INTEGER, NAME, SHA256, TEXT, header, list_of, object_of, ref
from predict_api.openapi.forms import Forms

INCLUDED: Final = {
    "decision": "with `?include=decision`: what `decision_function` or `score_samples` says of the row",
    "std": "with `?include=std`: the standard deviation of the prediction",
}


def answer_components(manifest: Manifest | None, forms: Forms, prefix: str) -> JsonObject:
    """The response schemas of one model; without a manifest, those of any model."""
    row: JsonObject = {
        "prediction": _prediction(manifest) if manifest else {},
        "predict_proba": _probabilities(manifest),
        "inputs": {
            "description": "with `?include=inputs`: the parsed values of the row",
            "type": "object",
            "properties": forms.parsed(),
        },
        **{name: {"description": text} for name, text in included_by(manifest).items()},
    }
    has_classes = manifest is not None and _has_classes(manifest)
    whole: JsonObject = {
        "classes": {"const": manifest.classes} if manifest and has_classes else {"type": "array"},
        "model_version": {**SHA256, "description": "the SHA-256 of the bytes that computed this answer"},
    }
    if manifest and manifest.outputs:
        outputs: JsonObject = {"const": [*manifest.outputs], "description": "the names of the values of a prediction"}
        whole["outputs"] = outputs
    optional = () if has_classes else ("classes",)
    extra = [name for name in row if name not in ("prediction", "predict_proba")]
    failed: JsonObject = {
        "prediction": {"type": "null"},
        "predict_proba": {"type": "null"},
        "error": {**TEXT, "description": "with `?on_error=null`: why the model does not answer this row"},
    }
    rows = list_of({"anyOf": [ref(f"{prefix}.RowAnswer"), ref(f"{prefix}.RowError")]})
    return {
        f"{prefix}.RowError": object_of(failed, title="A row of a batch that the model does not answer"),
        f"{prefix}.Error": object_of({**failed, **whole}, "classes", title="One row that the model does not answer"),
        f"{prefix}.RowAnswer": object_of(row, *extra, title="The answer for one row of a batch"),
        f"{prefix}.Answer": object_of({**row, **whole}, *extra, *optional, title="The answer for one row"),
        f"{prefix}.BatchAnswer": object_of({"predictions": rows, **whole}, *optional, title="The answers for a batch"),
    }


def included_by(manifest: Manifest | None) -> dict[str, str]:
    """The description of each value that `include` adds to the answers of a model; without one, of any model."""
    known = None if manifest is None else manifest.estimator.get("includes")
    listed = INCLUDED if manifest is None else known if isinstance(known, list) else []
    return {name: text for name, text in INCLUDED.items() if name in listed}


def answer_examples(manifest: Manifest) -> dict[str, JsonObject]:
    """Sample responses; responses to the golden rows would show labels of training data."""
    row: JsonObject = {"prediction": _sample_prediction(manifest), "predict_proba": _sample_probabilities(manifest)}
    classes: JsonObject = {"classes": manifest.classes} if _has_classes(manifest) else {}
    outputs: JsonObject = {"outputs": [*manifest.outputs]} if manifest.outputs else {}
    whole: JsonObject = {**classes, **outputs, "model_version": manifest.version}
    return {
        "row": {"summary": "the answer for one row", "value": {**row, **whole}},
        "batch": {"summary": "the answer for a batch", "value": {"predictions": [row, row], **whole}},
    }


def model_headers(*, always: bool) -> dict[str, JsonObject]:
    """The headers of the active version; `always` for a response that has them, else they are optional."""
    return {
        wire.MODEL_NAME: header(NAME, "the model", always=always),
        wire.MODEL_VERSION: header(SHA256, "the version", always=always),
        wire.MODEL_SEQUENCE: header({**INTEGER, "minimum": 1}, "the sequence number in the ledger", always=always),
        wire.MODEL_STALE: header(
            {"type": "string", "enum": ["true"]}, "the version could not be confirmed as current in time"
        ),
        wire.MODEL_RUNTIME: header(
            {"type": "string", "enum": ["onnx", "sklearn"]}, "the runtime that computed the answer"
        ),
        wire.MODEL_AGE: header({**INTEGER, "minimum": 0}, "seconds since the version was last confirmed as current"),
    }


def _has_classes(manifest: Manifest) -> bool:
    return manifest.classes is not None and _has_probabilities(manifest)


def _has_probabilities(manifest: Manifest) -> bool:
    return manifest.estimator.get("predict_proba") is True


def _prediction(manifest: Manifest) -> JsonObject:
    """The schema of a prediction: a class of a classifier, else the type in the golden rows, else anything."""
    classes = manifest.classes if manifest.estimator.get("kind") == "classifier" else None
    if classes and all(isinstance(output, list) for output in classes):
        items: list[Json] = [{"enum": output} for output in classes]
        return {"type": "array", "prefixItems": items, "items": False, "minItems": len(items)}
    if classes:
        return {"enum": classes}
    outputs = (manifest.golden or {}).get("outputs")
    first = outputs[0] if isinstance(outputs, list) and outputs else None
    prediction = first.get("prediction") if isinstance(first, dict) else None
    if isinstance(prediction, list):
        return {"type": "array"}
    is_number = isinstance(prediction, int | float) and not isinstance(prediction, bool)
    return {"type": "number"} if is_number else {}


def _sample_prediction(manifest: Manifest) -> Json:
    """The first class, or a number; a list for several outputs."""
    schema, classes = _prediction(manifest), manifest.classes or []
    if "prefixItems" in schema:
        return [output[0] for output in classes if isinstance(output, list)]
    if "enum" in schema:
        return classes[0]
    return [0] if schema.get("type") == "array" else 0


def _sample_probabilities(manifest: Manifest) -> Json:
    """The same probability for each class."""
    if not _has_probabilities(manifest):
        return None
    classes = manifest.classes or []
    outputs: list[Json] = [_evenly(output) for output in classes if isinstance(output, list)]
    return outputs or _evenly(classes)


def _evenly(classes: list[Json]) -> list[Json]:
    return [round(1 / len(classes), 4)] * len(classes)


def _probabilities(manifest: Manifest | None) -> JsonObject:
    description: JsonObject = {"description": "a probability for each of `classes`, in their order"}
    if manifest is None:
        return {"type": ["array", "null"], **description}
    if not _has_probabilities(manifest):
        return {"type": "null", "description": "this model has no probabilities"}
    classes = manifest.classes or []
    if not classes or any(isinstance(output, list) for output in classes):
        return list_of(list_of({"type": "number"}), **description)
    probability: JsonObject = {"type": "number", "minimum": 0}
    return list_of(probability, minItems=len(classes), maxItems=len(classes), **description)
