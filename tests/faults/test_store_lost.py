"""Failures of the store under model_server: slow, hung, emptied, or with other keys. Both services keep serving."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from object_store.bucket import Bucket
from tests.conftest import wait_until
from tests.fault_proxy import BLACK_HOLE, Fault, FaultProxy
from tests.faults.pair import MODEL, Pair, heavy
from tests.processes.model_server import ModelServer
from tests.processes.store import SECRET_KEY


def problems(server: ModelServer) -> dict[str, str]:
    readiness = server.get("/readyz").json()
    return dict(readiness["problems"])


def serve(server: ModelServer) -> None:
    """A model_server with the first model current."""
    version = server.publish(heavy(1)).json()["version"]
    assert server.roll(version).json()["state"] == "committed"


@pytest.fixture
def proxy(server: ModelServer) -> Iterator[FaultProxy]:
    """A proxy between model_server and the store."""
    with FaultProxy(("127.0.0.1", server.store.port)) as proxy:
        server.environment |= {"AWS_ENDPOINT_URL_S3": proxy.url, "STORE_TIMEOUT": "3"}
        yield proxy


def test_refused_keys_fail_no_prediction_and_new_keys_need_no_restart(server: ModelServer, tmp_path: Path) -> None:
    """Fault 11: checks are answered, the log has one line, and the changed file of the secret is read again."""
    secret = tmp_path / "secret"
    secret.write_text(SECRET_KEY)
    server.start(AWS_SECRET_ACCESS_KEY="", AWS_SECRET_ACCESS_KEY_FILE=str(secret))
    serve(server)
    secret.write_text("not the key any more")
    problem = wait_until(lambda: problems(server).get("store"), what="the word on the store")
    assert "AWS_SECRET_ACCESS_KEY" in str(problem)
    assert server.get(f"/models/{MODEL}/current").status_code == 200
    refused = server.publish(heavy(2))
    assert (refused.status_code, refused.json()["type"]) == (503, "urn:changeover:store-denied")
    secret.write_text(SECRET_KEY)
    wait_until(lambda: not problems(server), what="recovery")
    assert server.publish(heavy(2)).status_code == 201
    assert (server.log.count('"store.failed"'), server.log.count('"store.recovered"')) == (1, 1)
    assert "not the key any more" not in server.log


def everything_in(bucket: Bucket) -> dict[str, bytes]:
    return {stored.key: bucket.read(stored.key, 10**7) for stored in list(bucket.list(""))}


def test_an_emptied_store_unloads_nothing_and_raises_an_alarm(pair: Pair) -> None:
    """Fault 12: both services keep the active version; a restart takes up the restored bucket."""
    pair.start()
    bucket = pair.server.store.bucket(bucket=pair.server.bucket)
    saved = everything_in(bucket)
    for key in saved:
        if not key.startswith("current/"):
            bucket.delete(key)
    what = f"ledger of {MODEL}"
    wait_until(lambda: "gone from the bucket" in problems(pair.server).get(what, ""), what="the alarm")
    assert '"ledger.lost"' in pair.server.log
    assert pair.answers(1)
    pair.server.end()
    pair.server.start()
    assert "no entry of its ledger" in problems(pair.server)[what]
    wait_until(lambda: pair.answers(1, stale=True), what="stale answers of the last good version")
    wait_until(lambda: pair.api.events("replica.current_gone"), what="the alarm of predict_api")
    for key, content in saved.items():
        bucket.write(key, content)
    pair.server.end()
    pair.server.start()
    wait_until(lambda: pair.answers(1), what="confirmed answers")
    assert problems(pair.server) == {}


@pytest.mark.parametrize("fault", [Fault(drip=0.3), Fault(hang_at=300)], ids=str)
def test_a_slow_or_hung_store_ends_calls_in_time_and_what_serves_goes_on(
    server: ModelServer, proxy: FaultProxy, fault: Fault
) -> None:
    """Faults 3 and 4: one deadline over everything, and a 503 for the publisher; the old version serves until a retry."""
    server.start()
    serve(server)
    threads = server.workers()[0].num_threads()
    proxy.answers = fault
    proxy.break_off()
    refused = server.publish(heavy(2))
    assert (refused.status_code, refused.json()["type"]) == (503, "urn:changeover:store-unavailable")
    assert server.get(f"/models/{MODEL}/current").json()["sequence"] == 1
    proxy.heal()
    version = wait_until(lambda: server.publish(heavy(2)).json().get("version"), 60, "the publish")
    assert server.roll(str(version)).json()["state"] == "committed"
    wait_until(lambda: server.workers()[0].num_threads() <= threads + 1, what="no thread is left waiting")


def test_probes_and_checks_never_wait_for_the_store(server: ModelServer, proxy: FaultProxy) -> None:
    """Fault 63: many probes and checks make no connection to the store; the periodic reads of model_server make few."""
    server.start(INCOMING_POLL="3600")
    serve(server)
    proxy.requests = proxy.answers = BLACK_HOLE
    proxy.break_off()
    before = proxy.connections
    for _ in range(50):
        for path in ("/livez", "/readyz", "/metrics", "/models", f"/models/{MODEL}", f"/models/{MODEL}/current"):
            assert server.get(path).status_code == 200
    assert proxy.connections - before < 50
