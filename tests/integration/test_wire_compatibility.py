"""Wire compatibility one version back: a replica of the former release with this model_server, and the reverse.

`docs/protocol.md`, "One version back", defines it. The former release is the first one: its replicas check on every
request and know no lease, and its model_server grants none.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from changeover.protocol.wire import LEASE_MS, NEXT_VERSION, SERVER_INSTANCE, RolloutState
from tests.callers import none_stale
from tests.conftest import wait_until
from tests.processes.model_server import REPORT_TOKEN, ModelServer
from tests.processes.predict_api import PredictApi
from tests.processes.store import Store
from tests.recorded_wire import FIRST, INSTANCE, SECOND, WORDS, Exchange, RecordedServer, recorded, running

OPEN_TO_OLD_REPLICAS = {"ALLOW_ANONYMOUS_READS": "true"}  # a replica of that release reads without a token
MAY_DIFFER = {LEASE_MS, SERVER_INSTANCE}
OF_THE_MOMENT = {"title", "detail", "state", "created_at", "environment", "provenance", "metrics", "golden", "warnings"}


@pytest.fixture(scope="module")
def server(seaweed: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelServer]:
    with ModelServer(seaweed, "wire", tmp_path_factory.mktemp("server"), OPEN_TO_OLD_REPLICAS) as process:
        yield process


class OldReplica:
    """A replica of the former release: sends its recorded requests, and compares the answers with the recorded ones."""

    def __init__(self, server: ModelServer) -> None:
        self._url = server.url

    def send(self, exchange: Exchange) -> requests.Response:
        recorded_body = exchange.told
        body = (
            recorded_body
            if isinstance(recorded_body, bytes)
            else None
            if recorded_body is None
            else json.dumps(recorded_body).encode()
        )
        url = f"{self._url}{exchange.path}"
        return requests.request(exchange.method, url, data=body, headers=exchange.sent, timeout=30)

    def replay(self, scene: str) -> None:
        """Replay a scene; a check is repeated, as by a replica, until its answer is the recorded one."""
        for exchange in recorded(scene, token=REPORT_TOKEN):
            answer = self.send(exchange)
            if exchange.path.endswith("/current"):
                wanted = (exchange.status, exchange.headers.get(NEXT_VERSION))

                def as_then(exchange: Exchange = exchange, wanted: object = wanted) -> requests.Response | None:
                    repeated = self.send(exchange)
                    return repeated if (repeated.status_code, repeated.headers.get(NEXT_VERSION)) == wanted else None

                answer = wait_until(as_then, 20, f"{scene}: an answer like {wanted}")
            assert says_what_was_said(answer, exchange) == [], f"{scene}: {exchange.method} {exchange.path}"


def says_what_was_said(answer: requests.Response, then: Exchange) -> list[str]:
    """The differences in `answer` that break an old reader; additional headers and members are fine."""
    if answer.status_code != then.status:
        return [f"status {answer.status_code}, was {then.status}"]
    missing = []
    for name, value in then.headers.items():
        received = answer.headers.get(name)
        if received is None or (name not in MAY_DIFFER and received != value):
            missing.append(f"{name}: {received}, was {value}")
    if isinstance(then.body, bytes) and answer.content != then.body:
        missing.append("other bytes")
    if isinstance(then.body, dict):
        missing += differences(answer.json(), then.body, "")
    return missing


def differences(received: object, then: object, where: str) -> Iterator[str]:
    """Members of `then` that `heard` lacks, or has with another value."""
    if not isinstance(then, dict) or not isinstance(received, dict):
        if received != then:
            yield f"{where} is {received!r}, was {then!r}"
        return
    for name, value in then.items():
        if name not in received:
            yield f"{where}.{name} is gone"
        elif name not in OF_THE_MOMENT:
            yield from differences(received[name], value, f"{where}.{name}")


def test_an_old_replica_starts_rolls_and_leaves_with_this_model_server(server: ModelServer) -> None:
    old = OldReplica(server)
    unknown, without_current = recorded("nothing_current", token=REPORT_TOKEN)
    assert says_what_was_said(old.send(unknown), unknown) == []
    for artifact in (FIRST, SECOND):
        assert server.publish(artifact).status_code == 201
    assert says_what_was_said(old.send(without_current), without_current) == []
    assert server.roll(WORDS["first"]).json()["state"] == RolloutState.COMMITTED
    old.replay("start")
    begun = server.roll(WORDS["second"], wait=0)
    assert begun.status_code == 202
    old.replay("announce")  # the roll waits for this replica, which reports that it is ready
    old.replay("roll")
    assert server.get(begun.headers["Location"]).json()["state"] == RolloutState.COMMITTED
    old.replay("leave")
    assert server.get("/models/loan").json()["replicas"] == []


def test_an_old_replica_reads_no_version_unless_that_is_allowed(seaweed: Store, tmp_path: Path) -> None:
    with ModelServer(seaweed, "wire-closed", tmp_path) as server:
        assert server.publish(FIRST).status_code == 201
        assert server.roll(WORDS["first"]).json()["state"] == RolloutState.COMMITTED
        old = OldReplica(server)
        reads = [exchange for exchange in recorded("start", token=REPORT_TOKEN) if exchange.method == "GET"]
        checks = [exchange for exchange in reads if exchange.path.endswith("/current")]
        assert {old.send(exchange).status_code for exchange in checks} == {200, 304}
        assert {old.send(exchange).status_code for exchange in reads if exchange not in checks} == {401}
        assert len(reads) > len(checks)


def test_an_old_replica_that_cannot_prepare_aborts_the_roll(server: ModelServer) -> None:
    report = recorded("announce", token=REPORT_TOKEN)[-1]
    assert isinstance(report.told, dict)
    body = {**report.told, "ready": [WORDS["second"]], "failed": {WORDS["first"]: "no memory"}}
    failing = Exchange(report.method, report.path, report.sent, body, 204, {}, None)
    old = OldReplica(server)
    assert old.send(Exchange(report.method, report.path, report.sent, {**body, "failed": {}}, 204, {}, None)).ok
    begun = server.roll(WORDS["first"], wait=0)

    def aborted() -> bool:
        assert old.send(failing).status_code == 204
        return bool(server.get(begun.headers["Location"]).json()["state"] == RolloutState.ABORTED)

    wait_until(aborted, 20, "the abort")


def test_a_report_that_says_more_than_this_model_server_knows_is_taken(server: ModelServer) -> None:
    report = recorded("roll", token=REPORT_TOKEN)[1]
    assert isinstance(report.told, dict)
    more = {**report.told, "mood": "fine", "queue": {"length": 3}}
    later = Exchange(report.method, report.path, {**report.sent, "Replica-Mood": "fine"}, more, 204, {}, None)
    assert OldReplica(server).send(later).status_code == 204


FORMS = {
    "as recorded": RecordedServer(),
    "without leases and instances": RecordedServer(without=frozenset({LEASE_MS, SERVER_INSTANCE})),
    "with more than is known": RecordedServer(
        more={"Lease-Kind": "long", "X-Region": "north", "Vary": "Accept"},
        members={"epoch": 7, "shards": [{"name": "a"}], "sequences": None},
    ),
}


@pytest.mark.parametrize("old", FORMS.values(), ids=list(FORMS))
def test_this_predict_api_lives_through_a_roll_of_an_old_model_server(old: RecordedServer, tmp_path: Path) -> None:
    with running(old):
        old.play("start")
        with PredictApi(old.url, tmp_path, DEFAULT_MODEL="loan") as api:
            assert api.predict().json()["model_version"] == WORDS["first"]
            before = old.checks()
            assert none_stale(api)
            assert old.checks() >= before + 6  # without a lease each request checks
            old.play("announce")
            wait_until(lambda: ready(old, WORDS["second"]), 20, "both workers are ready")
            old.play("roll")
            second = api.predict()
            assert (second.json()["prediction"], second.headers.get("Model-Stale")) == (2, None)
            assert second.headers["Model-Version"] == WORDS["second"]
            old.play("leave")
        assert {method for method, _, _ in old.asked} == {"GET", "PUT", "DELETE"}
        assert unexpected(old) == set()


def ready(old: RecordedServer, version: str) -> bool:
    """Whether both workers have reported `version` as ready."""
    return len({report["replica"] for report in list(old.reports) if version in report["ready"]}) == 2  # type: ignore[operator]


def unexpected(old: RecordedServer) -> set[tuple[str, str, str]]:
    """Calls that a replica of the former release never made."""
    known = {exchange.key for scene in ("start", "announce", "roll", "leave") for exchange in recorded(scene)}
    return set(old.asked) - known


def test_the_recordings_are_of_a_release_without_leases() -> None:
    checks = [
        exchange
        for scene in ("start", "announce", "roll")
        for exchange in recorded(scene)
        if exchange.path.endswith("current")
    ]
    assert {exchange.headers[LEASE_MS] for exchange in checks} == {"0"}
    assert {exchange.headers[SERVER_INSTANCE] for exchange in checks} == {INSTANCE}
