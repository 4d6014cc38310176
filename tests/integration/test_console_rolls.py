"""The page of a model while it rolls and after the switch: the steps of each worker, and the counts of a watch."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from changeover.protocol.rehearsal_counts import MILLISECONDS
from changeover.protocol.watch_counts import LABEL_BINS
from tests.conftest import wait_until
from tests.html_page import Element
from tests.integration.artifacts import two_versions
from tests.integration.console_pages import page
from tests.processes.model_server import REPORT_TOKEN, ModelServer
from tests.processes.store import Store

STEPS = ["reported", "fetched", "prepared", "golden rows", "fenced", "switched"]


@pytest.fixture(scope="module")
def server(seaweed: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelServer]:
    with ModelServer(seaweed, "rolls", tmp_path_factory.mktemp("rolls")) as process:
        yield process


@pytest.fixture(scope="module")
def versions(server: ModelServer) -> list[str]:
    """Two versions, the first of which is current."""
    return two_versions(server)


def report(server: ModelServer, replica: str, **more: Any) -> None:
    """Send the status report of a replica that does not exist."""
    body = {"replica": replica, "host": "web", "pid": 1, "held": None, "ready": [], "failed": {}, **more}
    headers = {"Authorization": f"Bearer {REPORT_TOKEN}"}
    assert requests.put(f"{server.url}/models/loan/replicas/{replica}", json=body, headers=headers, timeout=30).ok


def live(server: ModelServer) -> dict[str, Any]:
    return dict(server.get("/ui/models/loan/live.json").json())


def places(server: ModelServer, replica: str) -> dict[str, str]:
    workers = {worker["replica"]: worker for worker in live(server)["workers"]}
    return {step["name"]: step["place"] for step in workers[replica]["steps"]}


def rolling(server: ModelServer) -> Element:
    return page(server, "/ui/models/loan").one("section", aria_labelledby="rolling")


def test_each_worker_has_its_steps_while_a_version_rolls(server: ModelServer, versions: list[str]) -> None:
    old, new = versions
    report(server, "r-plain", ready=[old])
    assert places(server, "r-plain") == {}, "nothing rolls"
    body = {"version": new, "rehearse": 600, "reason": "steps"}
    begun = server.post("/models/loan/rollouts", json=body).json()
    report(server, "r-plain", ready=[old])
    assert list(places(server, "r-plain")) == STEPS
    report(server, "r-plain", ready=[old], fetched=[old])
    report(server, "r-some", ready=[old], fetched=[old, new])
    report(server, "r-ready", ready=[old, new])
    shown = page(server, "/ui/models/loan").one("section", aria_labelledby="rolling")
    wanted = {"r-plain": 1, "r-some": 2, "r-ready": 4}
    for replica, done in wanted.items():
        expected = ["done"] * done + ["now"] + ["to come"] * (len(STEPS) - done - 1)
        assert places(server, replica) == dict(zip(STEPS, expected, strict=True)), replica
    cells = {cell.attributes.get("title"): cell for cell in shown.all("li")}
    assert "fetched : done" in cells["r-some"].text
    assert "prepared : now" in cells["r-some"].text
    report(server, "r-some", ready=[old], fetched=[old, new], failed={new: "golden row 0: prediction is 2"})
    wait_until(lambda: server.get("/models/loan").json()["rollout"] is None, what="the end of the rollout")
    assert server.get(f"/models/loan/rollouts/{begun['id']}").json()["state"] == "aborted"


def test_the_counts_of_a_watch_are_on_the_page_until_it_ends(server: ModelServer, versions: list[str]) -> None:
    wait_until(lambda: not any(each["awaited"] for each in server.get("/models/loan").json()["replicas"]), 30)
    body = {"version": versions[1], "watch": 600, "reason": "watched"}
    rollout = server.post("/models/loan/rollouts?wait=60", json=body).json()
    assert rollout["state"] == "committed"
    empty = live(server)["watch"]
    assert (empty["before"], empty["latency"], empty["labels"]) == (0, None, None)
    assert "Too few requests to tell" in rolling(server).text
    before_ms, after_ms = ([0] * (len(MILLISECONDS) + 1) for _ in range(2))
    before_ms[MILLISECONDS.index(5)], after_ms[MILLISECONDS.index(5)] = 198, 240
    after_ms[MILLISECONDS.index(100)] = 60
    before_labels, after_labels = ([0] * LABEL_BINS for _ in range(2))
    before_labels[3], before_labels[9], after_labels[3], after_labels[9] = 99, 99, 162, 138
    counts = {"before": 200, "before_failed": 2, "after": 301, "after_failed": 1}
    counts |= {"before_ms": before_ms, "after_ms": after_ms}
    counts |= {"before_labels": before_labels, "after_labels": after_labels}
    report(server, "r-watch", watch={"id": rollout["id"], **counts})
    watch = live(server)["watch"]
    assert 0 < watch["left_s"] <= watch["seconds"] == 600
    assert (watch["before"], watch["after"]) == (200, 301)
    assert (watch["failures"]["before"], watch["failures"]["after"]) == (2, 1)
    assert (watch["latency"]["limit_ms"], watch["latency"]["before"], watch["latency"]["after"]) == (10, 0, 60)
    assert (watch["labels"]["before"], watch["labels"]["after"]) == (0.5, 0.54)
    text = rolling(server).text
    for shown in ("Watch after the switch", "Over 10 ms", "20.0%", "54.0%"):
        assert shown in text
    back = server.post("/models/loan/rollback?wait=60", json={}).json()
    assert back["state"] == "committed"
    assert live(server)["watch"] is None
    assert "Watch after the switch" not in rolling(server).text
