"""The JSON Schema of a model's responses: for a row, for a single object, for a batch.

`predict_api/prediction/render.py` writes these forms.
"""

from changeover.json_types import Json, JsonObject
from changeover.manifest.manifest import Manifest
from changeover.protocol import wire
from changeover.protocol.openapi_parts import NAME, SHA256, header, ref
from predict_api.openapi.forms import Forms


def answer_components(manifest: Manifest | None, forms: Forms, prefix: str) -> JsonObject:
    """The response schemas of one model; without a manifest, those of any model."""
    outputs = _outputs(manifest)
    row: JsonObject = {
        "prediction": _prediction(manifest, outputs),
        "predict_proba": _probabilities(manifest),
        "inputs": {
            "description": "with `?include=inputs`: the row as it was understood",
            "type": "object",
            "properties": forms.parsed(),
        },
    }
    whole: JsonObject = {
        "classes": _classes(manifest),
        "model_version": {**SHA256, "description": "the SHA-256 of the bytes that computed this answer"},
    }
    said: list[Json] = (
        ["model_version"] if manifest is None or not _has_classes(manifest) else ["classes", "model_version"]
    )
    rows: JsonObject = {"type": "array", "items": ref(f"{prefix}.RowAnswer")}
    return {
        f"{prefix}.RowAnswer": _object("The answer for one row of a batch", row, ["prediction", "predict_proba"]),
        f"{prefix}.Answer": _object("The answer for one row", {**row, **whole}, ["prediction", "predict_proba", *said]),
        f"{prefix}.BatchAnswer": _object(
            "The answers for a batch", {"predictions": rows, **whole}, ["predictions", *said]
        ),
    }


def answer_examples(manifest: Manifest) -> dict[str, JsonObject]:
    """Sample responses; responses to the golden rows would show labels of training data."""
    row: JsonObject = {"prediction": _some_prediction(manifest), "predict_proba": _some_probabilities(manifest)}
    whole: JsonObject = {"model_version": manifest.version}
    if _has_classes(manifest):
        whole = {"classes": manifest.classes, **whole}
    single: JsonObject = {**row, **whole}
    batch: JsonObject = {"predictions": [row, row], **whole}
    return {
        "row": {"summary": "the answer for one row", "value": single},
        "batch": {"summary": "the answer for a batch", "value": batch},
    }


def model_headers(*, always: bool) -> dict[str, JsonObject]:
    """The headers of the active version; `always` for a response that has them, else they are optional."""
    return {
        wire.MODEL_NAME: header(NAME, "the model", always=always),
        wire.MODEL_VERSION: header(SHA256, "its version", always=always),
        wire.MODEL_SEQUENCE: header({"type": "integer", "minimum": 1}, "its place in the ledger", always=always),
        wire.MODEL_STALE: header({"type": "string", "enum": ["true"]}, "not confirmed as current"),
        wire.MODEL_RUNTIME: header({"type": "string", "enum": ["onnx", "sklearn"]}, "what computed it"),
        wire.MODEL_AGE: header({"type": "integer", "minimum": 0}, "seconds since it was last confirmed as current"),
    }


def _object(title: str, properties: JsonObject, required: list[Json]) -> JsonObject:
    return {"title": title, "type": "object", "properties": properties, "required": required}


def _outputs(manifest: Manifest | None) -> list[Json]:
    outputs = (manifest.golden or {}).get("outputs") if manifest else None
    return outputs if isinstance(outputs, list) else []


def _has_classes(manifest: Manifest) -> bool:
    return manifest.classes is not None and manifest.estimator.get("predict_proba") is True


def _classes(manifest: Manifest | None) -> JsonObject:
    if manifest is None:
        return {"type": "array"}
    return {"const": manifest.classes} if _has_classes(manifest) else {"type": "array"}


def _prediction(manifest: Manifest | None, outputs: list[Json]) -> JsonObject:
    """The schema of a prediction: a class of a classifier, else the type in the golden rows, else anything."""
    classes = manifest.classes if manifest and manifest.estimator.get("kind") == "classifier" else None
    if classes:
        if all(isinstance(output, list) for output in classes):
            each: list[Json] = [{"enum": output} for output in classes]
            return {"type": "array", "prefixItems": each, "items": False, "minItems": len(each)}
        return {"enum": classes}
    first = outputs[0] if outputs else None
    shown = first.get("prediction") if isinstance(first, dict) else None
    if isinstance(shown, bool) or not isinstance(shown, int | float):
        return {"type": "array"} if isinstance(shown, list) else {}
    return {"type": "number"}


def _some_prediction(manifest: Manifest) -> Json:
    """A sample prediction: the first class, or a number; a list for several outputs."""
    told = _prediction(manifest, _outputs(manifest))
    outputs, classes = told.get("prefixItems"), told.get("enum")
    if isinstance(outputs, list):
        return [output[0] for output in manifest.classes or [] if isinstance(output, list)]
    if isinstance(classes, list):
        return classes[0]
    return [0] if told.get("type") == "array" else 0


def _some_probabilities(manifest: Manifest) -> Json:
    """Sample probabilities: the same one for each class."""
    if manifest.estimator.get("predict_proba") is not True:
        return None
    classes = manifest.classes or []
    each = [_evenly(output) for output in classes if isinstance(output, list)]
    return list[Json](each) if each else _evenly(classes)


def _evenly(classes: list[Json]) -> list[Json]:
    return [round(1 / len(classes), 4)] * len(classes)


def _probabilities(manifest: Manifest | None) -> JsonObject:
    described: JsonObject = {"description": "a probability for each of `classes`, in their order"}
    if manifest is None:
        return {"type": ["array", "null"], **described}
    if manifest.estimator.get("predict_proba") is not True:
        return {"type": "null", "description": "this model has no probabilities"}
    classes = manifest.classes or []
    if not classes or any(isinstance(output, list) for output in classes):
        return {"type": "array", "items": {"type": "array", "items": {"type": "number"}}, **described}
    return {
        "type": "array",
        "items": {"type": "number", "minimum": 0},
        "minItems": len(classes),
        "maxItems": len(classes),
        **described,
    }
