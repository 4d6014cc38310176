"""An abort over HTTP and by the command line: the rollout under way ends, one that is over is a conflict."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.artifacts import two_versions
from tests.processes.model_server import PUBLISH_TOKEN, ModelServer
from tests.processes.store import Store


@pytest.fixture(scope="module")
def server(seaweed: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelServer]:
    with ModelServer(seaweed, "abort", tmp_path_factory.mktemp("abort")) as process:
        yield process


@pytest.fixture(scope="module")
def versions(server: ModelServer) -> list[str]:
    """Two versions, the first of which is current."""
    return two_versions(server)


@pytest.fixture
def under_way(server: ModelServer, versions: list[str]) -> dict[str, Any]:
    """A rollout that rehearses for ten minutes, so that it does not end by itself."""
    begun = server.post("/models/loan/rollouts", json={"version": versions[1], "rehearse": 600, "reason": "try"})
    assert begun.status_code == 202, begun.text
    body: dict[str, Any] = begun.json()
    return body


def changeover(server: ModelServer, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "CHANGEOVER_TOKEN": PUBLISH_TOKEN, "CHANGEOVER_SERVER_URL": server.url}
    command = [sys.executable, "-m", "changeover.cli.main", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.parametrize("named", ["id", "sequence"])
def test_the_rollout_under_way_is_aborted_with_its_author_and_reason(
    server: ModelServer, versions: list[str], under_way: dict[str, Any], named: str
) -> None:
    path = f"/models/loan/rollouts/{under_way[named]}/abort"
    answer = server.post(path, json={"reason": "a wrong file", "on_behalf_of": "ada"})
    assert answer.status_code == 202
    location = answer.headers["Location"]
    assert location == f"/models/loan/rollouts/{under_way['id']}"
    ended = server.post(f"/models/loan/rollouts/{under_way['id']}/abort?wait=30")
    if ended.status_code == 200:  # the first abort was still on its way
        assert ended.json()["state"] == "aborted"
    else:
        assert (ended.status_code, ended.json()["type"]) == (409, "urn:changeover:not-under-way")
    body = server.get(location).json()
    assert body["state"] == "aborted"
    assert body["reason"].startswith("aborted by publish-token")
    assert server.get("/models/loan").json()["current"]["version"] == versions[0]


def test_an_abort_waits_for_the_end_and_a_second_one_is_a_conflict(
    server: ModelServer, under_way: dict[str, Any]
) -> None:
    path = f"/models/loan/rollouts/{under_way['id']}/abort"
    done = server.post(f"{path}?wait=60", json={"reason": "a wrong file", "on_behalf_of": "ada"})
    assert (done.status_code, done.json()["state"]) == (200, "aborted")
    assert done.json()["reason"] == "aborted by publish-token on behalf of ada: a wrong file"
    again = server.post(path)
    assert again.status_code == 409
    assert again.json()["type"].endswith("not-under-way")
    assert server.post("/models/loan/rollouts/1/abort").status_code == 409, "a committed one is over"


def test_what_does_not_exist_is_not_found(server: ModelServer, under_way: dict[str, Any]) -> None:
    for path in ("/models/loan/rollouts/no-such/abort", f"/models/nobody/rollouts/{under_way['id']}/abort"):
        assert server.post(path).status_code == 404, path
    assert server.post(f"/models/loan/rollouts/{under_way['id']}/abort", data=b"[]").status_code == 400
    assert server.get("/models/loan").json()["rollout"]["id"] == under_way["id"], "none of these has aborted it"
    assert server.post(f"/models/loan/rollouts/{under_way['id']}/abort?wait=60").json()["state"] == "aborted"


def test_the_command_aborts_the_rollout_under_way(server: ModelServer, under_way: dict[str, Any]) -> None:
    done = changeover(server, "abort", "-m", "loan", "--reason", "by hand", "--json")
    assert done.returncode == 0, done.stderr
    ended = json.loads(done.stdout)
    assert (ended["id"], ended["state"]) == (under_way["id"], "aborted")
    assert ended["reason"].endswith(": by hand")
    nothing = changeover(server, "abort", "-m", "loan")
    assert nothing.returncode == 1
    assert "no rollout of 'loan' is under way" in nothing.stderr
    over = changeover(server, "abort", under_way["id"], "-m", "loan")
    assert over.returncode == 1
    assert "is over" in over.stderr
