"""predict_api with a false or absent model_server: faults 14, 19-22, 46-48, 60 and 63."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import wire_stub
from tests.callers import Callers, none_stale, stale
from tests.conftest import wait_until
from tests.processes.predict_api import Instances, PredictApi
from tests.tiny_models import ROW, tiny
from tests.wire_stub import WireStub, running_stub


def all_stale(api: PredictApi) -> bool:
    return all(stale(api) for _ in range(6))


def test_answers_are_stale_while_model_server_is_away_and_fresh_again_after(
    stub: WireStub, instances: Instances
) -> None:
    """Fault 60: every worker marks its answers."""
    api = instances.start()
    wait_until(lambda: none_stale(api), what="every answer is confirmed")
    stub.stop()
    with Callers(api) as callers:
        wait_until(lambda: all_stale(api), what="every answer is stale")
        assert api.get("/readyz").json()["stale"] == ["default"]
        stub.start()
        wait_until(lambda: none_stale(api), what="every answer is confirmed")
    assert callers.failures == []


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[WireStub, PredictApi]]:
    """One instance for the faults that change nothing for the next test."""
    with running_stub() as stub:
        stub.roll("default", stub.publish("default", *tiny(1)))
        with PredictApi(stub.url, tmp_path_factory.mktemp("shared"), WORKERS="1") as api:
            yield stub, api


@pytest.mark.parametrize(
    "fault", ["silent", "dripping", "html", "failing", "wrong_json", "etag_of_another", "not_modified_for_nothing"]
)
def test_a_check_that_gives_no_answer_to_trust_makes_answers_stale(
    shared: tuple[WireStub, PredictApi], fault: str
) -> None:
    """Faults 20 and 21: an answer outside the protocol counts as no answer."""
    stub, api = shared
    wait_until(lambda: none_stale(api), what="every answer is confirmed")
    stub.on_check = getattr(wire_stub, fault)
    wait_until(lambda: all_stale(api), what="every answer is stale")
    assert 'outcome="failed"' in api.get("/metrics").text
    stub.on_check = None
    wait_until(lambda: none_stale(api), what="every answer is confirmed")


def test_a_kept_alive_connection_that_was_closed_is_replaced_within_the_check(
    shared: tuple[WireStub, PredictApi],
) -> None:
    """Fault 22: one immediate retry on a fresh connection."""
    stub, api = shared
    for _ in range(5):
        stub.stop()
        stub.start()
        wait_until(lambda: none_stale(api))

    def close(exchange: wire_stub.Exchange) -> bool:
        """Answer, then close without `Connection: close`: the next check meets a dead connection."""
        exchange.close_connection = True
        return False

    stub.on_check = close
    assert none_stale(api)
    stub.on_check = None


def test_a_replica_that_is_restarted_alone_answers_from_its_cache_and_says_stale(
    stub: WireStub, instances: Instances
) -> None:
    first = instances.start()
    wait_until(lambda: none_stale(first), what="every answer is confirmed")
    wait_until(lambda: len(stub.reports) == 2)
    assert first.end() == 0
    stub.stop()
    second = instances.start()
    wait_until(lambda: all_stale(second), what="every answer is stale")
    assert second.events("replica.started_from_cache")
    stub.start()
    wait_until(lambda: none_stale(second), what="every answer is confirmed")


def test_a_damaged_cache_file_is_deleted_and_downloaded_again(
    stub: WireStub, instances: Instances, tmp_path: Path
) -> None:
    """Fault 48: the file is hashed on load."""
    first = instances.start(WORKERS="1")
    path = tmp_path / "cache" / "default" / f"{stub.currents['default'].version}.joblib"
    wait_until(lambda: none_stale(first), what="every answer is confirmed")
    first.end()
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    second = instances.start(WORKERS="1")
    wait_until(lambda: none_stale(second), what="every answer is confirmed")
    assert second.events("cache.discarded")
    assert path.read_bytes() == tiny(1)[0]


def test_a_cache_that_cannot_be_written_is_a_warning(stub: WireStub, instances: Instances, tmp_path: Path) -> None:
    """Fault 47: one warning, and answers go on."""
    blocked = tmp_path / "no-directory"
    blocked.write_text("a file stands where the directory should be")
    api = instances.start(CACHE_DIR=str(blocked))
    wait_until(lambda: none_stale(api), what="every answer is confirmed")
    assert api.events("cache.unusable")


def test_a_name_that_cannot_be_looked_up_costs_no_request_more_than_the_deadline(tmp_path: Path) -> None:
    """Fault 19: the system's resolver does not know the name, or hangs on it; the answer is a 503."""
    with PredictApi("http://model-server.invalid:5001", tmp_path, WORKERS="1") as api:
        answer = api.predict()
        assert (answer.status_code, answer.json()["type"]) == (503, "urn:changeover:no-model")


def test_probes_do_not_reach_model_server(shared: tuple[WireStub, PredictApi]) -> None:
    """Fault 63: probes of predict_api."""
    stub, api = shared
    before = sum(stub.calls.values())
    for _ in range(50):
        assert api.get("/readyz").status_code == 200
        assert api.get("/livez").status_code == 200
    calls = sum(stub.calls.values()) - before
    assert calls < 50


def test_a_client_that_goes_away_leaves_no_trace(shared: tuple[WireStub, PredictApi]) -> None:
    """Fault 57: no traceback, and no blocked thread."""
    _, api = shared
    port = int(api.url.rsplit(":", 1)[1])
    for _ in range(10):
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(
                b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{"
            )
    wait_until(lambda: none_stale(api), what="every answer is confirmed")
    assert api.predict(ROW).status_code == 200
    assert "Traceback" not in api.log


def test_a_restarted_replica_that_cannot_get_the_current_version_answers_by_its_last_one(
    stub: WireStub, instances: Instances
) -> None:
    first = instances.start(WORKERS="1")
    wait_until(lambda: none_stale(first), what="every answer is confirmed")
    first.end()
    stub.roll("default", stub.publish("default", *tiny(2)))
    stub.on_artifact = wire_stub.failing
    second = instances.start(WORKERS="1")
    wait_until(lambda: all_stale(second), what="every answer is stale")
    stub.on_artifact = None
    wait_until(lambda: second.predict().json()["prediction"] == 2, what="the current version answers")
