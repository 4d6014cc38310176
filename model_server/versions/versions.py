"""The versions of each model in the bucket: names, manifests, artifacts, and rejected uploads.

Manifests never change, so this process caches them.
"""

import json
from functools import partial

import msgspec
from msgspec.structs import replace

from changeover import digest
from changeover.exceptions import InvalidManifest, UnknownVersion
from changeover.json_types import JsonObject
from changeover.manifest.manifest import Manifest
from changeover.names import MODEL_NAME, is_version, resolve_version
from changeover.process.clock import rfc3339
from changeover.protocol.wire import LONGEST_TEXT, VersionState
from model_server.exceptions import RecordUnreadable
from model_server.problems import Problems
from model_server.records import Unreadable, read_object, read_record
from model_server.versions.spool import Spooled
from object_store import keys
from object_store.bucket import Bucket, ObjectInfo
from object_store.exceptions import ObjectMissing

_LARGEST_MANIFEST = 64 * 1024 * 1024


class Rejection(msgspec.Struct, frozen=True, kw_only=True):
    """An upload that failed admission: the JSON body of a rejected version, and the content of `<name>.reason.json`."""

    model: str
    name: str
    version: str = ""
    state: str = VersionState.REJECTED.value
    size: int = 0
    created_at: str
    metrics: dict[str, float] = {}
    reason: str = ""

    def to_json(self) -> JsonObject:
        """The JSON form."""
        body: JsonObject = msgspec.to_builtins(self)
        return body


class Versions:
    """The versions and rejections in the bucket. Thread-safe."""

    def __init__(self, bucket: Bucket, problems: Problems) -> None:
        self._bucket = bucket
        self._unreadable = Unreadable(problems)
        self._manifests: dict[tuple[str, str], Manifest] = {}

    def models(self) -> list[str]:
        """Every model that has a version, admitted or rejected; raises StoreError."""
        below = (keys.VERSIONS, keys.REJECTED)
        names = {folder.removeprefix(top).rstrip("/") for top in below for folder in self._bucket.folders(top)}
        return sorted(model for model in names if MODEL_NAME.fullmatch(model))

    def names(self, model: str) -> list[str]:
        """Every version of `model`, unordered; raises StoreError."""
        parsed = (keys.parse_manifest(item.key) for item in self._bucket.list(keys.versions_prefix(model)))
        return [key[1] for key in parsed if key is not None]

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
        if known is None:
            try:
                members = read_object(self._bucket, keys.manifest_key(model, version), _LARGEST_MANIFEST)
            except RecordUnreadable as error:
                raise InvalidManifest(str(error)) from error
            except ObjectMissing:
                raise UnknownVersion(
                    f"model {model!r} has no version {version}; see GET /models/{model}/versions"
                ) from None
            known = Manifest.from_json(members)
            if (known.model, known.version) != (model, version):
                raise InvalidManifest(f"{keys.manifest_key(model, version)} is the manifest of another version")
            self._manifests[model, version] = known
        return known

    def manifests(self, model: str) -> list[Manifest]:
        """Every version's manifest, newest first; raises StoreError."""
        readers = [(keys.manifest_key(model, name), partial(self.manifest, model, name)) for name in self.names(model)]
        manifests = self._unreadable.readable(keys.versions_prefix(model), readers)
        return sorted(manifests, key=lambda manifest: manifest.created_at, reverse=True)

    def add(self, spooled: Spooled, manifest: Manifest, twin: bytes = b"") -> Manifest:
        """Write the artifact and the ONNX twin, then the manifest, which makes the version exist. Idempotent."""
        model, version = manifest.model, manifest.version
        self._bucket.create_from_file(
            keys.artifact_key(model, version), spooled.path, spooled.size, "application/octet-stream"
        )
        if twin:
            self._bucket.create(keys.twin_key(model, version, digest.sha256(twin)), twin)
        body = json.dumps(manifest.to_json(), allow_nan=False, indent=1).encode()
        self._bucket.create(keys.manifest_key(model, version), body, "application/json")
        return self.manifest(model, version)

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
        names = keys.rejected_names(rejection.name, rejection.version)
        for name in names:
            kept = replace(rejection, name=name, reason=rejection.reason[:LONGEST_TEXT])
            reason = keys.reason_key(rejection.model, name)
            if name != names[-1] and self._version_in(reason) not in {None, rejection.version}:
                continue
            key = keys.rejected_key(rejection.model, name)
            self._bucket.create_from_file(key, spooled.path, spooled.size, "application/octet-stream")
            self._bucket.create(reason, json.dumps(kept.to_json(), indent=1).encode(), "application/json")
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
