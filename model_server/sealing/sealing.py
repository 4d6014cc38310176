"""The sealing of a registry that exists, and its sealing again by a new key, page by page.

A registry that is not sealed yet gets a seal for each object that fits what it says. One that is sealed gets seals by the
present key for what an accepted key has sealed, and no others.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from changeover import digest
from changeover.exceptions import DigestMismatch, InvalidManifest, SealBroken, UnknownVersion
from changeover.json_types import JsonObject
from changeover.manifest.manifest import Manifest
from changeover.process.clock import now
from changeover.sealed.statement import ManifestNamed, digest_of
from model_server.exceptions import EntryUnsealed, ManifestUnsealed, NoRegistryKey, RecordUnreadable
from model_server.ledger.ledger import entry_of
from model_server.records import object_of, read_content
from model_server.sealing.seals import Seals
from model_server.versions.versions import LARGEST_MANIFEST, Versions
from object_store import keys
from object_store.bucket import Bucket
from object_store.exceptions import ObjectMissing

PAGE: Final = 200  # objects of one page
PAGE_S: Final = 5.0  # after which a page ends: an artifact of 1 GiB takes some seconds to hash


@dataclass
class Page:
    """The result of a page: how many objects got a seal, how many had one, and which got none; `next` is None at the end."""

    sealed: int = 0
    kept: int = 0
    refused: list[JsonObject] = field(default_factory=list)
    next: str | None = None

    def to_json(self) -> JsonObject:
        """The JSON form."""
        return {"sealed": self.sealed, "kept": self.kept, "refused": [*self.refused], "next": self.next}


class Sealing:
    """The sealing of the objects in one bucket."""

    def __init__(self, bucket: Bucket, seals: Seals, versions: Versions) -> None:
        self._bucket, self.seals, self._versions = bucket, seals, versions

    def page(self, model: str, after: str) -> Page:
        """Seal the objects of a model from after the key `after` on, manifests first; raises NoRegistryKey or StoreError."""
        if self.seals.key is None:
            raise NoRegistryKey("this model_server has no key to seal with: set REGISTRY_KEY_FILE, and restart it")
        page, until, last = Page(), now() + PAGE_S, ""
        for key in islice(self._keys(model, after), PAGE):
            last = key
            try:
                new = self._manifest(key) if keys.parse_manifest(key) else self._entry(key)
            except (
                DigestMismatch,
                InvalidManifest,
                RecordUnreadable,
                SealBroken,
                UnknownVersion,
                ObjectMissing,
            ) as error:
                page.refused.append({"key": key, "reason": str(error)})
            else:
                page.sealed, page.kept = page.sealed + new, page.kept + (not new)
            if now() >= until:
                break
        page.next = last or None
        return page

    def _keys(self, model: str, after: str) -> Iterator[str]:
        """The keys of manifests, then of ledger entries, from after the key `after` on."""
        prefixes = (keys.versions_prefix(model), keys.rollouts_prefix(model))
        for prefix in prefixes[1:] if after.startswith(prefixes[1]) else prefixes:
            for item in self._bucket.list(prefix, after if after.startswith(prefix) else None):
                if keys.parse_manifest(item.key) or keys.parse_rollout(item.key):
                    yield item.key

    def _manifest(self, key: str) -> bool:
        """Seal the manifest at `key`; whether it had no seal by the present key. Raises if it may not have one."""
        model, version, number = keys.parse_manifest(key) or ("", "", 0)
        content = read_content(self._bucket, key, LARGEST_MANIFEST)
        if self.seals.is_sealed_by_present_key(model, content):
            return False
        if self.seals.sealed:
            self.seals.of_manifest(key, content, model, version)  # by another accepted key
        else:
            self._check(Manifest.from_json(object_of(key, content)), key, first=number == 0)
        self.seals.seal_manifest(content, model, version, number, "seal")
        return True

    def _check(self, manifest: Manifest, key: str, *, first: bool) -> None:
        """Raise unless the manifest is that of its place, and its artifact and ONNX twin are those that it names."""
        model, version, _ = keys.parse_manifest(key) or ("", "", 0)
        if (manifest.model, manifest.version) != (model, version):
            raise InvalidManifest(f"{key} is the manifest of another version")
        if first:
            self._hash(keys.artifact_key(model, version), version)
        twin = (manifest.twin or {}).get("sha256")
        if isinstance(twin, str):
            self._hash(keys.twin_key(model, version, twin), twin)

    def _hash(self, key: str, sha256: str) -> None:
        with self._bucket.stream(key, self._bucket.stat(key)) as chunks:
            try:
                digest.verify_pieces(chunks, sha256)
            except DigestMismatch as error:
                raise DigestMismatch(f"{key}: {error}") from None

    def _entry(self, key: str) -> bool:
        """The same for the ledger entry at `key`."""
        model, sequence = keys.parse_rollout(key) or ("", 0)
        content = read_content(self._bucket, key)
        if self.seals.is_sealed_by_present_key(model, content):
            return False
        entry = entry_of(key, content, model, sequence)
        if self.seals.sealed:
            self.seals.of_entry(key, content, model, entry.current)
        self.seals.seal_entry(
            content, model, entry.current, self._named(model, entry.version), self._before(key), "seal"
        )
        return True

    def _named(self, model: str, version: str) -> ManifestNamed | None:
        try:
            return self._versions.named(model, version)
        except (UnknownVersion, ManifestUnsealed, InvalidManifest):
            return None  # its bytes are gone; the ledger keeps its rollouts

    def _before(self, key: str) -> str | None:
        """The SHA-256 of the stored entry before the one at `key`, None if there is none."""
        model, sequence = keys.parse_rollout(key) or ("", 0)
        if sequence <= keys.FIRST_SEQUENCE:
            return None
        try:
            return digest_of(read_content(self._bucket, keys.rollout_key(model, sequence - 1)))
        except (ObjectMissing, RecordUnreadable, EntryUnsealed):
            return None
