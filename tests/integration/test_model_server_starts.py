"""The start of model_server: the ledger, raw uploads, the pin, a store that is away, and sudden deaths."""

import gzip
import hashlib
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from object_store import keys
from object_store.bucket import Bucket
from tests.conftest import wait_until
from tests.integration.artifacts import a_model
from tests.processes.model_server import ModelServer
from tests.processes.store import Store


def version_of(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


@pytest.fixture
def server(seaweed: Store, bucket_name: str, tmp_path: Path) -> Iterator[ModelServer]:
    server = ModelServer(seaweed, f"starts-{bucket_name}", tmp_path / "server")
    yield server
    server.end()


def states(server: ModelServer, model: str = "loan") -> dict[str, str]:
    answer = server.get(f"/models/{model}/versions")
    return {entry["version"]: entry["state"] for entry in answer.json().get("versions", [])}


def current(server: ModelServer, model: str = "loan") -> str | None:
    answer = server.get(f"/models/{model}/current")
    return str(answer.json()["version"]) if answer.status_code == 200 else None


def drop(server: ModelServer, key: str, body: bytes) -> Bucket:
    bucket = server.store.bucket(bucket=server.bucket)
    bucket.write(key, body, "application/octet-stream")
    return bucket


def test_what_was_acknowledged_survives_sigkill_and_a_candidate_stays_one(server: ModelServer) -> None:
    server.start()
    assert server.publish(a_model(1)).status_code == 201
    assert server.roll(version_of(a_model(1))).json()["state"] == "committed"
    assert server.publish(a_model(2)).status_code == 201
    server.end(signal.SIGKILL)
    server.start()
    assert states(server) == {version_of(a_model(1)): "current", version_of(a_model(2)): "admitted"}
    assert current(server) == version_of(a_model(1))
    assert server.end() == 0


def test_a_worker_that_is_killed_again_and_again_is_replaced(server: ModelServer) -> None:
    server.start()
    assert server.publish(a_model(1)).status_code == 201
    for _ in range(3):
        killed = server.processes()[1:]
        for process in killed:
            process.kill()
        psutil.wait_procs(killed, timeout=20)
        server.wait_until_it_answers()
    assert states(server) == {version_of(a_model(1)): "admitted"}
    assert server.end() == 0


def test_a_raw_upload_is_admitted_within_seconds_and_rolled_at_the_next_start(server: ModelServer) -> None:
    server.start()
    assert server.publish(a_model(1)).ok
    assert server.roll(version_of(a_model(1))).ok
    bucket = drop(server, "incoming/loan/new model.joblib", a_model(2))
    wait_until(lambda: version_of(a_model(2)) in states(server), 30, "the upload's admission")
    wait_until(lambda: not list(bucket.list("incoming/")), 10, "the drop zone's clearing")
    assert current(server) == version_of(a_model(1))
    server.end()
    server.start()
    wait_until(lambda: current(server) == version_of(a_model(2)), 20, "the roll of the upload")
    entry = server.get("/models/loan/rollouts").json()["rollouts"][0]
    assert "new model.joblib" in entry["reason"]
    assert entry["by"] == "model_server"
    assert server.post("/models/loan/rollback?wait=20").json()["state"] == "committed"
    server.end()
    server.start()
    wait_until(lambda: "startup.decided" in server.log.rsplit("server.started", 1)[1], 20, "the start's decision")
    assert current(server) == version_of(a_model(1))
    server.end()


def test_an_upload_while_model_server_was_away_is_rolled_at_start_also_for_the_default_model(
    server: ModelServer,
) -> None:
    server.start()
    server.end()
    drop(server, "incoming/first.joblib", a_model(3))
    server.start()
    wait_until(lambda: current(server) == version_of(a_model(3)), 30, "the roll of the upload")
    server.end()


def test_raw_uploads_can_be_rolled_immediately_or_never(server: ModelServer) -> None:
    server.start(ROLL_INCOMING="at-once")
    drop(server, "incoming/loan/a.joblib", a_model(1))
    wait_until(lambda: current(server) == version_of(a_model(1)), 30, "the immediate roll")
    server.end()
    server.start(ROLL_INCOMING="never")
    drop(server, "incoming/loan/b.joblib", a_model(2))
    wait_until(lambda: version_of(a_model(2)) in states(server), 30, "the admission")
    server.end()
    server.start(ROLL_INCOMING="never")
    wait_until(lambda: "startup.decided" in server.log.rsplit("server.started", 1)[1], 20, "the start's decision")
    assert current(server) == version_of(a_model(1))
    server.end()


def test_a_bad_upload_is_explained_within_seconds_and_nothing_is_lost(server: ModelServer) -> None:
    server.start()
    assert server.publish(a_model(1)).ok
    assert server.roll(version_of(a_model(1))).ok
    truncated = a_model(2)[:-40]
    bucket = drop(server, "incoming/loan/cut.joblib", truncated)
    drop(server, "incoming/Not A Model/x.joblib", b"x")
    wait_until(lambda: "rejected" in states(server).values(), 30, "the rejection")
    wait_until(lambda: "incoming.no_model" in server.log, 10, "the word on the folder")
    assert bucket.read(keys.rejected_key("loan", "cut.joblib"), 10**6) == truncated
    assert b"reason" in bucket.read(keys.reason_key("loan", "cut.joblib"), 10**6)
    assert current(server) == version_of(a_model(1))
    drop(server, "incoming/loan/cut.joblib", a_model(2)[:-50])
    wait_until(lambda: len(list(bucket.list("rejected/loan/"))) == 4, 30, "the second of the same name")
    server.end()


def test_an_object_with_a_content_encoding_is_named_by_the_bytes_that_are_stored(server: ModelServer) -> None:
    """Fault 45: the raw bytes are hashed, never the decoded ones."""
    import minio

    server.start()
    body = gzip.compress(a_model(1))
    address = server.store.url.removeprefix("http://")
    from tests.processes.store import ACCESS_KEY, SECRET_KEY

    client = minio.Minio(address, access_key=ACCESS_KEY, secret_key=SECRET_KEY, secure=False)
    import io

    headers = {"Content-Encoding": "gzip"}
    client.put_object(server.bucket, "incoming/loan/z.joblib", io.BytesIO(body), len(body), metadata=headers)
    wait_until(lambda: version_of(body) in states(server), 30, "the admission of the raw bytes")
    server.end()


def test_a_pinned_version_is_fetched_rolled_and_kept(server: ModelServer, tmp_path: Path) -> None:
    file = tmp_path / "pinned.joblib"
    file.write_bytes(a_model(1))
    pin = {"MODEL_SHA256": f"sha256:{version_of(a_model(1)).upper()}", "MODEL_URI": file.as_uri()}
    server.start(**pin)
    wait_until(lambda: current(server) == version_of(a_model(1)), 30, "the roll of the pin")
    assert server.publish(a_model(2)).ok
    refused = server.roll(version_of(a_model(2)))
    assert refused.status_code == 409
    assert "MODEL_SHA256" in refused.json()["detail"]
    assert server.get("/models/loan").json()["pinned"] == version_of(a_model(1))
    server.end()


def test_a_pin_that_does_not_match_is_an_error_everywhere_and_the_last_good_version_serves(
    server: ModelServer, tmp_path: Path
) -> None:
    file = tmp_path / "other.joblib"
    file.write_bytes(a_model(2))
    pin = {"MODEL_SHA256": "e" * 64, "MODEL_URI": file.as_uri()}
    server.start("/livez", **pin)
    wait_until(lambda: "pin.failed" in server.log, 30, "the word on the pin")
    assert server.get("/readyz").status_code == 503
    server.end()
    server.start()
    assert server.publish(a_model(1)).ok
    assert server.roll(version_of(a_model(1))).ok
    server.end()
    server.start(**pin)
    wait_until(lambda: server.get("/readyz").json()["status"] == "degraded", 30, "the degraded state")
    problem = server.get("/readyz").json()["problems"]["pin"]
    assert "e" * 64 in problem
    assert version_of(a_model(2)) in problem
    newest = server.get("/models/loan/rollouts").json()["rollouts"][0]
    assert (newest["state"], newest["version"]) == ("aborted", "e" * 64)
    assert current(server) == version_of(a_model(1))
    server.end()


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[ModelServer]:
    """A model_server and a store for one test, neither of them started."""
    store = Store("seaweed", tmp_path / "store")
    server = ModelServer(store, "models", tmp_path / "server")
    yield server
    server.end()
    store.end()


def test_a_store_that_is_away_is_waited_for_and_one_that_goes_away_is_survived(alone: ModelServer) -> None:
    """Faults 1 and 2: without a store, a 503 and no crash loop; if the store dies later, the current version stays."""
    store, server = alone.store, alone.start("/livez")
    answer = server.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["type"] == "urn:changeover:no-model"
    assert server.get("/models/loan/current").status_code == 503
    store.start()
    wait_until(lambda: server.answers("/readyz"), 30, "readiness once the store is there")
    assert server.publish(a_model(1)).ok
    assert server.roll(version_of(a_model(1))).ok
    store.kill()
    assert current(server) == version_of(a_model(1))
    refused = server.publish(a_model(2))
    assert refused.status_code == 503
    assert "Retry-After" in refused.headers
    store.start()
    wait_until(lambda: server.publish(a_model(2)).status_code in {200, 201}, 60, "publishing after the store's return")
    assert server.end() == 0


def test_a_stop_ends_a_roll_that_waits_and_says_so(server: ModelServer) -> None:
    server.start()
    for seed in (1, 2):
        assert server.publish(a_model(seed)).ok
    assert server.roll(version_of(a_model(1))).ok
    assert server.report("r1", ready=[version_of(a_model(1))]) == 204
    assert server.roll(version_of(a_model(2)), wait=0).status_code == 202
    assert server.end() == 0
    server.start()
    assert current(server) == version_of(a_model(1))
    newest = server.get("/models/loan/rollouts").json()["rollouts"][0]
    assert newest["state"] == "aborted"
    assert "stopped" in newest["reason"]
    server.end()
