"""Refused rolls: incompatible columns and the gate, over HTTP and for raw uploads, on a real store."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.conftest import wait_until
from tests.integration.artifacts import a_model
from tests.processes.model_server import ModelServer
from tests.processes.store import Store

HELD_OUT, OTHER = "a" * 64, "b" * 64


@pytest.fixture
def server(seaweed: Store, bucket_name: str, tmp_path: Path) -> Iterator[ModelServer]:
    process = ModelServer(seaweed, bucket_name, tmp_path)
    yield process
    process.end()


def published(server: ModelServer, seed: int, columns: int = 3, data: str = HELD_OUT, **metrics: float) -> str:
    manifest = {"metrics": metrics, "evaluation": {"data_sha256": data, "rows": 36}}
    files = {"artifact": ("m.joblib", a_model(seed, columns)), "manifest": (None, json.dumps(manifest))}
    answer = server.post("/models/loan/versions", files=files)
    assert answer.status_code == 201, answer.text
    assert answer.json()["evaluation"] == manifest["evaluation"]
    return str(answer.json()["version"])


def roll(server: ModelServer, version: str, **flags: bool) -> requests.Response:
    return server.post("/models/loan/rollouts?wait=30", json={"version": version, "reason": "a test", **flags})


def history(server: ModelServer) -> list[dict[str, Any]]:
    return list(server.get("/models/loan/rollouts").json()["rollouts"])


def drop(server: ModelServer, body: bytes) -> None:
    server.store.bucket(bucket=server.bucket).write("incoming/loan/new.joblib", body, "application/octet-stream")


def test_the_gate_lets_no_worse_version_be_rolled_and_the_ledger_says_what_was_compared(server: ModelServer) -> None:
    server.start(GATE="f1_macro>=current")
    champion = published(server, 1, f1_macro=0.93)
    assert roll(server, champion).json()["state"] == "committed"
    worse = published(server, 2, f1_macro=0.9)
    refused = roll(server, worse)
    assert refused.status_code == 422
    assert refused.json()["type"] == "urn:changeover:gate-refused"
    assert f"f1_macro 0.9 < 0.93 of {champion[:12]}" in refused.json()["detail"]
    assert refused.json()["gate"][0] | {"says": ""} == {
        "condition": "f1_macro>=current",
        "passed": False,
        "candidate": 0.9,
        "wanted": 0.93,
        "says": "",
    }
    wait_until(lambda: '"rollout.refused"' in server.log, 10, "the refusal in the log")
    elsewhere = published(server, 3, data=OTHER, f1_macro=0.99)
    assert "only like is compared with like" in roll(server, elsewhere).json()["detail"]
    better = published(server, 4, f1_macro=0.94)
    assert roll(server, better).json()["reason"] == f"a test; gate: f1_macro 0.94 >= 0.93 of {champion[:12]}"
    assert roll(server, worse, skip_gate=True).json()["reason"] == "a test; gate skipped"
    back = server.post("/models/loan/rollback?wait=30", json={}).json()
    assert (back["version"], back["reason"]) == (better, "rollback")


def test_an_upload_that_does_not_pass_the_gate_is_an_aborted_rollout_once(server: ModelServer) -> None:
    server.start(GATE="f1_macro>=current", ROLL_INCOMING="at-start")
    assert roll(server, published(server, 1, f1_macro=0.93)).json()["state"] == "committed"
    drop(server, a_model(2))
    wait_until(lambda: '"incoming.admitted"' in server.log, 30, "the upload is admitted")
    for _ in range(2):
        server.end()
        server.start(GATE="f1_macro>=current", ROLL_INCOMING="at-start")
        wait_until(lambda: "degraded" in server.get("/readyz").text, 30, "the refusal on /readyz")
        newest, first = history(server)
        assert (newest["state"], first["state"]) == ("aborted", "committed")
        assert "no metric f1_macro: it has no metrics" in newest["reason"]
    server.end()
    server.start(ROLL_INCOMING="at-start")
    wait_until(lambda: history(server)[0]["state"] == "committed", 30, "the upload rolled without a gate")


def test_a_roll_that_breaks_consumers_is_refused_with_the_diff_unless_it_is_asked_for(server: ModelServer) -> None:
    """Fault 27: other names or another number of columns, over HTTP."""
    server.start()
    narrow, wide = published(server, 1, columns=3), published(server, 2, columns=4)
    assert roll(server, narrow).json()["state"] == "committed"
    refused = roll(server, wide)
    assert refused.status_code == 422
    assert refused.json()["type"] == "urn:changeover:incompatible"
    assert "column 'x3' is new" in refused.json()["detail"]
    assert "--allow-schema-change" in refused.json()["detail"]
    diff = refused.json()["diff"]
    assert not diff["compatible"]
    assert [(change["change"], change["column"], change["breaks"]) for change in diff["changes"]] == [
        ("added", "x3", True)
    ]
    assert server.get("/models/loan/current").json()["version"] == narrow
    rollout = roll(server, wide, allow_schema_change=True).json()
    assert rollout["state"] == "committed"
    assert rollout["reason"].startswith("a test; schema change allowed: column 'x3' is new")
    back = server.post("/models/loan/rollback?wait=30", json={}).json()
    assert (back["version"], back["state"]) == (narrow, "committed")


def test_an_upload_that_breaks_consumers_is_not_rolled_and_the_operator_may_permit_it(server: ModelServer) -> None:
    """Fault 27: other names or another number of columns, by the bucket."""
    server.start(ROLL_INCOMING="at-once")
    assert roll(server, published(server, 1)).json()["state"] == "committed"
    drop(server, a_model(2, 4))
    wait_until(lambda: history(server)[0]["state"] == "aborted", 30, "the refusal in the history")
    assert "column 'x3' is new" in history(server)[0]["reason"]
    wait_until(lambda: '"rollout.refused"' in server.log, 10, "the refusal in the log")
    server.end()
    server.start(ALLOW_SCHEMA_CHANGE="true")
    wait_until(lambda: history(server)[0]["state"] == "committed", 30, "the upload that is permitted")
    assert "schema change allowed" in history(server)[0]["reason"]


def test_a_pinned_version_is_asked_nothing(server: ModelServer) -> None:
    server.start()
    assert roll(server, published(server, 1, f1_macro=0.93)).json()["state"] == "committed"
    worse = published(server, 2, columns=4, f1_macro=0.5)
    server.end()
    server.start(GATE="f1_macro>=current", MODEL_SHA256=worse)
    wait_until(lambda: server.get("/models/loan/current").json()["version"] == worse, 30, "the pin")


@pytest.mark.parametrize("body", [{"skip_gate": "yes"}, {"allow_schema_change": 1}])
def test_a_flag_is_true_or_false(server: ModelServer, body: dict[str, object]) -> None:
    server.start()
    version = published(server, 1)
    assert server.post("/models/loan/rollouts", json={"version": version, **body}).status_code == 400


def test_a_gate_that_cannot_be_read_stops_the_start_with_its_name(server: ModelServer) -> None:
    server.launch(GATE="f1_macro>current")
    assert server.wait() == 2
    wait_until(lambda: "GATE: 'f1_macro>current' is no condition" in server.log, 10, "the setting's name in the log")
