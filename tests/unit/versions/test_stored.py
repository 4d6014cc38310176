"""The manifests in memory that replicas have asked for: sealed ones, a bounded number, never an older one."""

from changeover.manifest.manifest import Manifest
from changeover.sealed.envelope import Envelope, Signature
from model_server.versions.stored import LARGEST, MOST, Recent, StoredManifest

SEAL = Envelope("", "t", (Signature(""),))


def stored(index: int, number: int = 0, content: bytes = b"{}", seal: Envelope | None = SEAL) -> StoredManifest:
    manifest = Manifest("loan", f"{index:064x}", 1, "2026-01-01T00:00:00Z", {}, {})
    return StoredManifest(number, manifest, content, seal)


def test_one_that_is_kept_is_found_unless_a_newer_one_is_known() -> None:
    recent = Recent()
    recent.keep(stored(1, 2))
    assert recent.find("loan", f"{1:064x}", 2) == stored(1, 2)
    assert recent.find("loan", f"{1:064x}", 3) is None
    assert recent.find("fraud", f"{1:064x}", 0) is None


def test_one_without_a_seal_or_a_large_one_is_not_kept() -> None:
    recent = Recent()
    recent.keep(stored(1, seal=None))
    recent.keep(stored(2, content=b"x" * (LARGEST + 1)))
    assert [recent.find("loan", f"{index:064x}", 0) for index in (1, 2)] == [None, None]


def test_the_oldest_ones_go() -> None:
    recent = Recent()
    for index in range(MOST + 5):
        recent.keep(stored(index))
    kept = [index for index in range(MOST + 5) if recent.find("loan", f"{index:064x}", 0)]
    assert kept == list(range(5, MOST + 5))
