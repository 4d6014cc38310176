"""The version to score with: its name resolved to a hash once, its manifest and its verified bytes, once a machine.

The copies are `CACHE_DIR/<model>/<sha256>.joblib`, `.onnx` (the ONNX twin) and `.json` (the manifest). One process
downloads under the lock of a file; each process checks the hash of what it reads.
"""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

from filelock import FileLock

from bulk_score.address import VersionAddress
from bulk_score.exceptions import NoSource
from changeover import digest
from changeover.client.download import download
from changeover.client.http import HttpCall
from changeover.exceptions import DigestMismatch, InvalidManifest, UnknownVersion
from changeover.json_types import JsonObject
from changeover.manifest.manifest import Manifest
from changeover.names import SHORTEST_PREFIX, check_model_name, normalize_version
from changeover.process.atomic_file import write_atomically
from object_store import keys
from object_store.bucket import Bucket

NOW: Final = "now"
_DOWNLOAD_SECONDS: Final = 60.0  # for the next bytes of a response
_LARGEST_MANIFEST: Final = 64 * 1024 * 1024


class Source(Protocol):
    """Where manifests and bytes of versions are."""

    def manifest(self, model: str, version: str) -> JsonObject:
        """The newest manifest of a version, as JSON."""

    def artifact(self, manifest: Manifest, into: Path) -> None:
        """Write the artifact into a file."""

    def twin(self, manifest: Manifest, into: Path) -> None:
        """Write the ONNX twin into a file."""


class ServerSource:
    """The versions of model_server. Not thread-safe."""

    def __init__(self, server_url: str, token: str = "", authorities: str = "") -> None:
        self._server = HttpCall(server_url, "model_server", token, _DOWNLOAD_SECONDS, authorities=authorities)

    def default_model(self) -> str:
        """The name of the default model."""
        return str(self._server.get("/models").get("default") or "default")

    def resolve(self, model: str, at: str) -> str:
        """The hash of the version that is current, was made current by a sequence number, or has this hash or prefix."""
        if at == NOW:
            return str(self._server.get(f"/models/{model}/current")["version"])
        if at.isascii() and at.isdigit() and len(at) < SHORTEST_PREFIX:
            rollout = self._server.get(f"/models/{model}/rollouts/{int(at)}")
            if rollout.get("state") != "committed":
                raise UnknownVersion(f"{model} has no committed rollout {at}: `changeover history` lists them")
            return str(rollout["version"])
        return str(self.manifest(model, normalize_version(at))["version"])

    def manifest(self, model: str, version: str) -> JsonObject:
        """The newest manifest of a version; raises ServiceRefused or ServiceUnreachable."""
        return self._server.get(f"/models/{model}/versions/{version}")

    def artifact(self, manifest: Manifest, into: Path) -> None:
        """Download the artifact; raises DigestMismatch."""
        download(self._server, f"/models/{manifest.model}/versions/{manifest.version}/artifact", into)

    def twin(self, manifest: Manifest, into: Path) -> None:
        """Download the ONNX twin; raises DigestMismatch."""
        download(self._server, f"/models/{manifest.model}/versions/{manifest.version}/twin", into)


class BucketSource:
    """The versions in a bucket, where no model_server can be reached."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def manifest(self, model: str, version: str) -> JsonObject:
        """The manifest with the highest number; raises UnknownVersion or StoreError."""
        found = (keys.parse_manifest(item.key) for item in self._bucket.list(keys.version_prefix(model, version)))
        numbers = [parsed[2] for parsed in found if parsed is not None]
        if not numbers:
            raise UnknownVersion(
                f"the bucket {self._bucket.name} has no version {version} of {model}: check both names"
            )
        body = json.loads(self._bucket.read(keys.manifest_key(model, version, max(numbers)), _LARGEST_MANIFEST))
        if not isinstance(body, dict):
            raise InvalidManifest(f"the manifest of {version} is no JSON object: publish the model again")
        return body

    def artifact(self, manifest: Manifest, into: Path) -> None:
        """Copy the artifact; raises StoreError."""
        self._copy(keys.artifact_key(manifest.model, manifest.version), into)

    def twin(self, manifest: Manifest, into: Path) -> None:
        """Copy the ONNX twin; raises StoreError."""
        self._copy(keys.twin_key(manifest.model, manifest.version, _twin_hash(manifest)), into)

    def _copy(self, key: str, into: Path) -> None:
        with self._bucket.stream(key, self._bucket.stat(key)) as chunks, into.open("wb") as file:
            file.writelines(chunks)


def resolve(
    *, server_url: str, token: str = "", model: str | None = None, at: str = NOW, authorities: str = ""
) -> tuple[str, str]:
    """The model's name and the whole hash of its version, asked of model_server once.

    `at` is `now`, a sequence number of the ledger, or a hash of eight digits or more. Raises ServiceRefused,
    ServiceUnreachable, InvalidVersion or UnknownVersion.
    """
    source = ServerSource(server_url, token, authorities)
    name = check_model_name(model) if model else source.default_model()
    return name, source.resolve(name, at)


def manifest_of(address: VersionAddress) -> Manifest:
    """The manifest of the version, from the cache or its source; raises InvalidManifest and the source's errors."""
    path = _path(address, ".json")
    with _lock(path):
        try:
            kept = Manifest.from_json(json.loads(path.read_bytes()))
        except (OSError, ValueError, InvalidManifest):
            kept = None
        if kept is not None and (kept.model, kept.version) == (address.model, address.version):
            return kept
        manifest = Manifest.from_json(_source(address).manifest(address.model, address.version))
        if (manifest.model, manifest.version) != (address.model, address.version):
            raise InvalidManifest(
                f"the manifest is that of {manifest.model} {manifest.version}, not of {address.version}"
            )
        write_atomically(path, json.dumps(manifest.to_json()).encode())
        return manifest


def artifact_of(address: VersionAddress, manifest: Manifest) -> bytes:
    """The verified bytes of the artifact; raises DigestMismatch and the source's errors."""
    return _verified(
        _path(address, ".joblib"), manifest.version, lambda into: _source(address).artifact(manifest, into)
    )


def twin_of(address: VersionAddress, manifest: Manifest) -> bytes:
    """The verified bytes of the ONNX twin that the manifest names, empty without one; raises as `artifact_of`."""
    expected = _twin_hash(manifest)
    if not expected:
        return b""
    return _verified(_path(address, ".onnx"), expected, lambda into: _source(address).twin(manifest, into))


def _twin_hash(manifest: Manifest) -> str:
    expected = (manifest.twin or {}).get("sha256")
    return expected if isinstance(expected, str) else ""


def _source(address: VersionAddress) -> Source:
    if address.server_url:
        return ServerSource(address.server_url, address.token, address.authorities)
    if address.store is not None:
        return BucketSource(Bucket(address.store.settings()))
    raise NoSource(f"nothing says where version {address.version} is: give server_url, or store")


def _verified(path: Path, expected: str, fetch: Callable[[Path], None]) -> bytes:
    """The bytes of the file at `path`, fetched if it is not there or does not match its hash."""
    with _lock(path):
        try:
            content = path.read_bytes()
            digest.verify(content, expected)
            return content
        except (OSError, DigestMismatch):
            path.unlink(missing_ok=True)
        with tempfile.TemporaryDirectory(prefix=".download-", dir=path.parent) as folder:
            part = Path(folder) / path.name
            fetch(part)
            content = part.read_bytes()
            digest.verify(content, expected)
            part.replace(path)
        return content


def _path(address: VersionAddress, suffix: str) -> Path:
    folder = Path(address.cache_dir) / check_model_name(address.model)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder / f"{normalize_version(address.version)}{suffix}"


def _lock(path: Path) -> FileLock:
    return FileLock(path.with_name(f"{path.name}.lock"))
