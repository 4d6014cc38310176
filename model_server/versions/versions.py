"""The versions of each model in the bucket: names, manifests, artifacts, and rejected uploads.

A manifest is never overwritten: an update has the next number, which one writer creates. This process caches the newest
manifest of each version, and sees the update of another process when it lists the versions, or updates one itself.
"""

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial

from msgspec.structs import replace

from changeover import digest
from changeover.exceptions import InvalidManifest, UnknownVersion
from changeover.json_types import JsonObject
from changeover.manifest.manifest import Manifest
from changeover.names import MODEL_NAME, is_version, resolve_version
from changeover.process.clock import rfc3339
from changeover.protocol.wire import LONGEST_TEXT, VersionState
from changeover.sealed.statement import ManifestNamed, digest_of
from model_server.exceptions import ManifestUnsealed, RecordUnreadable
from model_server.problems import Problems
from model_server.records import Unreadable, object_of, read_content, read_object, read_record
from model_server.sealing.seals import Seals
from model_server.versions.spool import Spooled
from model_server.versions.stored import Recent, StoredManifest
from model_server.versions.version_index import Rejection, VersionIndex
from object_store import keys
from object_store.bucket import Bucket, Created, ObjectInfo
from object_store.exceptions import ObjectMissing, StoreError
from object_store.rejected_names import rejected_names

LARGEST_MANIFEST = 64 * 1024 * 1024


@dataclass(frozen=True)
class _Known:
    """A manifest in memory, and the SHA-256 of its bytes in the bucket."""

    number: int
    manifest: Manifest
    sha256: str


class Versions:
    """The versions and rejections in the bucket. Thread-safe."""

    def __init__(self, bucket: Bucket, problems: Problems, seals: Seals | None = None) -> None:
        self._bucket = bucket
        self._unreadable = Unreadable(problems)
        self._seals = seals or Seals(bucket)
        self._manifests: dict[tuple[str, str], _Known] = {}
        self._lock = threading.Lock()  # of the manifests
        self._recent = Recent()
        self.index = VersionIndex()

    def models(self) -> list[str]:
        """Every model that has a version, admitted or rejected; raises StoreError."""
        below = (keys.VERSIONS, keys.REJECTED)
        names = {folder.removeprefix(top).rstrip("/") for top in below for folder in self._bucket.folders(top)}
        return sorted(model for model in names if MODEL_NAME.fullmatch(model))

    def names(self, model: str) -> list[str]:
        """Every version of `model`, unordered; raises StoreError."""
        return list(self._numbers(keys.versions_prefix(model)))

    def _numbers(self, prefix: str) -> dict[str, Sequence[int]]:
        """The numbers of the manifests of each version below `prefix`, the newest first; raises StoreError."""
        numbers: dict[str, list[int]] = {}
        for item in self._bucket.list(prefix):
            parsed = keys.parse_manifest(item.key)
            if parsed is not None:
                numbers.setdefault(parsed[1], []).append(parsed[2])
        return {version: sorted(every, reverse=True) for version, every in numbers.items() if 0 in every}

    def resolve(self, model: str, text: str) -> str:
        """The version that `text`, a SHA-256 or a unique prefix, names.

        Raises InvalidVersion, UnknownVersion, AmbiguousVersion or StoreError.
        """
        if is_version(text):
            return self.manifest(model, text).version
        return resolve_version(text, self.names(model), model)

    def manifest(self, model: str, version: str) -> Manifest:
        """The manifest of a version; raises UnknownVersion, InvalidManifest or StoreError."""
        known = self._manifests.get((model, version))
        return self.newest_manifest(model, version)[1] if known is None else known.manifest

    def newest_manifest(self, model: str, version: str) -> tuple[int, Manifest]:
        """The newest manifest of a version in the bucket, and the highest number there; raises as `manifest` does.

        In a sealed registry, an object without a seal may have a higher number than the manifest.
        """
        numbers = self._numbers(keys.version_prefix(model, version)).get(version)
        if numbers is None:
            raise _unknown(model, version)
        return numbers[0], self._numbered(model, version, numbers)

    def named(self, model: str, version: str) -> ManifestNamed:
        """The number and the digest of the newest manifest of a version; raises as `manifest` does."""
        self.manifest(model, version)
        known = self._manifests[model, version]
        return ManifestNamed(known.number, known.sha256)

    def stored(self, model: str, version: str) -> StoredManifest:
        """The newest manifest of a version as it is stored, often from memory; raises as `manifest` does."""
        known = self._manifests.get((model, version))
        stored = self._recent.find(model, version, known.number if known else 0)
        if stored is None:
            stored = self.read_stored(model, version)
            self._recent.keep(stored)
        return stored

    def read_stored(self, model: str, version: str) -> StoredManifest:
        """The same from the bucket."""
        numbers = self._numbers(keys.version_prefix(model, version)).get(version)
        if numbers is None:
            raise _unknown(model, version)
        return self._first_sealed(model, version, numbers)

    def _numbered(self, model: str, version: str, numbers: Sequence[int]) -> Manifest:
        """The newest manifest with one of these numbers, or a newer one; raises as `manifest` does."""
        known = self._manifests.get((model, version))
        if known is not None and known.number >= numbers[0]:
            return known.manifest
        stored = self._first_sealed(model, version, numbers)
        self._keep(stored)
        return stored.manifest

    def _first_sealed(self, model: str, version: str, numbers: Sequence[int]) -> StoredManifest:
        """The first of these manifests; in a sealed registry the first with a seal. Raises as `manifest` does."""
        unsealed: ManifestUnsealed | None = None
        for number in numbers:
            try:
                return self._read(model, version, number)
            except ManifestUnsealed as error:
                unsealed = unsealed or error
        raise unsealed or _unknown(model, version)

    def _read(self, model: str, version: str, number: int) -> StoredManifest:
        """The manifest with this number in the bucket; raises as `manifest` does."""
        key = keys.manifest_key(model, version, number)
        try:
            content = read_content(self._bucket, key, LARGEST_MANIFEST)
            seal = self._seals.of_manifest(key, content, model, version)
            manifest = Manifest.from_json(object_of(key, content))
        except RecordUnreadable as error:
            raise InvalidManifest(str(error)) from error
        except ObjectMissing:
            raise _unknown(model, version) from None
        if (manifest.model, manifest.version) != (model, version):
            raise InvalidManifest(f"{key} is the manifest of another version")
        return StoredManifest(number, manifest, content, seal)

    def _keep(self, stored: StoredManifest) -> None:
        """Cache a manifest, unless a newer one is cached."""
        version = stored.manifest.model, stored.manifest.version
        with self._lock:
            if version not in self._manifests or self._manifests[version].number < stored.number:
                self._manifests[version] = _Known(stored.number, stored.manifest, digest_of(stored.content))
                self.index.add(stored.manifest)

    def manifests(self, model: str) -> list[Manifest]:
        """Every version's manifest, newest first; raises StoreError."""
        readers = [
            (keys.manifest_key(model, version, numbers[0]), partial(self._numbered, model, version, numbers))
            for version, numbers in self._numbers(keys.versions_prefix(model)).items()
        ]
        manifests = self._unreadable.readable(keys.versions_prefix(model), readers)
        return sorted(manifests, key=lambda manifest: manifest.created_at, reverse=True)

    def fill_index(self, model: str) -> None:
        """Add to the index every version and rejection that it lacks; caches no manifest. Raises StoreError."""
        numbers = self._numbers(keys.versions_prefix(model))
        lacking = self.index.missing(model, set(numbers))
        readers = [
            (
                keys.manifest_key(model, version, numbers[version][0]),
                partial(self._first_sealed, model, version, numbers[version]),
            )
            for version in lacking
        ]
        for stored in self._unreadable.readable(keys.versions_prefix(model), readers):
            self.index.add(stored.manifest)
        for item in self._bucket.list(keys.rejected_prefix(model)):
            parsed = keys.parse_rejected(item.key)
            if parsed is None or not parsed.is_reason or self.index.knows_rejection(model, parsed.name):
                continue
            with suppress(RecordUnreadable, ObjectMissing):  # `rejections` reports them
                self.index.add_rejection(self._rejection(model, parsed.name, item))
        self.index.completed(model)

    def add(self, spooled: Spooled, manifest: Manifest, twin: bytes = b"") -> Manifest:
        """Write the artifact and the ONNX twin, then the manifest, which makes the version exist. Idempotent."""
        model, version = manifest.model, manifest.version
        with self._doubted(model):
            self._bucket.create_from_file(
                keys.artifact_key(model, version), spooled.path, spooled.size, "application/octet-stream"
            )
            self._create(manifest, 0, twin)
            return self.manifest(model, version)

    @contextmanager
    def _doubted(self, model: str) -> Iterator[None]:
        """Have the index read the bucket again if the store fails within this block."""
        try:
            yield
        except StoreError:
            self.index.doubt(model)
            raise

    def update(self, manifest: Manifest, number: int, twin: bytes = b"") -> bool:
        """Write the ONNX twin, then `manifest` as the next one after `number`; False if another writer was first."""
        created, stored = self._create(manifest, number + 1, twin)
        if created is Created.NO:
            return False
        if created is Created.MAYBE_OURS and self._numbered(manifest.model, manifest.version, [number + 1]) != manifest:
            return False
        self._keep(stored)
        return True

    def _create(self, manifest: Manifest, number: int, twin: bytes) -> tuple[Created, StoredManifest]:
        """Write the ONNX twin, the seal of the manifest, and the manifest."""
        model, version = manifest.model, manifest.version
        if twin:
            self._bucket.create(keys.twin_key(model, version, digest.sha256(twin)), twin)
        key, body = (
            keys.manifest_key(model, version, number),
            json.dumps(manifest.to_json(), allow_nan=False, indent=1).encode(),
        )
        self._seals.seal_manifest(body, model, version, number)
        created = self._bucket.create(key, body, "application/json")
        return created, StoredManifest(number, manifest, body, None)

    def rejections(self, model: str) -> list[Rejection]:
        """Every upload that failed admission, newest first; raises StoreError."""
        readers = [
            (item.key, partial(self._rejection, model, parsed.name, item))
            for item in self._bucket.list(keys.rejected_prefix(model))
            if (parsed := keys.parse_rejected(item.key)) is not None and parsed.is_reason
        ]
        rejections = self._unreadable.readable(keys.rejected_prefix(model), readers)
        return sorted(rejections, key=lambda rejection: rejection.created_at, reverse=True)

    def _rejection(self, model: str, name: str, item: ObjectInfo) -> Rejection:
        """The rejection recorded in the object `item`; raises RecordUnreadable or another StoreError."""
        defaults: JsonObject = {"name": name, "created_at": rfc3339(item.last_modified)}
        state = VersionState.REJECTED.value
        return read_record(self._bucket, item.key, Rejection, defaults, model=model, state=state, metrics={})

    def reject(self, spooled: Spooled, rejection: Rejection) -> Rejection:
        """Keep a rejected upload and its reason, and overwrite no earlier one. Returns it with the name it got.

        Raises StoreError.
        """
        with self._doubted(rejection.model):
            return self._reject(spooled, rejection)

    def _reject(self, spooled: Spooled, rejection: Rejection) -> Rejection:
        names = rejected_names(rejection.name, rejection.version)
        for name in names:
            kept = replace(rejection, name=name, reason=rejection.reason[:LONGEST_TEXT])
            reason = keys.reason_key(rejection.model, name)
            if name != names[-1] and self._version_in(reason) not in {None, rejection.version}:
                continue
            key = keys.rejected_key(rejection.model, name)
            self._bucket.create_from_file(key, spooled.path, spooled.size, "application/octet-stream")
            self._bucket.create(reason, json.dumps(kept.to_json(), indent=1).encode(), "application/json")
            self.index.add_rejection(kept)
            return kept
        return rejection

    def _version_in(self, reason_key: str) -> str | None:
        """The version in an existing reason record: None without a record, an empty string for an unreadable one."""
        try:
            return str(read_object(self._bucket, reason_key).get("version", ""))
        except ObjectMissing:
            return None
        except RecordUnreadable:
            return ""


def _unknown(model: str, version: str) -> UnknownVersion:
    return UnknownVersion(f"model {model!r} has no version {version}; see GET /models/{model}/versions")
