"""The ONNX twin of an admitted model: exported, then verified on sample rows. Runs in a runner only.

A model without a twin is admitted, too; its manifest has the reason.
"""

import hashlib
from typing import Final

import joblib

from changeover.json_types import JsonObject
from changeover.onnx_twin.equivalence.compare import prove
from changeover.onnx_twin.exceptions import NoTwin
from changeover.onnx_twin.export.convert import convert
from model_runner.calls.examine import Examined

LARGEST: Final = 256 * 1024**2  # bytes


def twin_of(examined: Examined) -> tuple[JsonObject, bytes]:
    """The manifest's entry on the ONNX twin, and the twin's bytes (empty without a twin)."""
    if examined.members.get("row_independent") is False:
        return {"absent": "its answer to a row may depend on the other rows of a call"}, b""
    golden = examined.members.get("golden")
    rows = golden.get("rows") if isinstance(golden, dict) else None
    known = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    try:
        with joblib.parallel_config(backend="sequential"):
            twin = convert(examined.estimator, examined.schema)
            if len(twin) > LARGEST:
                return {"absent": f"it would have {len(twin)} bytes, at most {LARGEST} are kept"}, b""
            proof = prove(examined.estimator, examined.schema, twin, known)
    except NoTwin as error:
        return {"absent": str(error)}, b""
    except ImportError as error:
        return {"absent": f"what makes twins is not installed: {error}"}, b""
    except MemoryError:
        return {"absent": "making it needs more memory than ADMISSION_MEMORY_BYTES"}, b""
    return {"sha256": hashlib.sha256(twin).hexdigest(), "size": len(twin), "proof": proof.to_json()}, twin
