"""ONNX twins from admission to answer: bound in the manifest, verified by replicas, named in the answer.

Carries *attribution* ("or whose twin did: one derived at admission, proved equal ... and bound to it in the manifest").
"""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
import requests
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from changeover import digest
from changeover.onnx_twin.scoring import LARGE_BYTES
from object_store import keys
from tests.conftest import wait_until
from tests.processes.model_server import REPORT_TOKEN, ModelServer
from tests.processes.predict_api import Instances, PredictApi
from tests.processes.store import Store

MODEL = "loan"
ROW = {"a": 0.5, "b": -0.25}
FRAME = pd.DataFrame(np.random.default_rng(3).normal(size=(300, 2)), columns=["a", "b"])


def artifact(estimator: Any, seed: int = 0) -> bytes:
    labels = np.where(FRAME["a"] + 0.1 * seed > FRAME["b"], "yes", "no")
    buffer = io.BytesIO()
    joblib.dump(estimator.fit(FRAME, labels), buffer)
    return buffer.getvalue()


@pytest.fixture
def server(seaweed: Store, bucket_name: str, tmp_path: Path) -> Iterator[ModelServer]:
    with ModelServer(seaweed, bucket_name, tmp_path / "server", {"RUNTIME": "onnx"}) as server:
        yield server


@pytest.fixture
def apis(server: ModelServer, tmp_path: Path) -> Iterator[Instances]:
    """Start predict_api any number of times; each is ended after the test."""
    apis = Instances(tmp_path, server.url)
    yield apis
    apis.end()


def start(apis: Instances, **settings: str) -> PredictApi:
    return apis.start(**{"REPORT_TOKEN": REPORT_TOKEN, "DEFAULT_MODEL": MODEL, "WORKERS": "1", **settings})


def replicas(server: ModelServer) -> list[dict[str, Any]]:
    """The replicas that have reported to the running model_server; a roll waits only for them."""
    reported: list[dict[str, Any]] = server.get(f"/models/{MODEL}").json()["replicas"]
    return reported


def publish(server: ModelServer, body: bytes) -> Any:
    assert server.publish(body).status_code == 201
    return server.get(f"/models/{MODEL}/versions/{digest.sha256(body)}").json()["twin"]


def test_a_model_with_a_twin_is_answered_by_it_and_says_so(
    server: ModelServer, apis: Instances, tmp_path: Path
) -> None:
    body = artifact(LogisticRegression())
    twin = publish(server, body)
    version = digest.sha256(body)
    fetched = server.get(f"/models/{MODEL}/versions/{version}/twin")
    assert (digest.sha256(fetched.content), len(fetched.content)) == (twin["sha256"], twin["size"])
    assert fetched.headers["Repr-Digest"] == digest.repr_digest(twin["sha256"])
    assert twin["proof"]["rows"] > 100

    assert server.roll(version).json()["state"] == "committed"
    by_twin = start(apis).predict(ROW)
    by_model = start(apis, RUNTIME="sklearn").predict(ROW)
    assert [answer.headers["Model-Runtime"] for answer in (by_twin, by_model)] == ["onnx", "sklearn"]
    assert by_twin.json()["model_version"] == by_model.json()["model_version"] == version
    assert by_twin.json()["prediction"] == by_model.json()["prediction"]
    assert by_twin.json()["predict_proba"] == pytest.approx(by_model.json()["predict_proba"], rel=1e-9)


def test_the_session_of_a_large_twin_is_made_in_the_models_process(server: ModelServer, apis: Instances) -> None:
    numbers = np.random.default_rng(7)
    frame = pd.DataFrame(numbers.normal(size=(3_000, 2)), columns=["a", "b"])
    forest = ExtraTreesClassifier(30, random_state=0).fit(frame, numbers.choice(["no", "yes"], len(frame)))
    buffer = io.BytesIO()
    joblib.dump(forest, buffer)
    twin = publish(server, buffer.getvalue())
    assert twin["size"] > LARGE_BYTES
    assert server.roll(digest.sha256(buffer.getvalue())).json()["state"] == "committed"
    api = start(apis)
    rows = frame[:200]
    answer = requests.post(f"{api.url}/predict", json=rows.to_dict("records"), timeout=30)
    assert answer.headers["Model-Runtime"] == "onnx"
    expected = forest.predict_proba(rows)
    assert [each["predict_proba"] for each in answer.json()["predictions"]] == pytest.approx(expected, abs=1e-9)
    beyond = api.predict({"a": 2.0**54, "b": 0.0})  # where the twin's numbers are not exact
    assert (beyond.status_code, beyond.headers["Model-Runtime"]) == (200, "sklearn")
    if Path("/proc/self/maps").exists():
        maps = [Path(f"/proc/{worker.pid}/maps").read_text(encoding="utf-8") for worker in api.workers()]
        assert maps
        assert not [text for text in maps if "onnxruntime" in text]


def test_a_model_without_a_twin_is_admitted_and_the_manifest_says_why(
    server: ModelServer, apis: Instances, tmp_path: Path
) -> None:
    body = artifact(KNeighborsClassifier(metric="cosine"))
    twin = publish(server, body)
    assert twin["absent"]
    assert server.get(f"/models/{MODEL}/versions/{digest.sha256(body)}/twin").status_code == 404
    assert server.roll(digest.sha256(body)).json()["state"] == "committed"
    assert start(apis).predict(ROW).headers["Model-Runtime"] == "sklearn"


def test_a_twin_with_other_bytes_than_the_manifest_names_is_refused_with_its_version(
    server: ModelServer, apis: Instances, tmp_path: Path
) -> None:
    first, second = artifact(LogisticRegression()), artifact(LogisticRegression(), seed=5)
    publish(server, first)
    assert server.roll(digest.sha256(first)).json()["state"] == "committed"
    api = start(apis)
    wait_until(lambda: [replica["held"] for replica in replicas(server)], what="model_server has heard of the replica")
    other = publish(server, second)
    key = keys.twin_key(MODEL, digest.sha256(second), other["sha256"])
    bucket = server.store.bucket(bucket=server.bucket)
    bytes_of_twin = bytearray(bucket.read(key, 1 << 20))
    bytes_of_twin[len(bytes_of_twin) // 2] ^= 1
    bucket.write(key, bytes(bytes_of_twin), "application/octet-stream")
    aborted = server.roll(digest.sha256(second)).json()
    assert aborted["state"] == "aborted"
    assert "the twin of" in aborted["reason"]
    assert api.predict(ROW).json()["model_version"] == digest.sha256(first)


def test_a_restart_without_model_server_finds_the_twin_in_the_cache(
    server: ModelServer, apis: Instances, tmp_path: Path
) -> None:
    body = artifact(LogisticRegression())
    publish(server, body)
    assert server.roll(digest.sha256(body)).json()["state"] == "committed"
    cache = {"CACHE_DIR": str(tmp_path / "cache")}
    first = start(apis, **cache)
    first.predict(ROW)
    assert list((tmp_path / "cache" / MODEL).glob("*.onnx"))
    first.end()
    server.end()
    answer = start(apis, **cache).predict(ROW)
    assert (answer.status_code, answer.headers["Model-Stale"], answer.headers["Model-Runtime"]) == (200, "true", "onnx")
