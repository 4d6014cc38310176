"""What parent and child of an examination say to each other, both ways."""

import hashlib
from dataclasses import asdict, dataclass, field
from typing import Self

from changeover.exceptions import InvalidManifest
from changeover.json_types import Json, JsonObject
from changeover.manifest.manifest import Draft, Manifest


@dataclass(frozen=True)
class Task:
    """One artifact to examine: its size in bytes, what its publisher says, and what may be used up.

    `required` are the measures of confinement without which the child must not begin.
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
        """The JSON form, read back by `from_json`."""
        return asdict(self) | {"draft": self.draft.to_json()}

    @classmethod
    def from_json(cls, body: dict[str, object]) -> Self:
        """Read a task; the parent wrote it, so only the draft is checked."""
        return cls(**{**body, "draft": Draft.from_json(body["draft"])})  # type: ignore[arg-type]


@dataclass(frozen=True)
class Admitted:
    """An artifact that is a model; `version` is the SHA-256 of the very bytes that were examined.

    `twin` is what the manifest says of it, `twin_bytes` the twin itself where there is one.
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
    """An artifact that is none, with the reason as one sentence."""

    reason: str


def read_verdict(body: object) -> Admitted | Refused:
    """What the child said, believed only in the shape of a manifest; raises InvalidManifest."""
    if not isinstance(body, dict):
        raise InvalidManifest("the verdict is no JSON object")
    reason = body.get("refused")
    if isinstance(reason, str):
        return Refused(reason[:2000])
    # whatever a manifest holds is checked by the manifest's own reader
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
    """What the child said of a twin, and its bytes, believed only if the one describes the other."""
    if isinstance(told, dict):
        reason, proof = told.get("absent"), told.get("proof")
        if isinstance(reason, str):
            return {"absent": reason[:2000]}, b""
        digest = hashlib.sha256(twin).hexdigest()
        if told.get("sha256") == digest and told.get("size") == len(twin) and isinstance(proof, dict):
            return {"sha256": digest, "size": len(twin), "proof": proof}, twin
    return {"absent": "what was said of the twin does not describe its bytes"}, b""
