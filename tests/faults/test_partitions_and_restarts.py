"""Restarts and partitions of model_server under a predict_api that answers throughout."""

import signal
from pathlib import Path

import psutil
import requests

from changeover import digest
from tests.callers import Callers, none_stale, stale
from tests.conftest import wait_until
from tests.fault_proxy import Fault
from tests.faults.pair import MODEL, Pair, heavy
from tests.processes.predict_api import Instances
from tests.tiny_models import ROW, tiny
from tests.wire_stub import Exchange, WireStub

RESTARTS = 20


def test_a_server_that_dies_in_the_middle_of_a_download_costs_a_stale_answer_at_most(pair: Pair) -> None:
    """Fault 14: a partial download is never kept or loaded; after the restart, the roll is prepared from the start."""
    pair.start()
    version = pair.publish(2)
    before = pair.proxy.connections
    pair.proxy.answers = Fault(hang_at=20_000)  # after the manifest, within the artifact
    assert pair.server.roll(version, MODEL, wait=0).status_code == 202
    wait_until(lambda: pair.proxy.connections >= before + 2, what="the download")
    pair.server.end(signal.SIGKILL)
    wait_until(lambda: pair.answers(1, stale=True), what="stale answers of the last good version")
    kept = {path.name: path.read_bytes() for path in (pair.cache / MODEL).glob("*.joblib")}
    assert kept == {f"{digest.sha256(heavy(1))}.joblib": heavy(1)}
    pair.proxy.heal()
    pair.server.start()
    assert pair.roll(2)
    wait_until(lambda: pair.answers(2), what="the second version answers")


def test_a_version_whose_bytes_have_arrived_is_prepared_without_model_server(
    stub: WireStub, instances: Instances
) -> None:
    """Fault 17: the replica loads the downloaded bytes while model_server is away."""
    api = instances.start(WORKERS="1")
    version = stub.publish("default", *tiny(2))
    sent: list[bool] = []

    def last_words(exchange: Exchange) -> bool:
        exchange.answer(200, exchange.stub.artifacts["default", version], {})
        exchange.wfile.flush()
        sent.append(True)
        return True

    stub.on_artifact = last_words
    stub.nexts["default"] = version
    wait_until(lambda: sent, what="the artifact's last byte")
    stub.stop()
    wait_until(
        lambda: version in [event["version"] for event in api.events("replica.prepared")], what="the preparation"
    )
    assert stale(api)
    stub.start()
    stub.roll("default", version)
    wait_until(lambda: api.predict().json()["prediction"] == 2, what="the second version answers")


def test_twenty_restarts_fail_no_request_reload_nothing_and_leave_nothing_behind(pair: Pair) -> None:
    """Faults 15 and 18: after each restart the same version answers, and no thread, descriptor or process is left."""
    pair.start()
    assert pair.server.process is not None
    workers = pair.api.workers()
    wait_until(lambda: pair.answers(1), what="confirmed answers")
    before = [(worker.num_threads(), worker.num_fds()) for worker in workers]
    prepared = len(pair.api.events("replica.prepared"))
    with Callers(pair.api, 1) as callers:
        for number in range(RESTARTS):
            pair.server.end(signal.SIGKILL if number % 2 else signal.SIGTERM)
            pair.server.start()
    assert callers.failures == []
    wait_until(lambda: pair.answers(1), what="confirmed answers")
    assert {prediction for _, _, prediction in callers.answers} == {1}
    assert len(pair.api.events("replica.prepared")) == prepared
    assert [worker.pid for worker in pair.api.workers()] == [worker.pid for worker in workers]

    def as_before() -> bool:
        now = [(worker.num_threads(), worker.num_fds()) for worker in workers]
        return all(a <= x + 2 and b <= y + 2 for (a, b), (x, y) in zip(now, before, strict=True))

    wait_until(as_before, what=f"threads and descriptors as before ({before})")
    assert pair.server_worker().children(recursive=True) == []
    assert list((pair.server.folder / "spool").glob("upload-*")) == []
    port = pair.server.port
    listeners = {
        one.pid for one in psutil.net_connections("tcp") if one.laddr and one.laddr[1] == port and not one.raddr
    }
    family = {pair.server.process.pid, pair.server_worker().pid}
    assert {pid for pid in listeners if pid} <= family


def test_a_replica_that_is_cut_off_says_stale_and_converges_when_it_is_not(pair: Pair) -> None:
    """Fault 60: a roll goes on without an unreachable replica; every later answer of that replica is stale."""
    pair.start()
    pair.publish(2)
    with Callers(pair.api, 2) as callers:
        pair.partition()
        wait_until(lambda: pair.answers(1, stale=True), what="stale answers")
        assert pair.roll(2)
        committed = len(callers.answers)
        callers.until(lambda callers: len(callers.answers) > committed + 50, "answers after the roll")
        later = callers.answers[committed + 2 :]  # two requests may have begun earlier
        assert {is_stale for _, is_stale, prediction in later if prediction == 1} == {True}
        pair.proxy.heal()
        wait_until(lambda: pair.answers(2), what="the second version answers")
    assert callers.failures == []


def test_an_older_ledger_is_accepted_only_with_an_empty_cache(
    stub: WireStub, instances: Instances, tmp_path: Path
) -> None:
    """Fault 61: a replica that restarts keeps its highest sequence in the cache; an empty CACHE_DIR accepts a lower one."""
    newest = stub.roll("default", stub.publish("default", *tiny(2)))
    first = instances.start(WORKERS="1")
    wait_until(lambda: "Model-Stale" not in first.predict().headers, what="a confirmed answer")
    assert first.predict().json()["prediction"] == 2
    wait_until((tmp_path / "cache" / "default" / "current.json").exists, what="what was confirmed is kept")
    assert first.end() == 0
    stub.currents["default"] = type(newest)(1, stub.publish("default", *tiny(1)))
    second = instances.start(WORKERS="1")
    wait_until(lambda: second.events("replica.sequence_refused"), what="a loud refusal")
    answer = second.predict()
    assert (answer.json()["prediction"], answer.headers.get("Model-Stale")) == (2, "true")
    assert second.end() == 0
    third = instances.start(WORKERS="1", CACHE_DIR=str(tmp_path / "another"))
    wait_until(lambda: none_stale(third), what="the older ledger's version answers")


def test_a_drain_shows_in_readyz_before_requests_are_refused(stub: WireStub, instances: Instances) -> None:
    """Fault 51: after SIGTERM, `/readyz` is false while requests are still taken and answered."""
    api = instances.start(WORKERS="1", DRAIN_SECONDS="3")
    wait_until(lambda: none_stale(api), what="confirmed answers")
    api.processes()[0].terminate()
    wait_until(lambda: api.get("/readyz").status_code == 503, what="the announcement")
    assert api.predict().status_code == 200
    assert api.wait() == 0


def test_each_answer_of_a_drain_ends_its_connection_and_none_does_before(stub: WireStub, instances: Instances) -> None:
    """Fault 51: a caller that keeps its connection to the end would lose the request that it sends as it is closed."""
    api = instances.start(WORKERS="1", DRAIN_SECONDS="5")
    wait_until(lambda: none_stale(api), what="confirmed answers")
    with requests.Session() as session:

        def ends_its_connection() -> bool:
            answer = session.post(f"{api.url}/predict", json=ROW, timeout=20)
            assert answer.status_code == 200
            return answer.headers.get("Connection") == "close"

        assert not any(ends_its_connection() for _ in range(20))
        api.processes()[0].terminate()
        wait_until(ends_its_connection, what="an answer that ends its connection")
        assert all(ends_its_connection() for _ in range(5))
    assert api.wait() == 0
