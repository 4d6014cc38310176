"""The metadata of a model in the Open Inference Protocol: its columns as inputs, its answers as outputs."""

from enum import StrEnum
from typing import Any, Final

from changeover.json_types import Json, JsonObject
from changeover.manifest.manifest import Manifest
from changeover.schema.cell_parsers import ColumnType
from changeover.schema.schema import Schema
from predict_api.dialects.open_inference import LABELS, PROBABILITIES, datatype_of


class State(StrEnum):
    """The state of a model in the index of the repository."""

    READY = "READY"
    LOADING = "LOADING"
    UNAVAILABLE = "UNAVAILABLE"


_ANY_ROWS: Final = -1
_DATATYPES: Final = {
    ColumnType.INTEGER: "INT64",
    ColumnType.NUMBER: "FP64",
    ColumnType.BOOLEAN: "BOOL",
    ColumnType.STRING: "BYTES",
}
_ONNX: Final = "ONNX"  # `changeover.onnx_model.examine.TYPE`


def metadata(manifest: Manifest, schema: Schema) -> JsonObject:
    """The metadata of the current version."""
    inputs: list[Json] = [_tensor(column.name, _DATATYPES[column.type], 1) for column in schema.columns]
    return {
        "name": manifest.model,
        "versions": [manifest.version],
        "platform": "onnxruntime_onnx" if manifest.estimator.get("type") == _ONNX else "sklearn_joblib",
        "inputs": inputs,
        "outputs": _outputs(manifest),
        "parameters": {"content_type": "pd"},
    }


def _outputs(manifest: Manifest) -> list[Json]:
    classes: list[Any] = manifest.classes or []
    by_output = [own for own in classes if isinstance(own, list)]
    labels: list[Any] = [label for own in by_output for label in own] or classes or _golden_labels(manifest)
    width = len(by_output) or len(manifest.outputs) or 1
    outputs: list[Json] = [_tensor(LABELS, datatype_of(labels) if labels else "FP64", width)]
    if manifest.estimator.get("predict_proba") is True and by_output:
        outputs += [_tensor(f"{PROBABILITIES}.{index}", "FP64", len(own)) for index, own in enumerate(by_output)]
    elif manifest.estimator.get("predict_proba") is True and classes:
        outputs.append(_tensor(PROBABILITIES, "FP64", len(classes)))
    return outputs


def _golden_labels(manifest: Manifest) -> list[Any]:
    """The answers to the golden rows, of a model without classes; only their type is shown."""
    outputs = (manifest.golden or {}).get("outputs")
    labels = (
        [output.get("prediction") for output in outputs if isinstance(output, dict)]
        if isinstance(outputs, list)
        else []
    )
    return [value for label in labels for value in (label if isinstance(label, list) else [label])]


def _tensor(name: str, datatype: str, width: int) -> JsonObject:
    parameters: JsonObject = {"parameters": {"content_type": "str"}} if datatype == "BYTES" else {}
    return {"name": name, "datatype": datatype, "shape": [_ANY_ROWS, width], **parameters}
