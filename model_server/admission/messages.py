"""The messages between model_server and an examining child process: the task and the verdict."""

import hashlib
from dataclasses import asdict, dataclass, field
from typing import Self

from changeover.exceptions import InvalidManifest
from changeover.json_types import Json, JsonObject
from changeover.manifest.manifest import Draft, Manifest


@dataclass(frozen=True)
class Task:
    """The task for one artifact: its size in bytes, the publisher's draft of the manifest, and limits.

    The child does not begin without the measures of confinement in `required`.
    """

    size: int
    draft: Draft
    memory_bytes: int
    cpu_seconds: int
    unpacked_bytes: int
    max_columns: int = 10_000
    required: list[str] = field(default_factory=list)
    extra_globals: list[str] = field(default_factory=list)
    allow_version_skew: bool = False
    twin: bool = False

    def to_json(self) -> JsonObject:
        """The JSON form that `from_json` reads."""
        return asdict(self) | {"draft": self.draft.to_json()}

    @classmethod
    def from_json(cls, body: dict[str, object]) -> Self:
        """The task of a JSON body. model_server wrote it, so only the publisher's draft is checked."""
        return cls(**{**body, "draft": Draft.from_json(body["draft"])})  # type: ignore[arg-type]


@dataclass(frozen=True)
class Admitted:
    """The verdict on an admitted artifact; `version` is the SHA-256 of the examined bytes.

    `twin` is the manifest's entry on the ONNX twin; `twin_bytes` is the twin, empty if there is none.
    """

    schema: JsonObject
    estimator: JsonObject
    classes: list[Json] | None
    golden: JsonObject | None
    environment: dict[str, str]
    warnings: list[str]
    version: str
    twin: JsonObject | None = None
    twin_bytes: bytes = b""


@dataclass(frozen=True)
class Refused:
    """The verdict on a refused artifact, with the reason as one sentence."""

    reason: str


def read_verdict(body: object) -> Admitted | Refused:
    """The verdict of the child, checked like a manifest: the child is not trusted. Raises InvalidManifest."""
    if not isinstance(body, dict):
        raise InvalidManifest("the verdict is no JSON object")
    reason = body.get("refused")
    if isinstance(reason, str):
        return Refused(reason[:2000])
    # the reader of manifests checks the members; it needs values for those that the child does not send
    checked = Manifest.from_json(
        {**body, "model": "model", "version": body.get("sha256"), "size": 0, "created_at": "now"}
    )
    return Admitted(
        schema=checked.schema,
        estimator=checked.estimator,
        classes=checked.classes,
        golden=checked.golden,
        environment=checked.environment,
        warnings=checked.warnings,
        version=checked.version,
    )


def read_twin(told: object, twin: bytes) -> tuple[JsonObject, bytes]:
    """The child's description of the ONNX twin, and its bytes; absent unless the description fits the bytes."""
    if isinstance(told, dict):
        reason, proof = told.get("absent"), told.get("proof")
        if isinstance(reason, str):
            return {"absent": reason[:2000]}, b""
        digest = hashlib.sha256(twin).hexdigest()
        if told.get("sha256") == digest and told.get("size") == len(twin) and isinstance(proof, dict):
            return {"sha256": digest, "size": len(twin), "proof": proof}, twin
    return {"absent": "what was said of the twin does not describe its bytes"}, b""
