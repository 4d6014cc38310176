"""The history of rollouts over HTTP: one of them without the others, and no record read twice."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from object_store import keys
from tests.conftest import wait_until
from tests.integration.artifacts import a_model
from tests.processes.model_server import ModelServer
from tests.processes.store import Store


def version(seed: int) -> str:
    return hashlib.sha256(a_model(seed)).hexdigest()


@pytest.fixture
def server(seaweed: Store, bucket_name: str, tmp_path: Path) -> Iterator[ModelServer]:
    """Two entries with an aborted rollout between them."""
    with ModelServer(seaweed, f"history-{bucket_name}", tmp_path / "server") as server:
        for seed in (1, 2):
            assert server.publish(a_model(seed)).ok
        assert server.roll(version(1)).json()["state"] == "committed"
        assert server.report("r1", ready=[version(1)], failed={version(2): "no room"}) == 204
        assert server.roll(version(2), wait=0).status_code == 202
        wait_until(lambda: failed(server) and len(history(server)) == 2, what="the abortion")
        wait_until(lambda: failed(server) and history(server)[0]["state"] == "aborted", what="the abortion")
        yield server


def failed(server: ModelServer) -> bool:
    """Report again that the only replica cannot load the second version; without reports, a roll would not wait for it."""
    return server.report("r1", ready=[version(1)], failed={version(2): "no room"}) == 204


def history(server: ModelServer) -> list[dict[str, object]]:
    rollouts: list[dict[str, object]] = server.get("/models/loan/rollouts").json()["rollouts"]
    return rollouts


def rollout(server: ModelServer, identity: object) -> dict[str, object]:
    body: dict[str, object] = server.get(f"/models/loan/rollouts/{identity}").json()
    return body


def test_each_rollout_is_found_by_its_id_also_after_a_restart(server: ModelServer) -> None:
    wait_until(lambda: all(body["state"] in {"committed", "aborted"} for body in history(server)), what="the end")
    for _ in range(2):
        rollouts = history(server)
        assert {body["state"] for body in rollouts} == {"committed", "aborted"}
        for body in rollouts:
            assert rollout(server, body["id"]) == body
        assert rollout(server, 1)["version"] == version(1)
        assert rollout(server, 2)["state"] == "aborted"
        for unknown in ("3", "999999999999", "no-such", "%2e%2e%2f"):
            assert server.get(f"/models/loan/rollouts/{unknown}").status_code == 404
        server.end()
        server.start()


def test_one_rollout_is_returned_without_reading_the_others_and_a_record_is_read_once(server: ModelServer) -> None:
    wait_until(lambda: any(body["state"] == "aborted" for body in history(server)), what="the record")
    aborted = next(body for body in history(server) if body["state"] == "aborted")
    bucket = server.store.bucket(bucket=server.bucket)
    changed = {**aborted, "reason": "changed in the bucket"}
    bucket.write(keys.aborted_key("loan", str(aborted["id"])), json.dumps(changed).encode(), "application/json")
    assert aborted in history(server)
    server.end()
    bucket.write(keys.aborted_key("loan", "other"), b"damaged", "application/json")
    server.start()
    assert changed in history(server)
    assert rollout(server, 1)["version"] == version(1)
    committed = rollout(server, rollout(server, 1)["id"])
    assert committed["state"] == "committed"
    assert rollout(server, aborted["id"]) == changed
    bucket.close()
