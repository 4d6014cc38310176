"""The verdict of a runner on an artifact, read as the input of a stranger."""

import hashlib
from dataclasses import dataclass
from typing import Final

from changeover.exceptions import InvalidManifest
from changeover.json_types import Json, JsonObject
from changeover.manifest.manifest import Manifest
from changeover.protocol.wire import LONGEST_TEXT

REJECTED: Final = "rejected"  # kinds of refusals
NO_ENVIRONMENT: Final = "no-environment"
# the members of a manifest that the runner determines
EXAMINED: Final = ("schema", "estimator", "classes", "golden", "environment", "warnings", "row_independent")


@dataclass(frozen=True)
class Admitted:
    """An admitted artifact: the manifest of its version, and the bytes of its ONNX twin, empty if there is none.

    `manifest.version` is the SHA-256 of the examined bytes.
    """

    manifest: Manifest
    twin: bytes = b""


@dataclass(frozen=True)
class Refused:
    """The verdict on a refused artifact, with the reason as one sentence; `kind` is the type of the problem."""

    reason: str
    kind: str = REJECTED


def other_bytes(version: str, expected: str) -> Refused:
    """The refusal of bytes whose SHA-256 is `version` and not `expected`."""
    return Refused(f"its SHA-256 is {version}, expected was {expected}: the bytes were changed")


def read_verdict(body: Json, version: str) -> JsonObject | Refused:
    """The members of the manifest that the runner determined, unchecked.

    Raises InvalidManifest, also if the runner examined other bytes than those with the SHA-256 `version`.
    """
    if not isinstance(body, dict):
        raise InvalidManifest("the verdict is no JSON object")
    reason = body.get("refused")
    if isinstance(reason, str):
        return Refused(reason[:LONGEST_TEXT])
    if body.get("sha256") != version:
        raise InvalidManifest("it is about other bytes")
    return {name: body[name] for name in EXAMINED if name in body}


def read_twin(body: Json, twin: bytes) -> tuple[JsonObject, bytes]:
    """The runner's description of the ONNX twin, and its bytes; absent unless the description fits the bytes."""
    if isinstance(body, dict):
        reason, proof = body.get("absent"), body.get("proof")
        if isinstance(reason, str):
            return {"absent": reason[:LONGEST_TEXT]}, b""
        digest = hashlib.sha256(twin).hexdigest()
        if body.get("sha256") == digest and body.get("size") == len(twin) and isinstance(proof, dict):
            return {"sha256": digest, "size": len(twin), "proof": proof}, twin
    return {"absent": "the description of the twin does not fit its bytes"}, b""
