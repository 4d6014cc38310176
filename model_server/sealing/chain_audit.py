"""The audit of the chains: it reads stored entries and manifests again and verifies them, a few in each step.

The ledger caches what it has read. So this is what finds an entry that was deleted, replaced or put back later.
"""

from dataclasses import dataclass, field
from typing import Final

from changeover.exceptions import InvalidManifest, UnknownVersion
from changeover.protocol.wire import Current
from changeover.sealed.chain import Link, breaks
from changeover.sealed.statement import EntryFacts
from changeover.sealed.subjects import manifest_name
from model_server.exceptions import EntryUnsealed, RecordUnreadable
from model_server.records import read_content
from model_server.sealing.seals import Seals
from model_server.versions.versions import Versions
from object_store import keys
from object_store.bucket import Bucket
from object_store.exceptions import ObjectMissing

LINKS: Final = 4  # entries in one step: each takes two reads of the store
REST_S: Final = 5.0  # between two walks over one chain


@dataclass
class _Walk:
    """The position in a model's chain: the last entry that was verified, None at the beginning or after a broken one."""

    begins_at: float = float("-inf")
    next: int = keys.FIRST_SEQUENCE
    before: Link | None = None
    versions: set[str] = field(default_factory=set)  # those whose manifests were verified in this walk


class ChainAudit:
    """The audit of the chains of all models, for one thread."""

    def __init__(self, bucket: Bucket, seals: Seals, versions: Versions) -> None:
        self._bucket, self._seals, self._versions = bucket, seals, versions
        self._walks: dict[str, _Walk] = {}

    def step(self, model: str, current: Current | None, time: float) -> None:
        """Verify the next entries of a model up to `current`, and later the first ones again; raises StoreError.

        `time` is in seconds of a clock that never steps.
        """
        if not self._seals.sealed or current is None:
            return
        walk = self._walks.setdefault(model, _Walk())
        if time < walk.begins_at:
            return
        for _ in range(LINKS):
            if walk.next > current.sequence:
                self._walks[model] = _Walk(time + REST_S)
                break
            walk.before = self._link(model, walk.next, walk.before)
            walk.next += 1
            if walk.before is not None and walk.before.facts.version not in walk.versions:
                walk.versions.add(walk.before.facts.version)
                self._look_at_manifest(model, walk.before.facts)
        self._look_at_reported(model, current.sequence)

    def _link(self, model: str, sequence: int, before: Link | None) -> Link | None:
        """The verified entry, None and a report if it is broken."""
        key = keys.rollout_key(model, sequence)
        try:
            content = read_content(self._bucket, key)
            link = self._seals.link(key, content, model, sequence)
        except ObjectMissing:
            self._seals.broken(key, f"{key}: it is gone, and the ledger goes on after it")
            return None
        except (RecordUnreadable, EntryUnsealed) as error:
            self._seals.broken(key, str(error))
            return None
        if before is None and sequence > keys.FIRST_SEQUENCE:
            self._seals.mended(key)
            return link  # the entry before it was reported
        reasons = [reason for _, reason in breaks([before, link] if before else [link])]
        if reasons:
            self._seals.broken(key, f"{key}: {reasons[0]}")
        else:
            self._seals.mended(key)
        return link

    def _look_at_manifest(self, model: str, facts: EntryFacts) -> None:
        """Read the manifest of a version that an entry made current; `Seals` reports what has no seal."""
        if facts.manifest is None:
            return
        key = manifest_name(model, facts.version, facts.manifest.number)
        try:
            stored = self._versions.read_stored(model, facts.version)
        except UnknownVersion:
            self._seals.broken(key, f"{key}: it is gone, and ledger entry {facts.sequence} names it")
            return
        except InvalidManifest:
            return
        if stored.number < facts.manifest.number:
            self._seals.broken(key, f"{key}: it is gone, and ledger entry {facts.sequence} names it")

    def _look_at_reported(self, model: str, newest: int) -> None:
        """Clear the reports about objects that were removed, unless the ledger needs them."""
        for key in self._seals.reported():
            parsed = keys.parse_rollout(key)
            of_manifest = keys.parse_manifest(key)
            if parsed is not None and (parsed[0] != model or parsed[1] <= newest):
                continue
            if parsed is None and (of_manifest is None or of_manifest[0] != model):
                continue
            try:
                self._bucket.stat(key)
            except ObjectMissing:
                self._seals.mended(key)
