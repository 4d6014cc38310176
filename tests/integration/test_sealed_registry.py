"""A sealed registry against a client that may write anything into its bucket, and has no key."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from changeover.protocol.wire import RolloutState
from changeover.sealed.keys import SigningKey
from object_store import keys
from object_store.bucket import Bucket
from object_store.seal_keys import FORGED, SEALS
from tests.conftest import wait_until
from tests.integration.sealed_server import (
    MODEL,
    alarm,
    current,
    forge_entry,
    no_alarm,
    problems,
    published,
    rolled,
    sealed_server,
)
from tests.processes.model_server import ModelServer
from tests.processes.store import Store


@pytest.fixture
def sealed(seaweed: Store, seaweed_bucket: Bucket, tmp_path: Path) -> Iterator[ModelServer]:
    server, _ = sealed_server(seaweed, seaweed_bucket.name, tmp_path)
    with server:
        yield server


def restarted(server: ModelServer) -> None:
    server.end()
    server.start()


def test_what_model_server_writes_has_a_seal_and_outlasts_a_restart(
    sealed: ModelServer, seaweed_bucket: Bucket
) -> None:
    first, second = rolled(sealed, 1), rolled(sealed, 2)
    assert len({first, second}) == 2
    assert len(list(seaweed_bucket.list(f"{SEALS}{MODEL}/"))) == 4  # two manifests, two entries
    restarted(sealed)
    assert current(sealed) == (2, second)
    assert sealed.get(f"/models/{MODEL}/current").json()["seal"]["payloadType"] == "application/vnd.in-toto+json"
    assert problems(sealed) == {}


@pytest.mark.parametrize("beyond", [1, 2, keys.LAST_SEQUENCE - 1])
def test_a_forged_entry_is_never_followed_and_stops_no_roll(
    sealed: ModelServer, seaweed_bucket: Bucket, beyond: int
) -> None:
    """Fault 81: a well-formed entry under the next number, or a far one."""
    first, second = rolled(sealed, 1), published(sealed, 2)
    key = forge_entry(seaweed_bucket, 1 + beyond, second)
    alarm(sealed, key)
    assert current(sealed) == (1, first)
    restarted(sealed)
    assert current(sealed) == (1, first)
    alarm(sealed, key)
    answer = sealed.roll(second).json()
    assert (answer["state"], answer["sequence"]) == (RolloutState.COMMITTED, 2)
    if beyond == 1:
        assert next(item.key for item in seaweed_bucket.list(FORGED)).startswith(f"{FORGED}{MODEL}/00000002-")
        assert sealed.events("ledger.forged_entry_replaced")[0]["key"] == key
        no_alarm(sealed)
    restarted(sealed)
    assert current(sealed) == (2, second)


@pytest.mark.parametrize("body", [b"no json", b"[" * 60_000, b"x" * 200_000])
def test_an_object_that_is_no_entry_stops_no_roll(sealed: ModelServer, seaweed_bucket: Bucket, body: bytes) -> None:
    rolled(sealed, 1)
    second = published(sealed, 2)
    seaweed_bucket.create(keys.rollout_key(MODEL, 2), body)
    alarm(sealed, keys.rollout_key(MODEL, 2))
    assert sealed.roll(second).json()["state"] == RolloutState.COMMITTED


def test_a_replayed_entry_is_an_alarm(sealed: ModelServer, seaweed_bucket: Bucket) -> None:
    """Fault 81: an honest entry under another number."""
    rolled(sealed, 1)
    second = rolled(sealed, 2)
    replayed = seaweed_bucket.read(keys.rollout_key(MODEL, 1), 100_000)
    seaweed_bucket.create(keys.rollout_key(MODEL, 3), replayed)
    alarm(sealed, keys.rollout_key(MODEL, 3))
    restarted(sealed)
    assert current(sealed) == (2, second)


@pytest.mark.parametrize("sequence", [1, 2])
def test_an_entry_that_is_replaced_later_is_an_alarm(
    sealed: ModelServer, seaweed_bucket: Bucket, sequence: int
) -> None:
    """Fault 81: an entry in the place of another."""
    first, second = rolled(sealed, 1), rolled(sealed, 2)
    key = keys.rollout_key(MODEL, sequence)
    whole = seaweed_bucket.read(key, 100_000)
    forge_entry(seaweed_bucket, sequence, second if sequence == 1 else first)
    alarm(sealed, key)
    assert current(sealed) == (2, second)
    restarted(sealed)
    assert current(sealed) == ((2, second) if sequence == 1 else None)
    alarm(sealed, key)
    seaweed_bucket.write(key, whole)
    wait_until(lambda: current(sealed) == (2, second), 15, "the restored entry")
    no_alarm(sealed)


def test_a_deleted_entry_is_an_alarm(sealed: ModelServer, seaweed_bucket: Bucket) -> None:
    """Fault 81: an entry in the middle is gone."""
    for number in (1, 2, 3):
        rolled(sealed, number)
    seaweed_bucket.delete(keys.rollout_key(MODEL, 2))
    alarm(sealed, keys.rollout_key(MODEL, 2))
    assert current(sealed) is not None


def test_a_ledger_that_lost_its_newest_entry_is_not_served_again(sealed: ModelServer, seaweed_bucket: Bucket) -> None:
    """Fault 81: the entry below has a seal, too; only the floor, which is not in the bucket, tells that it is not the newest."""
    rolled(sealed, 1)
    second = rolled(sealed, 2)
    key = keys.rollout_key(MODEL, 2)
    whole = seaweed_bucket.read(key, 100_000)
    seaweed_bucket.delete(key)
    seaweed_bucket.write(keys.current_key(MODEL), json.dumps({"sequence": 1, "lease_ms": 0}).encode())
    assert current(sealed) == (2, second)
    restarted(sealed)
    assert current(sealed) is None
    alarm(sealed, key)
    assert "ledger.below_floor" in sealed.log
    assert sealed.roll(second).json()["state"] == RolloutState.ABORTED
    seaweed_bucket.create(key, whole)
    wait_until(lambda: current(sealed) == (2, second), 15, "the restored entry")


@pytest.mark.parametrize("sequence", [0, 1, 5, keys.LAST_SEQUENCE])
def test_a_forged_hint_changes_nothing(sealed: ModelServer, seaweed_bucket: Bucket, sequence: int) -> None:
    """Fault 81: a hint by another party."""
    rolled(sealed, 1)
    second = rolled(sealed, 2)
    forge_entry(seaweed_bucket, 3, published(sealed, 3))
    sealed.end()
    seaweed_bucket.write(keys.current_key(MODEL), json.dumps({"sequence": sequence, "lease_ms": 0}).encode())
    sealed.start()
    assert current(sealed) == (2, second)


def test_another_manifest_is_an_alarm_and_no_version(sealed: ModelServer, seaweed_bucket: Bucket) -> None:
    """Fault 81: manifests with other classes."""
    first, second = rolled(sealed, 1), published(sealed, 2)
    for version in (first, second):
        key = keys.manifest_key(MODEL, version)
        manifest = json.loads(seaweed_bucket.read(key, 10**6))
        manifest["classes"] = manifest["classes"][::-1]
        seaweed_bucket.write(key, json.dumps(manifest, indent=1).encode())
    alarm(sealed, keys.manifest_key(MODEL, first))  # by the audit: it was read before
    restarted(sealed)
    assert current(sealed) == (1, first)
    refused = sealed.roll(second)
    assert refused.status_code == 422
    assert keys.manifest_key(MODEL, second) in refused.json()["detail"]
    alarm(sealed, keys.manifest_key(MODEL, second))


def test_a_later_manifest_without_a_seal_is_passed_over(sealed: ModelServer, seaweed_bucket: Bucket) -> None:
    first = rolled(sealed, 1)
    manifest = json.loads(seaweed_bucket.read(keys.manifest_key(MODEL, first), 10**6))
    manifest["description"] = "forged"
    key = keys.manifest_key(MODEL, first, 7)
    seaweed_bucket.create(key, json.dumps(manifest).encode())
    alarm(sealed, key)
    restarted(sealed)
    assert sealed.get(f"/models/{MODEL}/versions/{first}").json()["description"] == ""
    alarm(sealed, key)
    assert sealed.roll(published(sealed, 2)).json()["state"] == RolloutState.COMMITTED
    seaweed_bucket.delete(key)
    no_alarm(sealed)


def test_a_manifest_with_its_seal_counts_for_its_own_model_only(sealed: ModelServer, seaweed_bucket: Bucket) -> None:
    """Fault 81: a version copied to another model."""
    first = rolled(sealed, 1)
    rolled(sealed, 2, "fraud")
    for name in ("model.joblib", "manifest.json"):
        body = seaweed_bucket.read(f"versions/{MODEL}/{first}/{name}", 10**7)
        seaweed_bucket.create(f"versions/fraud/{first}/{name}", body.replace(b'"loan"', b'"fraud"'))
    for item in list(seaweed_bucket.list(f"{SEALS}{MODEL}/")):
        seaweed_bucket.create(item.key.replace(f"/{MODEL}/", "/fraud/"), seaweed_bucket.read(item.key, 10**6))
    refused = sealed.roll(first, "fraud")
    assert (refused.status_code, keys.manifest_key("fraud", first) in refused.text) == (422, True)


@pytest.mark.parametrize("body", [b"", b"{}", b"x" * 100_000])
def test_a_broken_or_missing_seal_is_as_good_as_none(sealed: ModelServer, seaweed_bucket: Bucket, body: bytes) -> None:
    rolled(sealed, 1)
    for item in list(seaweed_bucket.list(SEALS)):
        if body:
            seaweed_bucket.write(item.key, body)
        else:
            seaweed_bucket.delete(item.key)
    restarted(sealed)
    assert current(sealed) is None
    alarm(sealed, keys.rollout_key(MODEL, 1))


def test_a_registry_that_is_not_sealed_is_followed_without_seals_by_both_releases(
    server: ModelServer, seaweed_bucket: Bucket, tmp_path: Path
) -> None:
    first = rolled(server, 1)
    server.end()
    server.start(REGISTRY_KEY_FILE=str(tmp_path / "key"))
    assert (tmp_path / "key").exists()
    assert current(server) == (1, first)
    second = rolled(server, 2)
    server.end()
    server.start()  # as before: what was sealed meanwhile is read without seals
    assert current(server) == (2, second)
    assert problems(server) == {}


def test_a_start_without_the_key_that_the_public_keys_know_is_refused(
    seaweed: Store, bucket_name: str, tmp_path: Path
) -> None:
    server, keys_file = sealed_server(seaweed, bucket_name, tmp_path)
    other = SigningKey.make(tmp_path / "other")
    for settings, reason in (
        ({"REGISTRY_KEY_FILE": ""}, "without REGISTRY_KEY_FILE"),
        ({"REGISTRY_KEY_FILE": str(tmp_path / "other")}, other.public.text),
        ({"REGISTRY_KEY_FILE": str(tmp_path / "missing")}, "cannot be read"),
        ({"REGISTRY_KEYS_FILE": str(tmp_path / "missing")}, "cannot be read"),
    ):
        server.launch(**settings)
        assert server.wait() == 2
        assert reason in server.events("settings.invalid")[-1]["reason"]
    assert not (tmp_path / "missing").exists()
    assert keys_file.exists()
