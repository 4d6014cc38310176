"""The seals of this registry: written before each manifest and ledger entry, and verified with each read of one.

The registry is sealed for this process if it has public keys (`trust`). It signs if it has the private key.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from changeover.exceptions import SealBroken
from changeover.process import log_events
from changeover.process.clock import utc_now
from changeover.protocol.wire import Current
from changeover.sealed.chain import Link
from changeover.sealed.envelope import LARGEST, Envelope
from changeover.sealed.statement import (
    PAYLOAD_TYPE,
    By,
    EntryFacts,
    ManifestFacts,
    ManifestNamed,
    digest_of,
    payload,
)
from changeover.sealed.trust import Trust
from model_server import metrics
from model_server.exceptions import EntryUnsealed, LedgerBelowFloor, ManifestUnsealed
from model_server.problems import Problems, Topic
from model_server.sealing.floors import NOTHING, Floor, Floors
from object_store.bucket import Bucket
from object_store.exceptions import ObjectMissing, ObjectTooLarge
from object_store.seal_keys import seal_key

if TYPE_CHECKING:
    from changeover.sealed.keys import SigningKey

Facts = TypeVar("Facts", ManifestFacts, EntryFacts)


class Seals:
    """The seals in one bucket. Thread-safe. Without keys it writes none and finds none."""

    def __init__(
        self,
        bucket: Bucket,
        problems: Problems | None = None,
        key: "SigningKey | None" = None,
        trust: Trust | None = None,
        floors: Floors | None = None,
    ) -> None:
        self._bucket = bucket
        self._problems = problems or Problems()
        self.key = key
        self.trust = trust
        self._floors = floors or Floors(None)

    @property
    def signs(self) -> bool:
        """Whether this process signs what it writes."""
        return self.key is not None

    @property
    def sealed(self) -> bool:
        """Whether this process follows nothing without a seal."""
        return self.trust is not None

    def seal_manifest(self, content: bytes, model: str, version: str, number: int, by: By = "admission") -> None:
        """Write the seal of the manifest `content`, which will be stored with this number; raises StoreError."""
        self._write(content, ManifestFacts(model, version, number, utc_now(), by))

    def seal_entry(
        self,
        content: bytes,
        model: str,
        current: Current,
        manifest: ManifestNamed | None,
        before: str | None,
        by: By = "rollout",
    ) -> None:
        """Write the seal of the ledger entry `content`; raises StoreError.

        `before` is the SHA-256 of the stored entry before it.
        """
        facts = EntryFacts(model, current.sequence, current.version, manifest, before, utc_now(), by)
        self._write(content, facts)

    def is_sealed_by_present_key(self, model: str, content: bytes) -> bool:
        """Whether the object with these bytes has a valid seal by the private key of this process; raises StoreError."""
        if self.key is None:
            return False
        with suppress(ObjectMissing, ObjectTooLarge, SealBroken):
            envelope = self._read(model, digest_of(content), self.key.id)
            return self.key.public.has_signed(envelope)
        return False

    def stored(self, model: str, content: bytes) -> Iterator[Envelope]:
        """The seals in the bucket of the object with these bytes, by the keys that count, not verified."""
        ours = [self.key.id] if self.key else []
        for key_id in dict.fromkeys([*ours, *(self.trust.key_ids if self.trust else [])]):
            with suppress(ObjectMissing, ObjectTooLarge, SealBroken):
                yield self._read(model, digest_of(content), key_id)

    def _read(self, model: str, sha256: str, key_id: str) -> Envelope:
        return Envelope.read(self._bucket.read(seal_key(model, sha256, key_id), LARGEST))

    def restore(self, model: str, content: bytes, envelope: Envelope) -> None:
        """Write a seal again that the bucket has lost; raises StoreError."""
        for signature in envelope.signatures[:1]:
            self._bucket.create(
                seal_key(model, digest_of(content), signature.keyid), envelope.encode(), "application/json"
            )

    def of_manifest(self, key: str, content: bytes, model: str, version: str) -> Envelope | None:
        """The seal of the manifest `content` at `key`; None without one, if the registry is not sealed.

        Raises ManifestUnsealed or StoreError.
        """

        def check(trust: Trust, envelope: Envelope | None) -> ManifestFacts:
            return trust.manifest(content, envelope, model, version, key=key)

        try:
            return self._verified(model, key, content, check)
        except SealBroken as error:
            raise ManifestUnsealed(str(error)) from error

    def of_entry(self, key: str, content: bytes, model: str, current: Current) -> Envelope | None:
        """The seal of the ledger entry `content` at `key`; None without one, if the registry is not sealed.

        Raises EntryUnsealed or StoreError.
        """

        def check(trust: Trust, envelope: Envelope | None) -> EntryFacts:
            return trust.entry(envelope, model, current, content)

        try:
            return self._verified(model, key, content, check)
        except SealBroken as error:
            raise EntryUnsealed(str(error)) from error

    def link(self, key: str, content: bytes, model: str, sequence: int) -> Link:
        """The link of the chain that the entry `content` at `key` is, in a sealed registry.

        A report about it stays, since the chain may be broken there. Raises EntryUnsealed or StoreError.
        """
        links: list[Link] = []

        def check(trust: Trust, envelope: Envelope | None) -> EntryFacts:
            links.append(trust.link(envelope, model, sequence, content))
            return links[-1].facts

        try:
            self._verified(model, key, content, check, mends=False)
        except SealBroken as error:
            raise EntryUnsealed(str(error)) from error
        return links[-1]

    def reported(self) -> list[str]:
        """The keys of the objects that are reported now."""
        return self._problems.about(Topic.SEAL)

    def broken(self, key: str, reason: str) -> None:
        """Report an object without a valid seal, once, on `/readyz` and in the log."""
        if self._problems.set(Topic.SEAL, f"{reason}. It is not followed; restore it, or remove it", key):
            metrics.SEALS_BROKEN.inc()
            log_events.event("seal.broken", level="error", key=key, reason=reason)

    def mended(self, key: str) -> None:
        """Clear the report about an object."""
        if self._problems.clear(Topic.SEAL, key):
            log_events.event("seal.mended", key=key)

    def floor(self, model: str) -> Floor:
        """The newest entry that was verified; nothing is below it in a registry that is not sealed."""
        return self._floors.of(model) if self.sealed else NOTHING

    def check_floor(self, model: str, newest: Floor) -> None:
        """Lift the floor to `newest`, which was verified; raises LedgerBelowFloor if it is below the floor."""
        floor = self.floor(model)
        if newest.sequence < floor.sequence or (newest.sequence == floor.sequence and newest != floor):
            raise LedgerBelowFloor(
                f"the ledger of {model!r} ends with {newest.sequence}, and {floor.sequence} (SHA-256 {floor.sha256}) was "
                f"verified here before: restore rollouts/{model}/{floor.sequence:08d}.json and the entries before it"
            )
        if self.sealed:
            self._floors.lift(model, newest)

    def _write(self, content: bytes, facts: ManifestFacts | EntryFacts) -> None:
        if self.key is None:
            return
        sha256 = digest_of(content)
        envelope = self.key.sign(PAYLOAD_TYPE, payload(sha256, facts))
        self._bucket.create(seal_key(facts.model, sha256, self.key.id), envelope.encode(), "application/json")

    def _verified(
        self,
        model: str,
        key: str,
        content: bytes,
        check: Callable[[Trust, Envelope | None], Facts],
        *,
        mends: bool = True,
    ) -> Envelope | None:
        """The first seal that passes; raises SealBroken if none does, after it reported it."""
        trust, broken = self.trust, SealBroken(f"{key}: there is no seal of these bytes")
        for envelope in self.stored(model, content):
            if trust is None:
                return envelope
            try:
                check(trust, envelope)
            except SealBroken as error:
                broken = error
                continue
            if mends:
                self.mended(key)
            return envelope
        if trust is None:
            return None
        self.broken(key, str(broken))
        raise broken
