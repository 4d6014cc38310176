"""Reports of replicas over HTTP: bounded in size, and each accepted only from its replica."""

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from changeover.protocol.replica_identity import new_identity
from changeover.protocol.wire import LONGEST_TEXT, REPLICA_ID, REPLICA_SECRET, RolloutState
from model_server.rollouts.fleet import MOST_REPLICAS
from tests.conftest import wait_until
from tests.processes.model_server import PUBLISH_TOKEN, REPORT_TOKEN, ModelServer
from tests.processes.predict_api import PredictApi
from tests.processes.store import Store
from tests.tiny_models import tiny

LARGEST = 64 * 1024


@pytest.fixture(scope="module")
def server(seaweed: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelServer]:
    with ModelServer(seaweed, "reports", tmp_path_factory.mktemp("server")) as process:
        version = process.publish(tiny(1)[0]).json()["version"]
        process.publish(tiny(2)[0])
        process.roll(version)
        yield process


def send(server: ModelServer, method: str, replica: str, secret: str = "", **more: Any) -> int:
    headers = {"Authorization": f"Bearer {REPORT_TOKEN}", **({REPLICA_SECRET: secret} if secret else {})}
    body = None
    if method == "PUT":
        body = {"replica": replica, "host": "h", "pid": 1, "held": None, "ready": [], "failed": {}, **more}
    url = f"{server.url}/models/loan/replicas/{replica}"
    return requests.request(method, url, json=body, headers=headers, timeout=30).status_code


def check(server: ModelServer, replica: str, secret: str = "") -> int:
    headers = {REPLICA_ID: replica, **({REPLICA_SECRET: secret} if secret else {})}
    return server.get("/models/loan/current", headers=headers).status_code


def row(server: ModelServer, replica: str) -> dict[str, Any] | None:
    rows = server.get("/models/loan").json()["replicas"]
    return next((entry for entry in rows if entry["replica"] == replica), None)


@pytest.mark.parametrize("stranger", ["", "f" * 64])
def test_a_replica_whose_id_was_made_of_its_secret_is_known_before_its_first_report(
    server: ModelServer, stranger: str
) -> None:
    identity = new_identity("host", 7)
    assert send(server, "PUT", identity.id, stranger) == 403
    assert check(server, identity.id, stranger) == 403
    assert row(server, identity.id) is None
    assert send(server, "PUT", identity.id, identity.secret, host="mine") == 204
    assert check(server, identity.id, identity.secret) == 200
    for method in ("PUT", "DELETE"):
        assert send(server, method, identity.id, stranger, host="stranger") == 403
    entry = row(server, identity.id)
    assert entry is not None
    assert entry["host"] == "mine"
    assert identity.secret not in json.dumps(server.get("/models/loan").json())
    assert identity.secret not in server.log
    assert send(server, "DELETE", identity.id, identity.secret) == 204
    assert row(server, identity.id) is None


@pytest.mark.parametrize(("first", "other"), [("a" * 64, ""), ("a" * 64, "b" * 64), ("", "b" * 64)])
def test_any_other_id_belongs_to_the_secret_of_its_first_report(server: ModelServer, first: str, other: str) -> None:
    name = f"old-{len(first)}-{len(other)}"
    assert check(server, name, other) == 200  # no replica reported by that name: nothing is counted for it
    assert row(server, name) is None
    assert send(server, "PUT", name, first, host="mine") == 204
    for method in ("PUT", "DELETE"):
        assert send(server, method, name, other, host="stranger") == 403
    assert check(server, name, other) == 403
    entry = row(server, name)
    assert entry is not None
    assert entry["host"] == "mine"
    assert check(server, name, first) == 200
    assert send(server, "DELETE", name, first) == 204


def test_no_stranger_reports_or_leaves_in_the_name_of_a_worker(server: ModelServer, tmp_path: Path) -> None:
    """Fault 77: a report in another's name."""
    settings = {"DEFAULT_MODEL": "loan", "WORKERS": "1", "REPORT_TOKEN": REPORT_TOKEN}
    with PredictApi(server.url, tmp_path, **settings):
        wait_until(lambda: server.get("/models/loan").json()["replicas"], what="its report")
        name = server.get("/models/loan").json()["replicas"][0]["replica"]
        for method in ("PUT", "DELETE"):
            assert send(server, method, name, host="stranger") == 403
        assert check(server, name) == 403
        server.end()
        server.start()
        assert send(server, "PUT", name, host="stranger") == 403  # even as the first report after the restart
        wait_until(lambda: row(server, name), what="its report to the restarted model_server")
        entry = row(server, name)
        assert entry is not None
        assert entry["host"] != "stranger"
    wait_until(lambda: not (row(server, name) or {"awaited": False})["awaited"], what="its silence")


def chunked(server: ModelServer, method: str, path: str, token: str, size: int) -> int:
    """The status of a request with a chunked body of `size` bytes, which never ends if `size` is above the limit."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.putrequest(method, path)
    connection.putheader("Transfer-Encoding", "chunked")
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Authorization", f"Bearer {token}")
    connection.endheaders()
    block = b" " * 8192
    for _ in range(size // len(block)):
        connection.send(f"{len(block):x}\r\n".encode() + block + b"\r\n")
    if size <= LARGEST:
        connection.send(b"2\r\n{}\r\n0\r\n\r\n")
    status = connection.getresponse().status
    connection.close()
    return status


CALLS = [
    ("PUT", "/models/loan/replicas/r1", REPORT_TOKEN, 422),
    ("POST", "/models/loan/rollouts", PUBLISH_TOKEN, 400),
]


@pytest.mark.parametrize(("method", "path", "token", "small"), CALLS)
def test_a_body_beyond_64_kib_is_refused_with_either_framing(
    server: ModelServer, method: str, path: str, token: str, small: int
) -> None:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    url = f"{server.url}{path}"
    assert (
        requests.request(method, url, data=b" " * (LARGEST - 2) + b"{}", headers=headers, timeout=30).status_code
        == small
    )
    answer = requests.request(method, url, data=b" " * (LARGEST - 1) + b"{}", headers=headers, timeout=30)
    assert (answer.status_code, answer.json()["type"]) == (413, "urn:changeover:body-too-large")
    assert chunked(server, method, path, token, LARGEST // 2) == small
    assert chunked(server, method, path, token, 2 * LARGEST) == 413


def test_80_mb_of_report_are_not_read(server: ModelServer) -> None:
    """Fault 77: a report far above the limit."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.putrequest("PUT", "/models/loan/replicas/r1")
    for name, value in (("Content-Length", 80_000_000), ("Authorization", f"Bearer {REPORT_TOKEN}")):
        connection.putheader(name, str(value))
    connection.endheaders()
    assert connection.getresponse().status == 413  # not one byte of the body was sent
    connection.close()


@pytest.mark.parametrize("body", [b"[" * 60_000, b"\xff", b"[]", b"1" * 60_000, b'{"a": NaN}'])
@pytest.mark.parametrize(("method", "path", "token", "status"), CALLS)
def test_a_body_that_is_no_json_object_is_refused(
    server: ModelServer, method: str, path: str, token: str, status: int, body: bytes
) -> None:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    assert requests.request(method, f"{server.url}{path}", data=body, headers=headers, timeout=30).status_code == status


@pytest.mark.parametrize(
    "more",
    [
        {"ready": ["a" * 64] * 17},
        {"ready": ["a" * 200]},
        {"failed": {str(number): "x" for number in range(17)}},
        {"failed": {"a" * 200: "x"}},
        {"pid": 10**30},
        {"held": {"sequence": 10**30, "version": "a" * 64}},
        {"held": {"sequence": 1, "version": "a" * 2000}},
    ],
    ids=lambda more: next(iter(more)),
)
def test_a_report_of_more_than_a_replica_can_have_is_refused(server: ModelServer, more: dict[str, Any]) -> None:
    assert send(server, "PUT", "huge", **more) == 422
    assert row(server, "huge") is None


def test_texts_of_a_report_are_cut(server: ModelServer) -> None:
    assert send(server, "PUT", "long", host="h" * 5000, failed={"a" * 64: "x" * 5000}) == 204
    entry = row(server, "long")
    assert entry is not None
    assert (len(entry["host"]), len(entry["failed"]["a" * 64])) == (LONGEST_TEXT, LONGEST_TEXT)
    assert send(server, "DELETE", "long") == 204


@pytest.mark.parametrize("call", ["rollouts", "rollback"])
@pytest.mark.parametrize("member", ["reason", "by"])
def test_a_reason_beyond_2000_characters_is_a_422_that_says_so(server: ModelServer, call: str, member: str) -> None:
    answer = server.post(f"/models/loan/{call}", json={"version": "a" * 64, member: "x" * (LONGEST_TEXT + 1)})
    assert answer.status_code == 422
    assert str(LONGEST_TEXT) in answer.json()["detail"]
    fine = server.post(f"/models/loan/{call}", json={"version": "a" * 64, member: "ü" * LONGEST_TEXT})
    assert fine.status_code == 404


def test_false_replicas_fill_no_memory_and_hold_a_roll_no_longer_than_prepare_timeout(
    seaweed: Store, tmp_path: Path
) -> None:
    """Fault 77: replicas that do not exist."""
    with ModelServer(seaweed, "made-up", tmp_path, settings={"PREPARE_TIMEOUT": "5"}) as server:
        first, second = (str(server.publish(tiny(number)[0]).json()["version"]) for number in (1, 2))
        assert server.roll(first).json()["state"] == RolloutState.COMMITTED
        assert send(server, "PUT", "ghost") == 204
        begun = server.roll(second, wait=0).headers["Location"]

        def over() -> bool:
            assert send(server, "PUT", "ghost") == 204
            return bool(server.get(begun).json()["state"] == RolloutState.ABORTED)

        wait_until(over, what="the end of the roll that waits for a ghost")
        assert "ghost" in server.get(begun).json()["reason"]
        assert server.roll(second).json()["state"] == RolloutState.COMMITTED  # the ghost no longer reports
        with requests.Session() as session:
            session.headers["Authorization"] = f"Bearer {REPORT_TOKEN}"
            url = f"{server.url}/models/loan/replicas/ghost-"
            body = {"host": "h", "pid": 1, "ready": [], "failed": {}}
            statuses = [
                session.put(f"{url}{number}", json={**body, "replica": f"ghost-{number}"}, timeout=30).status_code
                for number in range(MOST_REPLICAS + 100)
            ]
        assert statuses[0] == 204
        assert set(statuses) <= {204, 503}
        assert len(server.get("/models/loan").json()["replicas"]) <= MOST_REPLICAS
