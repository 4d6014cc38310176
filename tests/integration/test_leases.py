"""`LEASE_MS` between the two services: with 0 every request checks, with more hardly any does."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.faults.pair import MODEL, Pair
from tests.processes.model_server import ModelServer
from tests.processes.store import Store
from tests.tiny_models import ROW

REQUESTS = 200


@pytest.fixture
def pair(seaweed: Store, bucket_name: str, tmp_path: Path) -> Iterator[Pair]:
    server = ModelServer(seaweed, f"leases-{bucket_name}", tmp_path / "server", {"DEFAULT_MODEL": MODEL})
    pair = Pair(server, tmp_path)
    yield pair
    pair.end()
    server.end()


def checks(pair: Pair) -> float:
    """The number of freshness checks that model_server has answered."""
    lines = pair.server.get("/metrics").text.splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith("changeover_server_checks_total{"))


def checks_of_requests(pair: Pair) -> float:
    """Send so many requests one after the other, none of which may be stale; returns the number of their checks."""
    before = checks(pair)
    with requests.Session() as session:
        for _ in range(REQUESTS):
            answer = session.post(f"{pair.api.url}/predict", json=ROW, timeout=30)
            assert (answer.status_code, answer.headers.get("Model-Stale")) == (200, None)
    return checks(pair) - before


def test_without_leases_each_request_asks_and_the_first_after_a_roll_is_answered_by_it(pair: Pair) -> None:
    pair.start({"LEASE_MS": "0"})
    check = pair.server.get(f"/models/{MODEL}/current")
    assert check.headers["Lease-Ms"] == "0"
    assert checks_of_requests(pair) >= REQUESTS
    for number in (2, 3):
        pair.publish(number)
        assert pair.roll(number)
        assert pair.answers(number, times=1)


def test_with_leases_hardly_any_request_asks(pair: Pair) -> None:
    pair.start({"LEASE_MS": "5000"})
    assert checks_of_requests(pair) < REQUESTS / 2
