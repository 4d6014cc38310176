"""The verification of seals: each way in which a seal can be false is refused, with the object's key."""

import base64
import json
from collections.abc import Callable

import pytest

from changeover.exceptions import SealBroken
from changeover.protocol.wire import Current
from changeover.sealed.chain import Link, breaks
from changeover.sealed.envelope import Envelope
from changeover.sealed.key_file import keys_in
from changeover.sealed.keys import SigningKey
from changeover.sealed.statement import PAYLOAD_TYPE, EntryFacts, ManifestFacts, ManifestNamed, digest_of, payload
from changeover.sealed.trust import Trust
from object_store import keys

A, B = "a" * 64, "b" * 64
OURS, OTHER = SigningKey.from_seed(b"1" * 32), SigningKey.from_seed(b"2" * 32)
TRUST = Trust(lambda: [OURS.public])
NOW = "2026-11-27T12:00:00Z"
MANIFEST_KEY, ENTRY_KEY = f"versions/loan/{A}/manifest.json", "rollouts/loan/00000002.json"
CONTENT = b'{"model": "loan"}'
MANIFEST = ManifestFacts("loan", A, 0, NOW, "admission")
ENTRY = EntryFacts("loan", 2, A, ManifestNamed(0, digest_of(CONTENT)), B, NOW, "rollout")


def sealed(facts: ManifestFacts | EntryFacts, content: bytes = CONTENT, signer: SigningKey = OURS) -> Envelope:
    return signer.sign(PAYLOAD_TYPE, payload(digest_of(content), facts))


def renamed(facts: ManifestFacts | EntryFacts, name: str) -> Envelope:
    body = payload(digest_of(CONTENT), facts).replace(facts.name.encode(), name.encode())
    return OURS.sign(PAYLOAD_TYPE, body)


def manifest(envelope: Envelope | None, content: bytes = CONTENT, least: int = 0, key: str = MANIFEST_KEY) -> object:
    return TRUST.manifest(content, envelope, "loan", A, least, key)


def test_what_was_sealed_is_accepted() -> None:
    assert manifest(sealed(MANIFEST)) == manifest(sealed(MANIFEST), key="") == MANIFEST
    assert TRUST.entry(sealed(ENTRY), "loan", Current(2, A)) == ENTRY
    assert TRUST.entry(sealed(ENTRY), "loan", Current(2, A), CONTENT) == ENTRY


def test_the_names_of_subjects_are_the_keys_of_the_bucket() -> None:
    assert (MANIFEST.name, ENTRY.name) == (MANIFEST_KEY, ENTRY_KEY)
    later = ManifestFacts("loan", A, 12, NOW, "admission")
    assert later.name == keys.manifest_key("loan", A, 12)
    assert (MANIFEST.name, ENTRY.name) == (keys.manifest_key("loan", A), keys.rollout_key("loan", 2))


@pytest.mark.parametrize(
    "refused",
    [
        lambda: manifest(None),
        lambda: manifest(sealed(MANIFEST, signer=OTHER)),
        lambda: manifest(sealed(MANIFEST), content=b"{}"),
        lambda: manifest(renamed(MANIFEST, "versions/loan/x/manifest.json")),
        lambda: manifest(sealed(ManifestFacts("loan", A, 7, NOW, "admission"))),  # of another number
        lambda: manifest(sealed(ManifestFacts("fraud", A, 0, NOW, "admission"))),
        lambda: manifest(sealed(ManifestFacts("loan", B, 0, NOW, "admission"))),
        lambda: manifest(sealed(MANIFEST), least=1),
        lambda: manifest(sealed(ENTRY)),
        lambda: manifest(OURS.sign("application/json", payload(digest_of(CONTENT), MANIFEST))),
        lambda: manifest(OURS.sign(PAYLOAD_TYPE, b"[]")),
        lambda: manifest(OURS.sign(PAYLOAD_TYPE, b"\xff")),
    ],
)
def test_a_manifest_that_is_not_the_sealed_one_is_refused_by_its_key(refused: Callable[[], object]) -> None:
    with pytest.raises(SealBroken, match=MANIFEST_KEY):
        refused()


@pytest.mark.parametrize(
    "refused",
    [
        lambda: TRUST.entry(None, "loan", Current(2, A)),
        lambda: TRUST.entry(sealed(ENTRY), "loan", Current(2, B)),
        lambda: TRUST.entry(sealed(MANIFEST), "loan", Current(2, A)),
        lambda: TRUST.entry(renamed(ENTRY, "rollouts/loan/00000003.json"), "loan", Current(2, A)),
        lambda: TRUST.entry(sealed(ENTRY), "loan", Current(2, A), b"{}"),
    ],
)
def test_an_entry_that_is_not_the_sealed_one_is_refused_by_its_key(refused: Callable[[], object]) -> None:
    with pytest.raises(SealBroken, match=ENTRY_KEY):
        refused()


def test_an_entry_of_another_model_or_number_is_refused_by_the_key_that_was_asked_for() -> None:
    with pytest.raises(SealBroken, match="rollouts/fraud/00000002"):
        TRUST.entry(sealed(ENTRY), "fraud", Current(2, A))
    with pytest.raises(SealBroken, match="rollouts/loan/00000003"):
        TRUST.entry(sealed(ENTRY), "loan", Current(3, A))


def test_a_key_id_is_a_hint_and_never_a_reason_to_believe() -> None:
    forged = sealed(MANIFEST, signer=OTHER)
    named = json.loads(forged.encode())
    named["signatures"][0]["keyid"] = OURS.id
    with pytest.raises(SealBroken):
        manifest(Envelope.read(json.dumps(named).encode()))
    honest = json.loads(sealed(MANIFEST).encode())
    honest["signatures"] = [{"sig": base64.b64encode(b"x" * 64).decode()}, {"sig": honest["signatures"][0]["sig"]}]
    assert manifest(Envelope.read(json.dumps(honest).encode())) == MANIFEST


def test_a_key_counts_within_its_times_and_a_removed_one_never() -> None:
    keys = keys_in(f"{OURS.public.text} until=2026-11-27T12:00:00Z\n{OTHER.public.text}")
    trust = Trust(lambda: keys)
    late = ManifestFacts("loan", A, 0, "2026-11-27T12:00:01Z", "admission")
    assert trust.manifest(CONTENT, sealed(MANIFEST), "loan", A) == MANIFEST
    with pytest.raises(SealBroken, match="was not valid"):
        trust.manifest(CONTENT, sealed(late), "loan", A)
    assert trust.manifest(CONTENT, sealed(late, signer=OTHER), "loan", A) == late
    del keys[0]
    with pytest.raises(SealBroken, match="none of the keys"):
        trust.manifest(CONTENT, sealed(MANIFEST), "loan", A)


def link(sequence: int, before: str | None, sha256: str = "") -> Link:
    facts = EntryFacts("loan", sequence, A, ManifestNamed(0, A), before, NOW, "rollout")
    return Link(sha256 or f"{sequence:064x}", facts)


def of(sequence: int) -> str:
    return f"{sequence:064x}"


@pytest.mark.parametrize(
    ("links", "broken"),
    [
        ([link(1, None), link(2, of(1)), link(3, of(2))], []),
        ([link(5, of(4)), link(6, of(5))], []),  # its beginning is elsewhere
        ([link(1, of(0))], [1]),
        ([link(2, None)], [2]),
        ([link(1, None), link(3, of(2))], [3]),  # deleted
        ([link(1, None), link(2, of(7)), link(3, of(2))], [2]),  # the entry before it was replaced
        ([link(1, None), link(1, None)], [1]),  # replayed
    ],
)
def test_a_chain_breaks_where_an_entry_is_missing_replaced_or_replayed(links: list[Link], broken: list[int]) -> None:
    assert [sequence for sequence, _ in breaks(links)] == broken
