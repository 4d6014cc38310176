"""The artifact of pinned mode: the file in MODEL_FILE that has the SHA-256 of MODEL_SHA256, and the manifest beside it.

A platform mounts the artifact: SageMaker at /opt/ml/model, KServe at /mnt/models. Nothing is read from bytes with
another hash.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from changeover import digest
from changeover.exceptions import DigestMismatch, InvalidManifest, InvalidSetting
from changeover.manifest.manifest import Draft, Manifest
from changeover.names import short
from predict_api.exceptions import ArtifactRefused, ArtifactUnavailable

MANIFEST: Final = "manifest.json"
_NAMED: Final = 5  # files in one message


@dataclass(frozen=True)
class PinnedFile:
    """The artifact at `path`, whose SHA-256 is `version`."""

    path: Path
    version: str

    @classmethod
    def find(cls, path: Path, version: str) -> "PinnedFile":
        """The file at `path`, or in the folder `path`, that has the SHA-256 `version`; raises InvalidSetting."""
        try:
            files = [path] if not path.is_dir() else sorted(file for file in path.iterdir() if file.is_file())
            hashes = {file: _sha256(file) for file in files if file.name != MANIFEST or file == path}
        except OSError as error:
            raise InvalidSetting(f"MODEL_FILE: {error.filename or path} cannot be read: {error.strerror}") from error
        for file, sha256 in hashes.items():
            if sha256 == version:
                return cls(file, version)
        seen = ", ".join(f"{file.name} ({short(sha256)})" for file, sha256 in list(hashes.items())[:_NAMED])
        raise InvalidSetting(
            f"MODEL_FILE: {path} does not have the bytes of MODEL_SHA256 {version}. There is {seen or 'no file'}; "
            f"correct one of the two"
        )

    def read(self) -> bytes:
        """The verified bytes; raises ArtifactUnavailable or ArtifactRefused."""
        try:
            content = self.path.read_bytes()
            digest.verify(content, self.version)
        except OSError as error:
            raise ArtifactUnavailable(f"{self.path} cannot be read: {error.strerror}") from error
        except DigestMismatch as error:
            raise ArtifactRefused(f"{self.path} has changed since the start: {error}") from error
        return content

    def described(self) -> "Described":
        """What `manifest.json` in the same folder says of the artifact; raises InvalidSetting."""
        path = self.path.with_name(MANIFEST)
        try:
            body = json.loads(path.read_bytes())
        except FileNotFoundError:
            return Described(Draft())
        except (OSError, ValueError) as error:
            raise InvalidSetting(f"{path}, beside the artifact of MODEL_FILE, cannot be read: {error}") from error
        try:
            if not isinstance(body, dict) or "version" not in body:
                return Described(Draft.from_json(body))
            manifest = Manifest.from_json(body)
        except InvalidManifest as error:
            raise InvalidSetting(f"{path}, beside the artifact of MODEL_FILE: {error}") from error
        if manifest.version != self.version:
            raise InvalidSetting(
                f"{path}, beside the artifact of MODEL_FILE, is the manifest of version {short(manifest.version)}, and "
                f"MODEL_SHA256 is {short(self.version)}: put the right one there, or none"
            )
        return Described(_draft(manifest), manifest)


@dataclass(frozen=True)
class Described:
    """The description of an artifact: the draft of its manifest, and the manifest itself if it was published before."""

    draft: Draft
    published: Manifest | None = None

    def completed(self, examined: Manifest) -> Manifest:
        """The manifest of the examination, with the origin that the published one has."""
        published = self.published
        if published is None:
            return examined
        return replace(
            examined,
            created_at=published.created_at,
            provenance=published.provenance,
            schema_by=published.schema_by,
            golden_by=published.golden_by,
            updated_at=published.updated_at,
        )


def _draft(manifest: Manifest) -> Draft:
    return Draft(
        schema=manifest.schema,
        metrics=manifest.metrics,
        environment=manifest.environment,
        golden=manifest.golden,
        description=manifest.description,
        evaluation=manifest.evaluation,
        outputs=manifest.outputs,
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
