"""The versions of each model in the bucket: names, manifests, artifacts, and rejected uploads.

A manifest is never overwritten: an update has the next number, which one writer creates. This process caches the newest
manifest of each version, and sees the update of another process when it lists the versions, or updates one itself. The same
holds for the tombstones of versions whose bytes were removed (`model_server/versions/tombstones.py`).
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial

from msgspec.structs import replace

from changeover import digest
from changeover.exceptions import InvalidManifest, UnknownVersion
from changeover.json_types import JsonObject
from changeover.manifest.manifest import Manifest
from changeover.names import MODEL_NAME, is_version, resolve_version
from changeover.process.clock import rfc3339, utc_now
from changeover.protocol.wire import LONGEST_TEXT, VersionState
from model_server.exceptions import RecordUnreadable
from model_server.problems import Problems
from model_server.records import Unreadable, read_object, read_record
from model_server.versions.spool import Spooled
from model_server.versions.tombstones import Tombstones
from model_server.versions.version_index import Rejection, VersionIndex
from object_store import keys
from object_store.bucket import Bucket, Created, ObjectInfo
from object_store.exceptions import ObjectMissing, StoreError
from object_store.rejected_names import rejected_names

_LARGEST_MANIFEST = 64 * 1024 * 1024


class Versions:
    """The versions and rejections in the bucket. Thread-safe."""

    def __init__(self, bucket: Bucket, problems: Problems) -> None:
        self._bucket = bucket
        self._unreadable = Unreadable(problems)
        self._manifests: dict[tuple[str, str], tuple[int, Manifest]] = {}
        self._lock = threading.Lock()  # of the manifests
        self.index = VersionIndex()
        self.tombstones = Tombstones(bucket)

    def models(self) -> list[str]:
        """Every model that has a version, admitted or rejected; raises StoreError."""
        below = (keys.VERSIONS, keys.REJECTED)
        names = {folder.removeprefix(top).rstrip("/") for top in below for folder in self._bucket.folders(top)}
        return sorted(model for model in names if MODEL_NAME.fullmatch(model))

    def names(self, model: str) -> list[str]:
        """Every version of `model`, unordered; raises StoreError."""
        return list(self._numbers(keys.versions_prefix(model)))

    def _numbers(self, prefix: str) -> dict[str, int]:
        """The number of the newest manifest of each version below `prefix`; raises StoreError."""
        numbers: dict[str, list[int]] = {}
        others: list[ObjectInfo] = []
        for item in self._bucket.list(prefix):
            parsed = keys.parse_manifest(item.key)
            if parsed is not None:
                numbers.setdefault(parsed[1], []).append(parsed[2])
            else:
                others.append(item)
        self.tombstones.listed(others)
        return {version: max(every) for version, every in numbers.items() if 0 in every}

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
        return self.newest_manifest(model, version)[1] if known is None else known[1]

    def with_bytes(self, model: str, version: str) -> Manifest:
        """The manifest of a version whose bytes are there; raises VersionRemoved, or as `manifest` does."""
        manifest = self.manifest(model, version)
        self.tombstones.refuse(model, version)
        return manifest

    def newest_manifest(self, model: str, version: str) -> tuple[int, Manifest]:
        """The newest manifest of a version in the bucket and its number; raises as `manifest` does."""
        number = self._numbers(keys.version_prefix(model, version)).get(version)
        if number is None:
            raise _unknown(model, version)
        return number, self._numbered(model, version, number)

    def _numbered(self, model: str, version: str, number: int) -> Manifest:
        """The manifest with this number, or a newer one; raises as `manifest` does."""
        known = self._manifests.get((model, version))
        if known is not None and known[0] >= number:
            return known[1]
        manifest = self._read(model, version, number)
        self._keep(manifest, number)
        return manifest

    def _read(self, model: str, version: str, number: int) -> Manifest:
        """The manifest with this number in the bucket; raises as `manifest` does."""
        key = keys.manifest_key(model, version, number)
        try:
            manifest = Manifest.from_json(read_object(self._bucket, key, _LARGEST_MANIFEST))
        except RecordUnreadable as error:
            raise InvalidManifest(str(error)) from error
        except ObjectMissing:
            raise _unknown(model, version) from None
        if (manifest.model, manifest.version) != (model, version):
            raise InvalidManifest(f"{key} is the manifest of another version")
        return manifest

    def _keep(self, manifest: Manifest, number: int) -> None:
        """Cache a manifest, unless a newer one is cached."""
        version = manifest.model, manifest.version
        with self._lock:
            if version not in self._manifests or self._manifests[version][0] < number:
                self._manifests[version] = number, manifest
                self.index.add(manifest)

    def manifests(self, model: str) -> list[Manifest]:
        """Every version's manifest, newest first; raises StoreError."""
        readers = [
            (keys.manifest_key(model, version, number), partial(self._numbered, model, version, number))
            for version, number in self._numbers(keys.versions_prefix(model)).items()
        ]
        manifests = self._unreadable.readable(keys.versions_prefix(model), readers)
        return sorted(manifests, key=lambda manifest: manifest.created_at, reverse=True)

    def fill_index(self, model: str) -> None:
        """Add to the index every version and rejection that it lacks; caches no manifest. Raises StoreError."""
        numbers = self._numbers(keys.versions_prefix(model))
        lacking = self.index.missing(model, set(numbers))
        readers = [
            (keys.manifest_key(model, version, numbers[version]), partial(self._read, model, version, numbers[version]))
            for version in lacking
        ]
        for manifest in self._unreadable.readable(keys.versions_prefix(model), readers):
            self.index.add(manifest)
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

    def add_again(self, spooled: Spooled, manifest: Manifest, twin: bytes, number: int, by: str) -> bool:
        """Write the bytes of a removed version, `manifest` as the next one after `number`, then the return of the version.

        A manifest that says nothing new is not written. False if another writer was first. Call it with the lock of the
        version. Raises StoreError: then the version is still removed, and the next publish of its bytes goes on.
        """
        model, version = manifest.model, manifest.version
        self._bucket.create_from_file(
            keys.artifact_key(model, version), spooled.path, spooled.size, "application/octet-stream"
        )
        if twin:
            self._bucket.create(keys.twin_key(model, version, digest.sha256(twin)), twin)
        stored = self._numbered(model, version, number)
        if replace(manifest, updated_at=stored.updated_at) != stored and not self.update(manifest, number):
            return False
        self.tombstones.give_back(model, version, by, utc_now())
        return True

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
        created = self._create(manifest, number + 1, twin)
        if created is Created.NO:
            return False
        if created is Created.MAYBE_OURS and self._numbered(manifest.model, manifest.version, number + 1) != manifest:
            return False
        self._keep(manifest, number + 1)
        return True

    def _create(self, manifest: Manifest, number: int, twin: bytes) -> Created:
        model, version = manifest.model, manifest.version
        if twin:
            self._bucket.create(keys.twin_key(model, version, digest.sha256(twin)), twin)
        body = json.dumps(manifest.to_json(), allow_nan=False, indent=1).encode()
        return self._bucket.create(keys.manifest_key(model, version, number), body, "application/json")

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
