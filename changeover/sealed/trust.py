"""The verification of seals, by the public keys that the operator has given.

Each check raises SealBroken, whose message names the object by its key in the bucket.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from changeover.exceptions import SealBroken
from changeover.process.log_events import event
from changeover.protocol.wire import Current
from changeover.sealed.chain import Link
from changeover.sealed.envelope import Envelope
from changeover.sealed.statement import EntryFacts, Facts, ManifestFacts, ReceiptFacts, digest_of, facts_in
from changeover.sealed.subjects import entry_name, manifest_name

if TYPE_CHECKING:
    from changeover.sealed.keys import PublicKey


class Trust:
    """The keys whose seals count; `keys` gives those of this moment."""

    def __init__(self, keys: "Callable[[], Sequence[PublicKey]]") -> None:
        self._keys = keys

    @property
    def key_ids(self) -> list[str]:
        """The ids of the keys."""
        return [key.id for key in self._keys()]

    def manifest(
        self, content: bytes, envelope: Envelope | None, model: str, version: str, at_least: int = 0, key: str = ""
    ) -> ManifestFacts:
        """The facts about the manifest of a version with these bytes.

        `at_least` is the lowest number that is taken, `key` the key of the object, if it is known.
        """
        name = key or manifest_name(model, version)
        facts = self._facts(ManifestFacts, name, envelope, digest_of(content))
        if (facts.model, facts.version) != (model, version) or (
            key and key != manifest_name(model, version, facts.number)
        ):
            raise SealBroken(f"{name}: its seal is that of {manifest_name(facts.model, facts.version, facts.number)}")
        if facts.number < at_least:
            raise SealBroken(f"{name}: the ledger names manifest {at_least} of this version, this is {facts.number}")
        return facts

    def entry(
        self, envelope: Envelope | None, model: str, current: Current, content: bytes | None = None
    ) -> EntryFacts:
        """The facts about the ledger entry that makes `current` current: by its seal, and by its bytes if they are given."""
        facts = self._entry(envelope, model, current.sequence, None if content is None else digest_of(content))
        if facts.version != current.version:
            raise SealBroken(f"{facts.name}: its seal is that of version {facts.version}, not of {current.version}")
        return facts

    def link(self, envelope: Envelope | None, model: str, sequence: int, content: bytes) -> Link:
        """The link of the chain that the ledger entry with these bytes is."""
        sha256 = digest_of(content)
        return Link(sha256, self._entry(envelope, model, sequence, sha256))

    def receipt(self, envelope: Envelope) -> ReceiptFacts:
        """The facts of a receipt."""
        return self._facts(ReceiptFacts, "the receipt", envelope, None)

    def _entry(self, envelope: Envelope | None, model: str, sequence: int, sha256: str | None) -> EntryFacts:
        name = entry_name(model, sequence)
        facts = self._facts(EntryFacts, name, envelope, sha256)
        if (facts.model, facts.sequence) != (model, sequence):
            raise SealBroken(f"{name}: its seal is that of {facts.name}")
        return facts

    def _facts(self, kind: type[Facts], key: str, envelope: Envelope | None, sha256: str | None) -> Facts:
        """The facts about the object that is called `key` in errors."""
        if envelope is None:
            raise SealBroken(f"{key}: it has no seal")
        signers = [public for public in self._likely_first(envelope) if public.has_signed(envelope)]
        if not signers:
            named = ", ".join(signature.keyid[:16] for signature in envelope.signatures)
            raise SealBroken(
                f"{key}: its seal is by none of the keys in REGISTRY_KEYS_FILE (it names {named or 'none'})"
            )
        facts = facts_in(envelope, kind, key, sha256)
        if not any(public.allows(facts.sealed_at) for public in signers):
            raise SealBroken(f"{key}: its seal is of {facts.sealed_at}, when its key was not valid")
        return facts

    def _likely_first(self, envelope: Envelope) -> "Iterable[PublicKey]":
        """The keys, those that the envelope names first: a key id is a hint."""
        named = {signature.keyid for signature in envelope.signatures}
        return sorted(self._keys(), key=lambda public: public.id not in named)


def trust_of(path: Path | None) -> Trust | None:
    """The trust in the keys of REGISTRY_KEYS_FILE, which is read again after a change.

    None without a file, and if it says that the registry is not sealed yet. Raises InvalidKeyFile.
    """
    if path is None:
        return None
    # its library takes 20 ms and 10 MB, which a registry without seals saves
    from changeover.sealed.key_file import KeyFile, says_unsealed

    if says_unsealed(path):
        event("registry.unsealed", level="warning", reason=f"{path} says so: seals do not count (docs/sealed.md)")
        return None
    file = KeyFile(path)
    return Trust(lambda: file.keys)
