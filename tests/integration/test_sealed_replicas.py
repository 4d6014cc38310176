"""Replicas of a sealed registry: no answer by anything that has no seal, and the version that answers goes on."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from changeover.protocol.wire import MODEL_STALE, MODEL_VERSION, RolloutState
from changeover.sealed.keys import SigningKey
from object_store import keys
from object_store.bucket import Bucket
from tests.conftest import wait_until
from tests.integration.sealed_server import MODEL, forge_entry, published, rolled, sealed_server
from tests.processes.model_server import REPORT_TOKEN, ModelServer
from tests.processes.predict_api import PredictApi
from tests.processes.store import Store


@dataclass
class Stack:
    """A sealed model_server, the file of its public keys, and one replica that has it."""

    server: ModelServer
    keys_file: Path
    api: PredictApi


@pytest.fixture
def stack(seaweed: Store, seaweed_bucket: Bucket, tmp_path: Path) -> Iterator[Stack]:
    server, keys_file = sealed_server(seaweed, seaweed_bucket.name, tmp_path)
    api = PredictApi(
        server.url,
        tmp_path,
        WORKERS="1",
        MODELS=MODEL,
        DEFAULT_MODEL=MODEL,
        REPORT_TOKEN=REPORT_TOKEN,
        REGISTRY_KEYS_FILE=str(keys_file),
        START_TIMEOUT="10",
    )
    try:
        yield Stack(server.start(), keys_file, api)
    finally:
        api.close()
        server.close()


def answer(api: PredictApi) -> tuple[str, bool] | None:
    """The version that answers, and whether it says stale; None without a version."""
    response = api.predict()
    return (response.headers[MODEL_VERSION], MODEL_STALE in response.headers) if response.status_code == 200 else None


def unsealed(server: ModelServer) -> None:
    """Restart model_server as one that follows what has no seal, such as one that a thief of the bucket has set up."""
    server.end()
    server.start(REGISTRY_KEYS_FILE="", REGISTRY_KEY_FILE="")


def test_a_sealed_registry_serves_rolls_and_restarts(stack: Stack) -> None:
    first = rolled(stack.server, 1)
    stack.api.start("/readyz")
    assert answer(stack.api) == (first, False)
    second = rolled(stack.server, 2)
    assert answer(stack.api) == (second, False)
    stack.server.end()
    stack.api.end()
    stack.api.start("/readyz")  # from its cache, by the seals that are there
    assert answer(stack.api) == (second, True)
    stack.server.start()
    wait_until(lambda: answer(stack.api) == (second, False), 15, "the confirmation")
    assert stack.api.events("replica.seal_refused") == []


def test_a_forged_entry_is_refused_and_what_served_goes_on(stack: Stack, seaweed_bucket: Bucket) -> None:
    """Fault 81: the bucket of a replica with a cache."""
    first, second = rolled(stack.server, 1), published(stack.server, 2)
    stack.api.start("/readyz")
    stack.server.end()
    key = forge_entry(seaweed_bucket, 2, second)
    unsealed(stack.server)
    wait_until(lambda: stack.api.events("replica.seal_refused"), 15, "the refusal")
    assert answer(stack.api) == (first, True)
    assert key in stack.api.events("replica.seal_refused")[0]["reason"]
    stack.api.end()
    stack.api.start("/readyz")  # its cache has the last version that was sealed
    assert answer(stack.api) == (first, True)


def test_a_replica_without_a_cache_follows_nothing_without_a_seal(stack: Stack, seaweed_bucket: Bucket) -> None:
    """Fault 81: the bucket of a new replica."""
    version = published(stack.server, 1)
    stack.server.end()
    key = forge_entry(seaweed_bucket, 1, version)
    unsealed(stack.server)
    stack.api.start("/livez")
    wait_until(lambda: stack.api.events("replica.seal_refused"), 15, "the refusal")
    assert stack.api.predict().status_code == 503
    assert key in stack.api.events("replica.seal_refused")[0]["reason"]


def test_another_manifest_never_answers(stack: Stack, seaweed_bucket: Bucket) -> None:
    """Fault 81: the artifact and its entry are honest; the manifest gives their classes other names."""
    first, second = rolled(stack.server, 1), published(stack.server, 2)
    stack.api.start("/readyz")
    stack.server.end()
    key = keys.manifest_key(MODEL, second)
    manifest = json.loads(seaweed_bucket.read(key, 10**6))
    seaweed_bucket.write(key, json.dumps({**manifest, "classes": manifest["classes"][::-1]}).encode())
    unsealed(stack.server)
    aborted = stack.server.roll(second).json()
    assert aborted["state"] == RolloutState.ABORTED
    assert key in aborted["reason"]
    wait_until(lambda: answer(stack.api) is not None, 10)
    assert (answer(stack.api) or ("",))[0] == first
    refused = [event["reason"] for event in stack.api.events("replica.seal_refused")]
    assert any(key in reason for reason in refused)


def test_swapped_artifacts_never_answer(stack: Stack, seaweed_bucket: Bucket) -> None:
    """Fault 81: the bytes of two versions."""
    first, second = rolled(stack.server, 1), published(stack.server, 2)
    stack.api.start("/readyz")
    one, two = (seaweed_bucket.read(keys.artifact_key(MODEL, version), 10**7) for version in (first, second))
    seaweed_bucket.write(keys.artifact_key(MODEL, second), one)
    seaweed_bucket.write(keys.artifact_key(MODEL, first), two)
    aborted = stack.server.roll(second).json()
    assert (aborted["state"], second in aborted["reason"]) == (RolloutState.ABORTED, True)
    assert answer(stack.api) == (first, False)


def test_a_key_that_is_removed_counts_no_more_and_one_that_is_added_does(stack: Stack, tmp_path: Path) -> None:
    """Fault 83: the file of public keys is replaced."""
    first = rolled(stack.server, 1)
    stack.api.start("/readyz")
    other = SigningKey.make(tmp_path / "other")
    replace(stack.keys_file, other.public.text)
    second = published(stack.server, 2)
    assert stack.server.roll(second).json()["state"] == RolloutState.ABORTED
    assert answer(stack.api) == (first, False)
    both = f"{SigningKey.read(tmp_path / 'registry_key').public.text}\n{other.public.text}\n"
    replace(stack.keys_file, both)
    assert stack.server.roll(second).json()["state"] == RolloutState.COMMITTED
    assert answer(stack.api) == (second, False)


def test_a_start_with_an_invalid_file_of_keys_is_refused(stack: Stack) -> None:
    replace(stack.keys_file, "ed25519:nonsense")
    stack.api.launch()
    assert stack.api.wait() != 0
    assert "line 1" in stack.api.events("settings.invalid")[0]["reason"]


def replace(path: Path, text: str) -> None:
    part = path.with_name("part")
    part.write_text(text)
    part.replace(path)
