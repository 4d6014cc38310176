"""Many models of a replica: one freshness check and one lease for all, and threads whose number does not grow."""

import io
from collections.abc import Iterator
from dataclasses import dataclass

import joblib
import numpy as np
import pandas as pd
import psutil
import pytest
import requests
from sklearn.linear_model import LogisticRegression

from changeover.protocol.replica_identity import new_identity
from changeover.protocol.wire import REPLICA_ID, REPLICA_SECRET, RolloutState
from tests.conftest import wait_until
from tests.processes.copies import copy_model
from tests.processes.model_server import REPORT_TOKEN, ModelServer
from tests.processes.predict_api import PredictApi
from tests.processes.store import Store

MODELS = [f"model-{number}" for number in range(30)]
FIRST, ROLLED = MODELS[0], MODELS[7]
ROW = {"a": 0.5, "b": -0.25}
STARTED_LATER = 4  # threads that a worker starts when it first needs them, whatever its models
BUCKET = "one-lease"


def artifact(*labels: str) -> bytes:
    """A model of two columns that has an ONNX twin."""
    frame = pd.DataFrame(np.random.default_rng(3).normal(size=(300, 2)), columns=["a", "b"])
    body = io.BytesIO()
    joblib.dump(LogisticRegression().fit(frame, np.where(frame["a"] > frame["b"], *labels)), body)
    return body.getvalue()


@dataclass
class Pair:
    """A model_server and an instance of predict_api with one worker that has all models."""

    server: ModelServer
    api: PredictApi
    second: str  # a version of ROLLED
    threads_before: int  # of the worker, while it had one model

    def worker(self) -> psutil.Process:
        """The worker."""
        return self.api.workers()[0]

    def metric(self, beginning: str) -> dict[str, float]:
        """The values of model_server's metrics whose lines begin so."""
        lines = self.server.get("/metrics").text.splitlines()
        return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(beginning)}

    def checks(self) -> dict[str, float]:
        """The number of freshness checks by model."""
        checks: dict[str, float] = {}
        for name, count in self.metric("changeover_server_checks_total{").items():
            model = name.split('model="')[1].split('"')[0]
            checks[model] = checks.get(model, 0.0) + count
        return checks

    def serves(self) -> set[str]:
        """The models of predict_api, without those whose answers are stale."""
        listed = self.api.get("/models").json()["models"]
        return {entry["model"] for entry in listed if not entry["stale"]}


@pytest.fixture(scope="module")
def pair(seaweed: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("one-lease")
    with ModelServer(seaweed, BUCKET, folder / "server", {"RUNTIME": "onnx"}) as server:
        version = server.publish(artifact("yes", "no"), FIRST).json()["version"]
        second = server.publish(artifact("no", "yes"), ROLLED).json()["version"]
        assert server.roll(version, FIRST).json()["state"] == RolloutState.COMMITTED
        settings = {"DEFAULT_MODEL": FIRST, "WORKERS": "1", "REPORT_TOKEN": REPORT_TOKEN}
        with PredictApi(server.url, folder, **settings) as api:
            assert api.predict(ROW).status_code == 200
            threads = api.workers()[0].num_threads()
            server.end()
            copy_model(seaweed.bucket(bucket=BUCKET), FIRST, version, MODELS[1:])
            server.start()
            pair = Pair(server, api, second, threads)
            wait_until(lambda: pair.serves() == set(MODELS), 60, "every model in the worker")
            yield pair


def test_the_threads_of_a_worker_do_not_depend_on_the_number_of_its_models(pair: Pair) -> None:
    assert {pair.api.predict(ROW, f"/models/{name}/predict").status_code for name in MODELS} == {200}
    assert pair.worker().num_threads() <= min(60, pair.threads_before + STARTED_LATER)


def test_one_call_checks_all_models_and_a_report_is_sent_on_changes_only(pair: Pair) -> None:
    reports = 'changeover_server_requests_total{method="PUT"'
    before, reported = pair.checks(), sum(pair.metric(reports).values())
    wait_until(lambda: pair.checks()["(all)"] >= before["(all)"] + 10, 30, "ten more checks")
    after = pair.checks()
    assert after.keys() == {"(all)"} or after.keys() == {"(all)", FIRST}
    assert after.get(FIRST, 0) == before.get(FIRST, 0)
    assert sum(pair.metric(reports).values()) <= reported + 2  # all models again, once a minute
    replicas = pair.metric("changeover_server_replicas{")
    assert replicas == {f'changeover_server_replicas{{model="{name}"}}': 1.0 for name in MODELS}


def test_a_roll_of_one_model_among_many_leaves_the_others_as_they_are(pair: Pair) -> None:
    assert pair.server.roll(pair.second, ROLLED).json()["state"] == RolloutState.COMMITTED
    answers = {name: pair.api.predict(ROW, f"/models/{name}/predict") for name in MODELS}
    assert {answer.headers.get("Model-Stale") for answer in answers.values()} == {None}
    sequences = {name: answer.headers["Model-Sequence"] for name, answer in answers.items()}
    assert sequences == {**dict.fromkeys(MODELS, "1"), ROLLED: "2"}
    assert answers[ROLLED].json()["model_version"] == pair.second
    replicas = pair.server.get(f"/models/{ROLLED}").json()["replicas"]
    assert [replica["held"]["version"] for replica in replicas if replica["awaited"]] == [pair.second]


def test_the_check_of_all_needs_a_token_and_that_of_named_models_does_not(pair: Pair) -> None:
    assert pair.server.get("/current", token=None).status_code == 401
    response = pair.server.get("/current", token=REPORT_TOKEN)
    assert response.json()["models"].keys() == set(MODELS)
    named = pair.server.get(f"/current?models={FIRST},unknown", token=None)
    assert named.json()["models"].keys() == {FIRST}
    known = pair.server.get(
        f"/current?models={FIRST},unknown", token=None, headers={"If-None-Match": named.headers["ETag"]}
    )
    assert (known.status_code, known.content) == (304, b"")
    assert pair.server.get("/current?models=No%20Name", token=None).status_code == 422


@pytest.mark.parametrize("replica", ["any-name", new_identity("host", 1).id], ids=["a name", "of another secret"])
def test_only_a_replica_whose_id_was_made_of_its_secret_calls_for_all_models(pair: Pair, replica: str) -> None:
    headers = {REPLICA_ID: replica, REPLICA_SECRET: "f" * 64}
    assert pair.server.get(f"/current?models={FIRST}", token=None, headers=headers).status_code == 403
    body = {"replica": replica, "host": "h", "pid": 1, "models": {}}
    authorized = {**headers, "Authorization": f"Bearer {REPORT_TOKEN}"}
    for method in ("PUT", "DELETE"):
        url = f"{pair.server.url}/replicas/{replica}"
        assert requests.request(method, url, json=body, headers=authorized, timeout=30).status_code == 403


def test_a_report_about_several_models_says_which_were_not_stored(pair: Pair) -> None:
    identity = new_identity("host", 7)
    headers = {REPLICA_SECRET: identity.secret, "Authorization": f"Bearer {REPORT_TOKEN}"}
    url = f"{pair.server.url}/replicas/{identity.id}"
    status = {"held": None, "ready": [], "failed": {}}
    body = {"replica": identity.id, "host": "h", "pid": 1, "models": {FIRST: status, "unknown": status}}
    response = requests.put(url, json=body, headers=headers, timeout=30)
    assert (response.status_code, list(response.json()["not_stored"])) == (200, ["unknown"])
    for wrong in ({}, {"models": []}, {"models": {FIRST: {}}}, {"models": {FIRST: {**status, "ready": ["a"] * 17}}}):
        refused = {**body, "models": None, **wrong}
        assert requests.put(url, json=refused, headers=headers, timeout=30).status_code == 422
    other = {**body, "replica": "another"}
    assert requests.put(url, json=other, headers=headers, timeout=30).status_code == 409
    assert requests.delete(url, headers=headers, timeout=30).status_code == 204
    listed = pair.server.get(f"/models/{FIRST}").json()["replicas"]
    assert identity.id not in [replica["replica"] for replica in listed]
