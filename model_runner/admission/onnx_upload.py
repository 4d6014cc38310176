"""The examination of an uploaded ONNX file, in this process: a graph is data, and no code of a model runs."""

import hashlib
from pathlib import Path

from changeover.exceptions import InvalidManifest
from changeover.json_types import JsonObject
from changeover.manifest.manifest import Draft, Manifest
from changeover.onnx_model.recognise import HEAD, is_onnx
from model_runner.admission.verdict import Admitted, Refused, other_bytes


def is_onnx_file(path: Path) -> bool:
    """Whether the file at `path` is an ONNX model, by its content; raises OSError."""
    with path.open("rb") as file:
        return is_onnx(file.read(HEAD))


def examine_onnx(
    path: Path, draft: Draft, max_columns: int, rest: JsonObject, expected: str | None = None
) -> Admitted | Refused:
    """Examine the ONNX file at `path`; `rest` has the members of the manifest that the graph does not determine.

    Bytes with another SHA-256 than `expected` are refused. Raises OSError if the file cannot be read.
    """
    from changeover.onnx_model.examine import Examined, examine  # with numpy and onnxruntime
    from changeover.onnx_twin.graph_check import LARGEST

    if path.stat().st_size > LARGEST:
        return Refused(f"the ONNX model has {path.stat().st_size} bytes, at most {LARGEST} are taken")
    content = path.read_bytes()
    version = hashlib.sha256(content).hexdigest()
    if expected not in {None, version}:
        return other_bytes(version, str(expected))
    examined = examine(content, draft, max_columns)
    if not isinstance(examined, Examined):
        return Refused(examined)
    try:
        return Admitted(Manifest.from_json({**examined.members, **rest, "version": version, "size": len(content)}))
    except InvalidManifest as error:
        return Refused(f"the examination of the ONNX model gave no usable verdict: {error}")
