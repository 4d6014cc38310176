"""The manifest of a version for bulk scoring in a sealed registry: the newest one with a valid seal, kept with it."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from bulk_score.sealed_manifests import Candidate, sealed_manifest
from changeover.exceptions import SealBroken
from changeover.sealed.envelope import Envelope
from changeover.sealed.keys import SigningKey
from changeover.sealed.statement import PAYLOAD_TYPE, ManifestFacts, digest_of, payload
from changeover.sealed.trust import Trust

A = "a" * 64
OURS, OTHER = SigningKey.from_seed(b"1" * 32), SigningKey.from_seed(b"2" * 32)
TRUST = Trust(lambda: [OURS.public])


def content(description: str) -> bytes:
    body = {
        "model": "loan",
        "version": A,
        "size": 1,
        "created_at": "2026-01-01T00:00:00Z",
        "schema": {},
        "estimator": {},
    }
    return json.dumps({**body, "description": description}).encode()


def seal(body: bytes, number: int = 0, signer: SigningKey = OURS) -> Envelope:
    facts = ManifestFacts("loan", A, number, "2026-11-27T12:00:00Z", "admission")
    return signer.sign(PAYLOAD_TYPE, payload(digest_of(body), facts))


class Listed:
    """The candidates of a list; `asked` counts how often it was read."""

    def __init__(self, *candidates: Candidate) -> None:
        self._candidates, self.asked = candidates, 0

    def candidates(self, model: str, version: str, key_ids: Sequence[str]) -> Iterator[Candidate]:
        self.asked += 1
        yield from self._candidates


NEW, OLD = content("new"), content("old")


def test_the_first_one_with_a_valid_seal_is_used_and_kept(tmp_path: Path) -> None:
    source = Listed((NEW, None), (NEW, seal(NEW, 1, OTHER)), (OLD, seal(OLD)))
    for asked in (1, 1):
        assert sealed_manifest(source, "loan", A, TRUST, tmp_path / "m.json").description == "old"
        assert source.asked == asked


def test_a_kept_one_that_was_changed_is_read_again(tmp_path: Path) -> None:
    source, path = Listed((OLD, seal(OLD))), tmp_path / "m.json"
    sealed_manifest(source, "loan", A, TRUST, path)
    path.write_bytes(NEW)
    assert sealed_manifest(source, "loan", A, TRUST, path).description == "old"
    assert source.asked == 2


@pytest.mark.parametrize("candidates", [[], [(NEW, None)], [(NEW, seal(OLD))], [(NEW, seal(NEW, signer=OTHER))]])
def test_without_a_valid_seal_there_is_no_manifest(tmp_path: Path, candidates: list[Candidate]) -> None:
    with pytest.raises(SealBroken, match="manifest"):
        sealed_manifest(Listed(*candidates), "loan", A, TRUST, tmp_path / "m.json")
    assert list(tmp_path.iterdir()) == []
