"""The messages between model_server and an examining child process: the task and the verdict."""

import hashlib
from dataclasses import dataclass
from typing import Final

from msgspec import Struct

from changeover.exceptions import InvalidManifest
from changeover.json_types import Json, JsonObject
from changeover.manifest.manifest import Draft, Manifest
from changeover.protocol.wire import LONGEST_TEXT

# the members of a manifest that the child determines
EXAMINED: Final = ("schema", "estimator", "classes", "golden", "environment", "warnings")


class Task(Struct, frozen=True):
    """The task for one artifact: its size in bytes, the publisher's draft of the manifest, and limits.

    The child does not begin without the measures of confinement in `required`.
    """

    size: int
    draft: Draft
    memory_bytes: int
    cpu_seconds: int
    unpacked_bytes: int
    max_columns: int = 10_000
    required: list[str] = []
    extra_globals: list[str] = []
    allow_version_skew: bool = False
    twin: bool = False


@dataclass(frozen=True)
class Admitted:
    """An admitted artifact: the manifest of its version, and the bytes of its ONNX twin, empty if there is none.

    `manifest.version` is the SHA-256 of the examined bytes.
    """

    manifest: Manifest
    twin: bytes = b""


@dataclass(frozen=True)
class Refused:
    """The verdict on a refused artifact, with the reason as one sentence."""

    reason: str


def read_verdict(body: Json) -> JsonObject | Refused:
    """The members of the manifest that the child determined, unchecked; raises InvalidManifest."""
    if not isinstance(body, dict):
        raise InvalidManifest("the verdict is no JSON object")
    reason = body.get("refused")
    if isinstance(reason, str):
        return Refused(reason[:LONGEST_TEXT])
    return {"version": body.get("sha256"), **{name: body[name] for name in EXAMINED if name in body}}


def read_twin(body: Json, twin: bytes) -> tuple[JsonObject, bytes]:
    """The child's description of the ONNX twin, and its bytes; absent unless the description fits the bytes."""
    if isinstance(body, dict):
        reason, proof = body.get("absent"), body.get("proof")
        if isinstance(reason, str):
            return {"absent": reason[:LONGEST_TEXT]}, b""
        digest = hashlib.sha256(twin).hexdigest()
        if body.get("sha256") == digest and body.get("size") == len(twin) and isinstance(proof, dict):
            return {"sha256": digest, "size": len(twin), "proof": proof}, twin
    return {"absent": "the description of the twin does not fit its bytes"}, b""
