"""The removal of old versions on a real store: what goes, what stays, and how a version comes back."""

from pathlib import Path

import pytest
import requests

from changeover import digest
from changeover.json_types import JsonObject
from object_store import keys
from object_store.bucket import Bucket
from object_store.retention_keys import parse_of_version
from tests.conftest import wait_until
from tests.processes.model_server import PUBLISH_TOKEN, ModelServer
from tests.processes.store import Store
from tests.tiny_models import tiny


def publish(server: ModelServer, *numbers: int) -> list[str]:
    """Publish these models; returns their versions."""
    versions = []
    for number in numbers:
        answer = server.publish(tiny(number)[0])
        assert answer.status_code == 201, answer.text
        versions.append(answer.json()["version"])
    return versions


def collect(server: ModelServer, keep: int = 0, keep_days: float = 0.0, **more: object) -> requests.Response:
    """The response to a removal, once the versions were read."""
    body = {"keep": keep, "keep_days": keep_days, **more}

    def ask() -> requests.Response | None:
        answer = server.post("/models/loan/gc", json=body)
        return None if answer.status_code == 503 else answer

    answer = wait_until(ask, 30, "the end of the reading")
    assert answer is not None
    return answer


def removed(answer: requests.Response) -> set[str]:
    assert answer.status_code == 200, answer.text
    return {each["version"] for each in answer.json()["removed"]}


def uses(answer: requests.Response) -> dict[str, str]:
    return {each["version"]: each["use"] for each in answer.json()["kept"]["in_use"]}


def kinds(bucket: Bucket, version: str) -> list[str]:
    """The objects of a version other than manifests, by their kind."""
    items = bucket.list(keys.version_prefix("loan", version))
    return sorted(parsed.kind for item in items if (parsed := parse_of_version(item.key)) is not None)


def state(server: ModelServer, version: str) -> JsonObject:
    body: JsonObject = server.get(f"/models/loan/versions/{version}").json()
    return body


def test_old_versions_lose_their_bytes_and_keep_their_records(server: ModelServer, seaweed_bucket: Bucket) -> None:
    versions = publish(server, 1, 2, 3, 4, 5, 6)
    for version in versions[:3]:
        assert server.roll(version).json()["state"] == "committed"
    tried = collect(server, keep=1, dry_run=True)
    assert removed(tried) == {versions[0], versions[3], versions[4]}
    assert kinds(seaweed_bucket, versions[0]) == ["bytes"], "a dry run removes nothing"
    done = collect(server, keep=1, reason="room is short", on_behalf_of="bob")
    assert removed(done) == removed(tried)
    assert uses(done) == {versions[2]: "current", versions[1]: "previous"}
    assert (done.json()["kept"]["newest"], done.json()["left"]) == (1, 0)
    assert kinds(seaweed_bucket, versions[0]) == ["removed"]
    assert removed(collect(server, keep=1)) == set(), "nothing is left to do"
    shown = state(server, versions[0])
    assert (shown["state"], shown["metrics"]) == ("removed", {})
    tombstone = shown["removed"]
    assert isinstance(tombstone, dict)
    assert (tombstone["by"], tombstone["reason"], tombstone["on_behalf_of"]) == (
        "publish-token",
        "room is short",
        "bob",
    )
    listed = {each["version"]: each["state"] for each in server.get("/models/loan/versions").json()["versions"]}
    assert [listed[version] for version in versions] == [
        *("removed", "retired", "current", "removed", "removed", "admitted")
    ]
    assert len(server.get("/models/loan/rollouts").json()["rollouts"]) == 3, "the ledger stays"


def test_a_call_that_needs_the_bytes_says_what_happened_and_what_to_do(server: ModelServer) -> None:
    old, current = publish(server, 1, 2)
    server.roll(current)
    assert removed(collect(server, reason="too old")) == {old}
    artifact = server.get(f"/models/loan/versions/{old}/artifact")
    for answer in (artifact, server.roll(old), server.get(f"/models/loan/versions/{old[:10]}/twin")):
        assert answer.status_code == 410, answer.text
        problem = answer.json()
        assert problem["type"].endswith("version-removed")
        assert "by publish-token (too old)" in problem["detail"]
        assert f"changeover push FILE -m loan; their SHA-256 is {old}" in problem["detail"]
        assert problem["removed"]["reason"] == "too old"
    assert server.get(f"/models/loan/versions/{current}/artifact").status_code == 200
    assert server.end() == 0
    server.start()
    assert server.roll(old).json()["removed"]["reason"] == "too old", "the next run reads it in the bucket"


def test_the_same_bytes_bring_a_version_back(server: ModelServer, seaweed_bucket: Bucket) -> None:
    old, current = publish(server, 1, 2)
    server.roll(current)
    assert removed(collect(server)) == {old}
    back = server.publish(tiny(1)[0])
    assert (back.status_code, back.json()["state"], back.json()["returned"]) == (200, "admitted", True)
    assert kinds(seaweed_bucket, old) == ["bytes", "removed", "returned"], "what happened stays on record"
    artifact = server.get(f"/models/loan/versions/{old}/artifact")
    assert digest.sha256(artifact.content) == old
    assert uses(collect(server))[old] == "published again in the last hour"
    assert server.roll(old).json()["state"] == "committed"
    assert server.roll(current).json()["state"] == "committed"
    assert server.end() == 0
    server.start()
    assert state(server, old)["state"] == "retired"
    assert removed(collect(server)) == set(), "it is the previous one"


def test_a_drop_in_the_drop_zone_brings_a_version_back_too(server: ModelServer, seaweed_bucket: Bucket) -> None:
    old, current = publish(server, 1, 2)
    server.roll(current)
    assert removed(collect(server)) == {old}
    seaweed_bucket.create("incoming/loan/again.joblib", tiny(1)[0])
    wait_until(lambda: state(server, old)["state"] == "admitted", 30, "the version")
    assert uses(collect(server))[old] == "the newest upload"


def test_bytes_that_are_refused_today_bring_no_version_back(server: ModelServer, seaweed_bucket: Bucket) -> None:
    old, current = publish(server, 1, 2)
    server.roll(current)
    assert removed(collect(server)) == {old}
    assert server.end() == 0
    server.start(MAX_COLUMNS="1")
    refused = server.publish(tiny(1)[0])
    assert (refused.status_code, refused.json()["type"].rpartition(":")[2]) == (422, "update-refused")
    assert "examined again it was refused" in refused.json()["detail"]
    seaweed_bucket.create("incoming/loan/again.joblib", tiny(1)[0])
    wait_until(lambda: list(seaweed_bucket.list("rejected/loan/again.joblib.reason.json")), 30, "the rejection")
    assert state(server, old)["state"] == "removed"
    assert kinds(seaweed_bucket, old) == ["removed"]


def test_days_and_numbers_keep_versions(server: ModelServer) -> None:
    versions = publish(server, 1, 2, 3)
    server.roll(versions[2])
    assert removed(collect(server, keep=0, keep_days=1)) == set()
    assert removed(collect(server, keep=2, keep_days=0)) == {versions[0]}


@pytest.mark.parametrize(
    "body",
    [
        *({}, {"keep": 1}, {"keep_days": 1}, {"keep": -1, "keep_days": 1}, {"keep": "1", "keep_days": 1}),
        *({"keep": 1, "keep_days": -1}, {"keep": 1, "keep_days": 1, "dry_run": "yes"}),
    ],
    ids=str,
)
def test_a_removal_without_a_number_to_keep_is_refused(server: ModelServer, body: JsonObject) -> None:
    publish(server, 1)
    assert server.post("/models/loan/gc", json=body).status_code == 400


def test_a_hold_keeps_the_bytes_until_it_ends(server: ModelServer, seaweed_bucket: Bucket) -> None:
    old, current = publish(server, 1, 2)
    server.roll(current)
    headers = {"Authorization": f"Bearer {PUBLISH_TOKEN}"}
    address = f"{server.url}/models/loan/versions/{old[:12]}/holds/a-run"
    placed = requests.put(address, json={"seconds": 3600}, headers=headers, timeout=30)
    assert (placed.status_code, placed.json()["version"]) == (200, old)
    again = requests.put(address, json={"seconds": 7200}, headers=headers, timeout=30)
    assert again.json()["until"] > placed.json()["until"]
    assert len(list(seaweed_bucket.list("holds/"))) == 1, "the longer hold replaces the first"
    assert uses(collect(server))[old].startswith("held by a-run until ")
    assert server.end() == 0
    server.start()
    assert removed(collect(server)) == set(), "a restart ends no hold"
    assert requests.delete(address, headers=headers, timeout=30).status_code == 204
    assert removed(collect(server)) == {old}
    late = requests.put(address, json={"seconds": 60}, headers=headers, timeout=30)
    assert (late.status_code, list(seaweed_bucket.list("holds/"))) == (410, [])


def test_a_version_on_a_replica_or_in_a_rollout_is_kept(server: ModelServer) -> None:
    versions = publish(server, 1, 2, 3, 4)
    server.roll(versions[0])
    assert server.report("r1", [versions[0], versions[1]]) == 204
    begun = server.post("/models/loan/rollouts", json={"version": versions[2], "reason": "a test"}).json()
    assert begun["state"] == "preparing"
    answer = collect(server)
    assert removed(answer) == {versions[3]}
    assert uses(answer) == {
        versions[0]: "current",
        versions[1]: "on a replica",
        versions[2]: "a rollout is under way",
    }


def test_a_pinned_version_is_kept_and_one_that_was_removed_comes_from_its_uri(
    seaweed: Store, seaweed_bucket: Bucket, tmp_path: Path
) -> None:
    file = tmp_path / "model.joblib"
    file.write_bytes(tiny(1)[0])
    with ModelServer(seaweed, seaweed_bucket.name, tmp_path) as first:
        old, current = publish(first, 1, 2)
        first.roll(current)
        assert removed(collect(first)) == {old}
    settings = {"MODEL_SHA256": old, "MODEL_URI": file.as_uri()}
    with ModelServer(seaweed, seaweed_bucket.name, tmp_path, settings) as second:
        wait_until(lambda: (second.get("/models/loan").json()["current"] or {}).get("version") == old, 30)
        assert removed(collect(second)) == set()
        assert uses(collect(second))[old] == "current"
