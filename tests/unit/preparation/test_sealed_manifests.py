"""The manifests of a sealed registry on a replica: from model_server, else from the disk cache, and never unverified."""

import json
from pathlib import Path

import pytest

from changeover.exceptions import SealBroken
from changeover.manifest.manifest import Manifest
from changeover.protocol.wire import Current
from changeover.sealed.envelope import Envelope
from changeover.sealed.keys import SigningKey
from changeover.sealed.statement import PAYLOAD_TYPE, ManifestFacts, digest_of, payload
from changeover.sealed.trust import Trust
from predict_api.exceptions import ArtifactUnavailable
from predict_api.preparation.disk_cache import Cache
from predict_api.preparation.sealed_manifests import SealedManifests
from predict_api.upstream.downloads import StoredManifest

A = "a" * 64
OURS, OTHER = SigningKey.from_seed(b"1" * 32), SigningKey.from_seed(b"2" * 32)


def stored(description: str, number: int = 0, signer: SigningKey | None = OURS) -> StoredManifest:
    manifest = Manifest("loan", A, 1, "2026-01-01T00:00:00Z", {}, {}, description=description)
    content = json.dumps(manifest.to_json(), indent=3).encode()  # its very bytes are sealed, not its meaning
    facts = ManifestFacts("loan", A, number, "2026-11-27T12:00:00Z", "admission")
    seal = signer.sign(PAYLOAD_TYPE, payload(digest_of(content), facts)) if signer else None
    return StoredManifest(manifest, content, seal)


class Server:
    """What model_server sends; None: it is away."""

    def __init__(self, sends: StoredManifest | None) -> None:
        self.sends = sends

    def stored_manifest(self, version: str) -> StoredManifest:
        if self.sends is None:
            raise ArtifactUnavailable("it is away")
        return self.sends


def manifests(server: Server, folder: Path, *keys: SigningKey) -> SealedManifests:
    trust = Trust(lambda: [key.public for key in keys or (OURS,)])
    return SealedManifests("loan", server, Cache(folder), trust)


def test_a_sealed_manifest_is_used_and_kept_for_a_restart(tmp_path: Path) -> None:
    server = Server(stored("one"))
    assert manifests(server, tmp_path).newest(A, 0).description == "one"
    server.sends = None
    assert manifests(server, tmp_path).newest(A, 0).description == "one"
    assert manifests(server, tmp_path).kept(A, 0).description == "one"


@pytest.mark.parametrize("sent", [stored("two", signer=None), stored("two", signer=OTHER)])
def test_one_without_a_valid_seal_is_refused_and_the_kept_one_is_used(tmp_path: Path, sent: StoredManifest) -> None:
    server = Server(sent)
    with pytest.raises(SealBroken, match="manifest"):
        manifests(server, tmp_path).newest(A, 0)
    assert list(tmp_path.rglob("*.json")) == []
    server.sends = stored("one")
    manifests(server, tmp_path).newest(A, 0)
    server.sends = sent
    assert manifests(server, tmp_path).newest(A, 0).description == "one"


def test_an_older_one_than_the_ledger_names_is_refused_from_both(tmp_path: Path) -> None:
    server = Server(stored("two", 1))
    assert manifests(server, tmp_path).newest(A, 1).description == "two"
    server.sends = stored("one", 0)
    with pytest.raises(SealBroken):
        manifests(server, tmp_path / "empty").newest(A, 1)
    with pytest.raises(SealBroken):
        manifests(server, tmp_path).newest(A, 2)
    assert manifests(server, tmp_path).newest(A, 1).description == "two"


def test_a_file_of_the_cache_that_was_changed_counts_as_none(tmp_path: Path) -> None:
    server = Server(stored("one"))
    manifests(server, tmp_path).newest(A, 0)
    path = tmp_path / "loan" / f"{A}.json"
    path.write_bytes(path.read_bytes().replace(b"one", b"two"))
    with pytest.raises(SealBroken):
        manifests(server, tmp_path).kept(A, 0)
    path.with_suffix(".seal").unlink()
    with pytest.raises(SealBroken):
        manifests(server, tmp_path).kept(A, 0)


def test_a_key_that_was_removed_counts_no_more_for_what_is_kept(tmp_path: Path) -> None:
    server = Server(stored("one"))
    manifests(server, tmp_path, OURS, OTHER).newest(A, 0)
    with pytest.raises(SealBroken):
        manifests(server, tmp_path, OTHER).kept(A, 0)


def test_the_cache_keeps_the_seal_of_the_current_entry(tmp_path: Path) -> None:
    cache, current = Cache(tmp_path), Current(3, A)
    seal = Envelope.read(OURS.sign("t", b"x").encode())
    cache.keep_current("loan", current, seal)
    assert (cache.current("loan"), cache.seal("loan", current)) == (current, seal)
    assert cache.seal("loan", Current(2, A)) is None
    cache.keep_current("loan", Current(4, A))
    assert (cache.current("loan"), cache.seal("loan", Current(4, A))) == (Current(4, A), None)
    assert Cache(None).seal("loan", current) is None
