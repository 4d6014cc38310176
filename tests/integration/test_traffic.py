"""The traffic of a model on its page: from the metrics of a real worker, and from reports of every release."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from changeover.protocol.replica_identity import ReplicaIdentity, new_identity
from changeover.protocol.traffic_counts import NO_SECONDS
from changeover.protocol.wire import REPLICA_SECRET
from tests.conftest import wait_until
from tests.integration.console_pages import page
from tests.processes.model_server import REPORT_TOKEN, ModelServer
from tests.processes.predict_api import PredictApi
from tests.processes.store import Store
from tests.tiny_models import ROW, tiny


@pytest.fixture(scope="module")
def server(seaweed: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelServer]:
    with ModelServer(seaweed, "traffic", tmp_path_factory.mktemp("traffic")) as process:
        version = process.publish(tiny(1)[0]).json()["version"]
        assert process.roll(version).json()["state"] == "committed"
        yield process


def traffic(server: ModelServer) -> dict[str, Any]:
    return dict(server.get("/ui/models/loan/live.json").json()["traffic"] or {})


def send(server: ModelServer, replica: ReplicaIdentity, **members: Any) -> requests.Response:
    headers = {"Authorization": f"Bearer {REPORT_TOKEN}", REPLICA_SECRET: replica.secret}
    body = json.dumps({"replica": replica.id, "counts": [], **members})
    return requests.put(f"{server.url}/replicas/{replica.id}/counts", data=body, headers=headers, timeout=30)


def totals(answered: int, failed: int, stale: int) -> dict[str, Any]:
    seconds = [0, 0, answered, 0, failed, *NO_SECONDS[5:]]
    return {"answered": answered, "refused": 0, "failed": failed, "stale": stale, "seconds": seconds}


def test_the_page_shows_what_replicas_have_answered_since_their_first_report(server: ModelServer) -> None:
    replica = new_identity("host", 1)
    assert send(server, replica).json() == {"not_stored": {}}, "a replica of an earlier release sends no traffic"
    assert traffic(server) == {}
    assert 'id="traffic"' not in server.get("/ui/models/loan").text
    for each in (totals(1000, 0, 0), totals(1090, 10, 4), totals(1090, 10, 4)):
        sent = send(server, replica, traffic={"loan": each, "nobody": each}, weather="fine")
        assert (sent.status_code, sent.json()) == (200, {"not_stored": {}})
    shown = traffic(server)
    assert (shown["requests"], shown["failed"], shown["stale"]) == (100, 10, 4)
    assert (shown["failed_share"], shown["stale_share"]) == (0.1, 0.04)
    assert (shown["p50_ms"], shown["p99_ms"]) == (2.0, 10.0)
    answers = page(server, "/ui/models/loan").one("section", aria_labelledby="answers")
    assert "half within 2 ms, 99 of 100 within 10 ms" in answers.one("dd", id="latency").text
    assert "10.0% failed" in answers.one("dd", id="errors").text
    assert "4.0% stale" in answers.one("dd", id="stale").text
    assert send(server, replica, traffic={"loan": {"answered": -1}}).status_code == 422


def test_a_worker_sends_the_totals_of_its_metrics(
    server: ModelServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    before = traffic(server).get("requests", 0)
    with PredictApi(
        server.url, tmp_path_factory.mktemp("worker"), DEFAULT_MODEL="loan", REPORT_TOKEN=REPORT_TOKEN, WORKERS="1"
    ) as api:

        def counted() -> bool:
            assert api.predict(ROW).status_code == 200
            assert api.predict({"no": "column"}).status_code == 422
            now = traffic(server)
            return bool(now.get("requests", 0) >= before + 4 and now["refused"] >= 2)

        wait_until(counted, 90, "requests on the page")
        shown = traffic(server)
        assert shown["timed"] == shown["requests"]
        assert shown["p50_ms"] is not None
        assert shown["failed"] == 10, "those of the test before"
