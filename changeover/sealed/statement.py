"""The statement of a seal (in-toto Statement v1): which stored object, and what its content means.

The subject is the key of the object and the SHA-256 of its bytes. `docs/sealed.md` describes the predicates.
"""

from typing import Annotated, Final, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from changeover import digest
from changeover.exceptions import SealBroken
from changeover.names import VERSION
from changeover.sealed.envelope import Envelope
from changeover.sealed.subjects import entry_name, manifest_name

PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
_STATEMENT: Final = "https://in-toto.io/Statement/v1"
MANIFEST: Final = "urn:changeover:seal:manifest:v1"
RECEIPT: Final = "urn:changeover:receipt:v1"
ENTRY: Final = "urn:changeover:seal:ledger-entry:v1"

_Sha256 = Annotated[str, Meta(pattern=rf"\A{VERSION.pattern}\Z")]
_Int = Annotated[int, Meta(ge=0, lt=10**18)]
By = Literal["admission", "rollout", "seal"]


class ManifestNamed(Struct, frozen=True):
    """A manifest as a ledger entry names it: its number, and the SHA-256 of its stored bytes."""

    number: _Int
    sha256: _Sha256


class ManifestFacts(Struct, frozen=True):
    """The predicate of a manifest: the manifest with `number` of `version`."""

    model: str
    version: _Sha256
    number: _Int
    sealed_at: str
    by: By

    @property
    def name(self) -> str:
        """The name of the subject."""
        return manifest_name(self.model, self.version, self.number)


class EntryFacts(Struct, frozen=True):
    """The predicate of a ledger entry.

    `manifest` is None if the version was gone when `changeover seal` found the entry. `before` is the SHA-256 of the stored entry
    before it, None if it is the first.
    """

    model: str
    sequence: _Int
    version: _Sha256
    manifest: ManifestNamed | None
    before: _Sha256 | None
    sealed_at: str
    by: By

    @property
    def name(self) -> str:
        """The name of the subject."""
        return entry_name(self.model, self.sequence)


class ReceiptFacts(Struct, frozen=True):
    """The predicate of a receipt: which version gave an answer, to which inputs.

    `inputs` and `answer` are digests (`changeover/sealed/receipt.py`), `stale` as the header of the answer.
    """

    model: str
    version: _Sha256
    sequence: _Int
    answered_at: str
    replica: str
    request: str
    runtime: str
    rows: _Int
    inputs: _Sha256
    answer: _Sha256
    stale: bool = False

    @property
    def name(self) -> str:
        """The name of the subject."""
        return f"answers/{self.model}/{self.request}"

    @property
    def sealed_at(self) -> str:
        """The time of the signature."""
        return self.answered_at


AnyFacts = ManifestFacts | EntryFacts | ReceiptFacts


class Subject(Struct, frozen=True):
    """The sealed object: its key in the bucket, and the digest of its bytes."""

    name: str
    digest: dict[str, str]


Facts = TypeVar("Facts", ManifestFacts, EntryFacts, ReceiptFacts)
_TYPES: Final[dict[type, str]] = {ManifestFacts: MANIFEST, EntryFacts: ENTRY, ReceiptFacts: RECEIPT}


class _Statement(Struct, frozen=True, rename={"kind": "_type", "predicate_type": "predicateType"}):
    kind: str
    subject: tuple[Subject, ...]
    predicate_type: str
    predicate: msgspec.Raw


def payload(sha256: str, facts: AnyFacts) -> bytes:
    """The payload of the seal of an object whose bytes have this SHA-256."""
    predicate = msgspec.Raw(msgspec.json.encode(facts))
    subject = (Subject(facts.name, {"sha256": sha256}),)
    return msgspec.json.encode(_Statement(_STATEMENT, subject, _TYPES[type(facts)], predicate))


def facts_in(envelope: Envelope, kind: type[Facts], key: str, sha256: str | None = None) -> Facts:
    """The facts in an envelope that was verified, about the object with this SHA-256 if it is given.

    The subject has the name that the facts give it. Raises SealBroken; its message calls the object `key`.
    """
    if envelope.payload_type != PAYLOAD_TYPE:
        raise SealBroken(f"{key}: its seal has a payload of another type, {envelope.payload_type!r}")
    try:
        statement = msgspec.json.decode(envelope.body, type=_Statement)
        if (statement.kind, statement.predicate_type) != (_STATEMENT, _TYPES[kind]):
            raise SealBroken(f"{key}: its seal is about something else, {statement.predicate_type[:100]!r}")
        facts = msgspec.json.decode(statement.predicate, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise SealBroken(f"{key}: the statement of its seal cannot be read: {error}") from error
    names = [subject.name for subject in statement.subject]
    if names != [facts.name]:
        raise SealBroken(f"{key}: its seal is that of {', '.join(names)[:300]}, and its facts are about {facts.name}")
    signed = statement.subject[0].digest.get("sha256")
    if sha256 is not None and signed != sha256:
        raise SealBroken(f"{key}: its bytes are not those that were sealed (SHA-256 {sha256}, sealed was {signed})")
    return facts


def digest_of(content: bytes) -> str:
    """The SHA-256 of a stored object, in hex digits."""
    return digest.sha256(content)
