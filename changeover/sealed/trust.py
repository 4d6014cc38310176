"""The verification of seals, by the public keys that the operator has given.

Each check raises SealBroken, whose message names the object by its key in the bucket.
"""

from collections.abc import Callable, Iterable, Sequence

from changeover.exceptions import SealBroken
from changeover.protocol.wire import Current
from changeover.sealed.envelope import Envelope
from changeover.sealed.keys import PublicKey
from changeover.sealed.statement import EntryFacts, Facts, ManifestFacts, digest_of, facts_in


class Trust:
    """The keys whose seals count; `keys` gives those of this moment."""

    def __init__(self, keys: Callable[[], Sequence[PublicKey]]) -> None:
        self._keys = keys

    @property
    def key_ids(self) -> list[str]:
        """The ids of the keys."""
        return [key.id for key in self._keys()]

    def manifest(
        self, key: str, content: bytes, envelope: Envelope | None, model: str, version: str, at_least: int = 0
    ) -> ManifestFacts:
        """The facts about the manifest at `key` with these bytes; `at_least` is the lowest number that is taken."""
        facts = self._facts(ManifestFacts, key, envelope, digest_of(content))
        if (facts.model, facts.version) != (model, version):
            raise SealBroken(f"{key}: its seal is that of {facts.model} {facts.version}")
        if facts.number < at_least:
            raise SealBroken(f"{key}: the ledger names manifest {at_least} of this version, this is an older one")
        return facts

    def entry(self, key: str, envelope: Envelope | None, model: str, current: Current) -> EntryFacts:
        """The facts about the ledger entry at `key` by its seal alone, which make `current` current."""
        return self._of(key, self._facts(EntryFacts, key, envelope, None), model, current)

    def stored_entry(
        self, key: str, content: bytes, envelope: Envelope | None, model: str, current: Current
    ) -> EntryFacts:
        """The facts about the ledger entry at `key` with these bytes."""
        return self._of(key, self._facts(EntryFacts, key, envelope, digest_of(content)), model, current)

    def _of(self, key: str, facts: EntryFacts, model: str, current: Current) -> EntryFacts:
        if (facts.model, facts.sequence, facts.version) != (model, current.sequence, current.version):
            raise SealBroken(
                f"{key}: its seal is that of sequence {facts.sequence} of {facts.model}, version {facts.version}; "
                f"asked was sequence {current.sequence} of {model}, version {current.version}"
            )
        return facts

    def _facts(self, kind: type[Facts], key: str, envelope: Envelope | None, sha256: str | None) -> Facts:
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

    def _likely_first(self, envelope: Envelope) -> Iterable[PublicKey]:
        """The keys, those that the envelope names first: a key id is a hint."""
        named = {signature.keyid for signature in envelope.signatures}
        return sorted(self._keys(), key=lambda public: public.id not in named)
