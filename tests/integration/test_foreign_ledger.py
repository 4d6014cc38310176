"""Ledger entries and hints by a foreign writer in the bucket: no entry outside the ledger's sequence is followed."""

import json

import pytest

from changeover.json_types import JsonObject
from changeover.protocol.wire import RolloutState
from object_store import keys
from object_store.bucket import Bucket
from tests.conftest import wait_until
from tests.processes.model_server import ModelServer
from tests.tiny_models import tiny

FAR = keys.LAST_SEQUENCE


def published(server: ModelServer, number: int) -> str:
    return str(server.publish(tiny(number)[0]).json()["version"])


def rolled(server: ModelServer, number: int) -> str:
    """Publish and roll the model of this number, and return its version."""
    version = published(server, number)
    answer = server.roll(version).json()
    assert answer["state"] == RolloutState.COMMITTED, answer
    return version


def foreign(seaweed_bucket: Bucket, sequence: int, version: str) -> str:
    """Write a well-formed ledger entry under any number, and return its key."""
    key = keys.rollout_key("loan", sequence)
    entry = {"version": version, "previous": None, "rolled_at": "2026-01-01T00:00:00Z", "by": "m", "reason": "mine"}
    seaweed_bucket.create(key, json.dumps({**entry, "id": "foreign"}).encode())
    return key


def current(server: ModelServer) -> tuple[int, str]:
    body = server.get("/models/loan/current").json()
    return body["sequence"], body["version"]


def problems(server: ModelServer) -> str:
    return json.dumps(server.get("/readyz").json().get("problems"))


def alarm(server: ModelServer, name: str) -> None:
    wait_until(lambda: name in problems(server), 15, f"a problem that names {name}")


@pytest.mark.parametrize("sequence", [8, FAR])
def test_an_entry_beyond_a_missing_number_is_never_followed_and_rolls_go_on(
    server: ModelServer, seaweed_bucket: Bucket, sequence: int
) -> None:
    """Fault 75: an entry that another party wrote."""
    first, second = rolled(server, 1), published(server, 2)
    key = foreign(seaweed_bucket, sequence, second)
    alarm(server, key)
    wait_until(lambda: "ledger.stray" in server.log, 10, "the event, which is logged after the alarm")
    server.end()
    server.start()
    assert current(server) == (1, first)
    alarm(server, key)
    assert server.roll(second).json()["sequence"] == 2
    assert [entry["sequence"] for entry in server.get("/models/loan/rollouts").json()["rollouts"]] == [2, 1]
    server.end()
    server.start()
    assert current(server) == (2, second)


@pytest.mark.parametrize(
    "hint",
    [
        {"sequence": FAR, "lease_ms": 10**12},
        {"sequence": 10**30, "lease_ms": -5},
        {"sequence": -7, "lease_ms": True},
        {"sequence": "2", "lease_ms": "long"},
    ],
)
def test_a_hint_that_lies_costs_a_restart_one_longest_lease_at_most(
    server: ModelServer, seaweed_bucket: Bucket, hint: JsonObject
) -> None:
    """Fault 75: a hint that another party wrote."""
    rolled(server, 1)
    second, third = rolled(server, 2), published(server, 3)
    foreign(seaweed_bucket, FAR, third)
    server.end()
    seaweed_bucket.write(keys.current_key("loan"), json.dumps(hint).encode())
    server.start()
    assert current(server) == (2, second)
    answer = server.roll(third).json()
    assert (answer["state"], answer["sequence"]) == (RolloutState.COMMITTED, 3)


def test_a_first_number_that_is_not_the_first_begins_no_ledger(server: ModelServer, seaweed_bucket: Bucket) -> None:
    version = published(server, 1)
    key = foreign(seaweed_bucket, FAR, version)
    server.end()
    server.start()
    assert server.get("/models/loan/current").status_code == 404
    alarm(server, key)
    assert server.roll(version).json()["sequence"] == 1


@pytest.mark.parametrize(
    "body",
    [b"x" * 200_000, b"[" * 60_000, b"no json", b'{"version": "\\r\\nX: y", "rolled_at": "2026-01-01T00:00:00Z"}'],
)
def test_an_unreadable_next_number_is_named_and_the_last_good_version_goes_on(
    server: ModelServer, seaweed_bucket: Bucket, body: bytes
) -> None:
    first, second = rolled(server, 1), published(server, 2)
    key = keys.rollout_key("loan", 2)
    seaweed_bucket.create(key, body)
    alarm(server, key)
    server.end()
    server.start()
    assert current(server) == (1, first)
    alarm(server, key)
    assert server.get("/models/loan/rollouts").json()["rollouts"][-1]["sequence"] == 1
    aborted = server.roll(second).json()
    assert aborted["state"] == RolloutState.ABORTED
    assert key in aborted["reason"]
    seaweed_bucket.delete(key)
    wait_until(lambda: "ledger entry of loan" not in problems(server), 15, "the alarm's end")
    assert server.roll(second).json()["sequence"] == 2


def test_a_newest_entry_that_was_answered_by_and_is_damaged_is_no_way_back(
    server: ModelServer, seaweed_bucket: Bucket
) -> None:
    first = rolled(server, 1)
    rolled(server, 2)
    server.end()
    key = keys.rollout_key("loan", 2)
    whole = seaweed_bucket.read(key, 10_000)
    seaweed_bucket.write(key, b"damaged")
    server.start()
    assert server.get("/models/loan/current").status_code == 404
    alarm(server, key)
    assert server.roll(first).json()["state"] == RolloutState.ABORTED
    assert server.get("/models/loan/current").status_code == 404
    seaweed_bucket.write(key, whole)
    wait_until(lambda: server.get("/models/loan/current").status_code == 200, 15, "the mended entry")
    assert current(server)[0] == 2


def test_a_new_roll_after_a_restored_backup_is_found_by_the_next_start(
    server: ModelServer, seaweed_bucket: Bucket
) -> None:
    versions = [rolled(server, number) for number in (1, 2, 3)]
    for sequence in (2, 3):
        seaweed_bucket.delete(keys.rollout_key("loan", sequence))
    assert server.roll(versions[0]).json()["sequence"] == 4
    server.end()
    server.start()
    assert current(server) == (4, versions[0])


def test_a_folder_that_is_no_model_stops_no_start(server: ModelServer, seaweed_bucket: Bucket) -> None:
    first = rolled(server, 1)
    for key in (
        "rollouts/No Model/00000001.json",
        "versions/No Model/x",
        "rejected/No Model/x",
        "current/No Model.json",
    ):
        seaweed_bucket.write(key, b"{}")
    server.end()
    server.start()
    assert current(server) == (1, first)
    assert [model["model"] for model in server.get("/models").json()["models"]] == ["loan"]
