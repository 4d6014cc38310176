"""Two model_servers on one bucket by mistake, on a real store: one ledger, and each follows the other's entries."""

import hashlib
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest
import requests

from object_store import keys
from tests.conftest import wait_until
from tests.integration.artifacts import a_model
from tests.processes.model_server import ModelServer
from tests.processes.store import Store


def version(seed: int) -> str:
    return hashlib.sha256(a_model(seed)).hexdigest()


class Two:
    """Two model_servers on one bucket with three versions; `first` has rolled version 1."""

    def __init__(self, store: Store, bucket: str, folder: Path) -> None:
        self.first = ModelServer(store, bucket, folder / "first")
        self.second = ModelServer(store, bucket, folder / "second")

    def start(self) -> Self:
        self.first.start()
        for seed in (1, 2, 3):
            assert self.first.publish(a_model(seed)).ok
        assert self.first.roll(version(1)).json()["state"] == "committed"
        self.second.start()
        wait_until(lambda: check(self.second)[0] == version(1), what="the first version from both")
        return self

    def end(self) -> None:
        self.second.end()
        self.first.end()


@pytest.fixture
def two(store: Store, bucket_name: str, tmp_path: Path) -> Iterator[Two]:
    both = Two(store, f"two-{bucket_name}", tmp_path)
    try:
        yield both.start()
    finally:
        both.end()


def check(server: ModelServer) -> tuple[str, int]:
    """The answer to a freshness check: the version, and the lease in milliseconds."""
    answer = server.get("/models/loan/current")
    return str(answer.json()["version"]), int(answer.headers["Lease-Ms"])


def entries(server: ModelServer) -> list[dict[str, object]]:
    rollouts: list[dict[str, object]] = server.get("/models/loan/rollouts").json()["rollouts"]
    return rollouts


class Watch:
    """A client that takes leases from one model_server, and keeps each answer with the times of request and answer."""

    def __init__(self, server: ModelServer) -> None:
        self._server, self._over = server, threading.Event()
        self.told: list[tuple[float, float, str, int]] = []
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(30)

    def _run(self) -> None:
        while not self._over.wait(0.01):
            sent = time.monotonic()
            version, lease_ms = check(self._server)
            self.told.append((sent, time.monotonic(), version, lease_ms))

    def leases_on(self, which: str) -> list[float]:
        """The times at which the leases on a version end by the client's clock."""
        return [sent + lease_ms / 1000 for sent, _, version, lease_ms in self.told if version == which and lease_ms]


def test_a_roll_on_one_is_followed_by_the_other_and_neither_goes_back(two: Two) -> None:
    """Fault 62: the other grants no lease, waits until its own have expired, follows, and reports a problem."""
    wait_until(lambda: check(two.second)[1] == 1000, what="leases of the second, after those of its previous run")
    with Watch(two.second) as watch:
        assert two.first.roll(version(2)).json()["state"] == "committed"
        wait_until(lambda: watch.leases_on(version(2)), 10, "the other's following")
    versions = [one for _, _, one, _ in watch.told]
    assert versions == sorted(versions, key=[version(1), version(2)].index)
    first_answer = min(end for _, end, one, _ in watch.told if one == version(2))
    assert max(watch.leases_on(version(1))) < first_answer
    assert "ledger.overtaken" in two.second.log
    assert "only one model_server" in two.second.get("/readyz").json()["problems"]["model_servers of loan"].lower()
    assert "ledger.overtaken" not in two.first.log
    wait_until(lambda: two.first.get("/readyz").json()["status"] == "ready", what="the first's readiness")
    assert two.second.roll(version(3)).json()["state"] == "committed"
    wait_until(lambda: check(two.first)[0] == version(3), 10, "the first's following")
    assert [one["sequence"] for one in entries(two.first)] == [3, 2, 1]


def test_a_rollout_that_prepares_ends_when_another_model_server_has_rolled(two: Two) -> None:
    """Fault 62: the rollout could only fail at its commit, and would delay the entry that is to be followed."""
    assert two.second.report("slow", ready=[version(1)]) == 204
    assert two.second.roll(version(3), wait=0).status_code == 202
    assert two.first.roll(version(2)).json()["state"] == "committed"

    def followed() -> bool:
        assert two.second.report("slow", ready=[version(1)]) == 204  # a replica that the roll waits for
        return check(two.second)[0] == version(2)

    wait_until(followed, 10, "the other's following")
    newest = next(entry for entry in entries(two.second) if entry["version"] == version(3))
    assert newest["state"] == "aborted"
    assert "only one model_server" in str(newest["reason"])


def test_of_rolls_that_race_on_two_model_servers_each_number_has_one_winner(two: Two) -> None:
    """Fault 62: the ledger serialises the rolls of both; the loser of a number aborts, or is refused, and follows."""
    start = threading.Barrier(2)
    answers: list[requests.Response] = []

    def roll(server: ModelServer, seed: int) -> None:
        start.wait(30)
        answers.append(server.roll(version(seed)))

    threads = [threading.Thread(target=roll, args=one) for one in ((two.first, 2), (two.second, 3))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    won = [one.json()["version"] for one in answers if one.status_code == 200 and one.json()["state"] == "committed"]
    lost = [one.text for one in answers if one.status_code == 409 or one.json().get("state") == "aborted"]
    assert len(won) + len(lost) == 2
    assert won
    assert all("only one model_server" in one for one in lost)
    committed = [one for one in entries(two.first) if one["state"] == "committed"]
    assert [one["sequence"] for one in committed] == list(range(len(won) + 1, 0, -1))
    for server in (two.first, two.second):
        wait_until(lambda server=server: check(server)[0] == committed[0]["version"], 10, "the winner on both")  # type: ignore[misc]


def test_a_late_write_of_a_previous_run_becomes_current_without_a_roll_or_a_restart(two: Two) -> None:
    """Fault 62: an unexpected entry counts as one of another process, whichever wrote it."""
    two.second.end()
    entry = {"id": "late", "version": version(2), "previous": version(1), "rolled_at": "2026-01-31T12:00:00Z"}
    body = {**entry, "by": "ann", "reason": "better"}
    bucket = two.first.store.bucket(bucket=two.first.bucket)
    bucket.create(keys.rollout_key("loan", 2), json.dumps(body).encode(), "application/json")
    wait_until(lambda: check(two.first)[0] == version(2), 10, "the entry's version")
    wait_until(lambda: b'"sequence": 2' in bucket.read(keys.current_key("loan"), 1000), 10, "the hint's following")
    assert two.first.roll(version(3)).json()["sequence"] == 3
    bucket.close()
