"""Rehearsals on a running stack: the gate stops a version by its answers to live requests, or lets it pass."""

import io
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
import requests
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from tests.conftest import wait_until
from tests.processes.model_server import REPORT_TOKEN, ModelServer
from tests.processes.predict_api import PredictApi
from tests.processes.store import Store

ROWS = [{"a": float(a)} for a in np.linspace(-1, 1, 400, endpoint=False)]
BELOW = {"a": -9.0}  # the logarithm of which is not a number, so that a model of it fails


def artifact(above: float) -> bytes:
    """A model that answers `yes` above this value; the labels of the ROWS between two such values differ."""
    frame = pd.DataFrame({"a": [-1.0, 1.0]})
    model = LogisticRegression().fit(frame, ["no", "yes"])
    model.coef_, model.intercept_ = np.array([[50.0]]), np.array([-50.0 * above])
    return dumped(model)


def dumped(model: object) -> bytes:
    """The artifact of a model."""
    body = io.BytesIO()
    joblib.dump(model, body)
    return body.getvalue()


@dataclass
class Stack:
    """Both services, with a model that answers `yes` above 0 to requests that do not stop."""

    server: ModelServer
    api: PredictApi
    current: str

    def roll(self, above: float, wait: float = 60.0, **body: Any) -> requests.Response:
        """Publish and roll the model that answers `yes` above this value."""
        version = self.server.publish(artifact(above)).json()["version"]
        return self.server.post(f"/models/loan/rollouts?wait={wait}", json={"version": version, "reason": "t", **body})

    def live(self) -> dict[str, Any]:
        """The live part of the page, as JSON."""
        return dict(self.server.get("/ui/models/loan/live.json").json())

    def history(self) -> list[dict[str, Any]]:
        """The rollouts, newest first."""
        return list(self.server.get("/models/loan/rollouts").json()["rollouts"])


@pytest.fixture(scope="module")
def stack(seaweed: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("rehearsal")
    with ModelServer(seaweed, "rehearsal", folder / "server", {"GATE": "disagreement<=0.02"}) as server:
        version = server.publish(artifact(0.0)).json()["version"]
        assert server.roll(version, wait=120).json()["state"] == "committed"
        with PredictApi(server.url, folder, DEFAULT_MODEL="loan", REPORT_TOKEN=REPORT_TOKEN) as api:
            over = threading.Event()
            caller = threading.Thread(target=_ask, args=(api, over))
            caller.start()
            try:
                yield Stack(server, api, version)
            finally:
                over.set()
                caller.join()


def _ask(api: PredictApi, over: threading.Event) -> None:
    """Ask for the same rows, a few requests a second."""
    while not over.wait(0.02):
        api.predict(ROWS)


def shop(*steps: Any) -> bytes:
    """A model with these steps before its classifier."""
    frame = pd.DataFrame({"a": np.arange(10.0)})
    model = make_pipeline(StandardScaler(with_mean=False), *steps, LogisticRegression()).fit(frame, frame["a"] > 4)
    return dumped(model)


def test_a_version_that_fails_after_the_switch_is_rolled_back_and_the_ledger_says_why(stack: Stack) -> None:
    server, api = stack.server, stack.api
    good, bad = (
        server.publish(body, "shop").json()["version"] for body in (shop(), shop(FunctionTransformer(np.log1p)))
    )
    past = {"reason": "t", "skip_gate": True}
    assert server.post("/models/shop/rollouts?wait=60", json={"version": good, **past}).json()["state"] == "committed"
    wait_until(lambda: api.predict(BELOW, "/models/shop/predict").ok, 60, "an answer of the good version")
    rollout = server.post("/models/shop/rollouts?wait=60", json={"version": bad, **past, "watch": 600}).json()
    assert rollout["state"] == "committed"

    def rolled_back() -> bool:
        api.predict(BELOW, "/models/shop/predict")
        return bool(server.get("/models/shop/rollouts").json()["rollouts"][0]["sequence"] == 3)

    wait_until(rolled_back, 60, "the rollback")
    newest = server.get("/models/shop/rollouts").json()["rollouts"][0]
    assert (newest["version"], newest["by"], newest["on_behalf_of"]) == (good, "watch", rollout["by"])
    assert newest["reason"].startswith("rolled back by the watch of sequence 2: ")
    assert "requests failed since the switch" in newest["reason"]
    wait_until(lambda: api.predict(BELOW, "/models/shop/predict").ok, 60, "an answer of the good version")


def slow() -> bytes:
    """A model that takes tens of milliseconds a request, and has no twin."""
    frame = pd.DataFrame({"a": np.arange(10.0)})
    trees = RandomForestClassifier(400, max_depth=2, random_state=0)
    return dumped(make_pipeline(FunctionTransformer(np.abs), trees).fit(frame, frame["a"] > 4))


def flipped() -> bytes:
    """A model that says the opposite."""
    frame = pd.DataFrame({"a": np.arange(10.0)})
    return dumped(make_pipeline(StandardScaler(with_mean=False), LogisticRegression()).fit(frame, frame["a"] <= 4))


@pytest.mark.parametrize(("worse", "line"), [(flipped, "one label is"), (slow, "requests took more than")])
def test_a_version_that_answers_otherwise_or_slowly_after_the_switch_is_rolled_back(
    stack: Stack, worse: Callable[[], bytes], line: str
) -> None:
    server, api, model = stack.server, stack.api, worse.__name__
    good, bad = (server.publish(body, model).json()["version"] for body in (shop(), worse()))
    rolls, past = f"/models/{model}/rollouts", {"reason": "t", "skip_gate": True}
    assert server.post(f"{rolls}?wait=60", json={"version": good, **past}).json()["state"] == "committed"
    asked, over = 0, threading.Event()

    def ask() -> None:
        nonlocal asked
        while not over.is_set():
            asked += api.predict({"a": 9.0}, f"/models/{model}/predict").ok

    def rolled_back() -> bool:
        newest = server.get(rolls).json()["rollouts"][0]
        return (newest["sequence"], newest["state"]) == (3, "committed")

    caller = threading.Thread(target=ask)
    caller.start()
    try:
        wait_until(lambda: asked > 0, 60, "an answer of the good version")
        begun = server.post(f"{rolls}?wait=0", json={"version": bad, **past, "watch": 600, "rehearse": 5}).json()
        wait_until(rolled_back, 120, "the rollback")
    finally:
        over.set()
        caller.join()
    newest, before = server.get(rolls).json()["rollouts"][:2]
    assert (before["id"], before["state"]) == (begun["id"], "committed")
    assert (newest["version"], newest["by"], newest["state"]) == (good, "watch", "committed")
    assert newest["reason"].startswith("rolled back by the watch of sequence 2: ")
    assert line in newest["reason"]


def test_a_line_that_only_a_rehearsal_shows_refuses_a_roll_without_one(stack: Stack) -> None:
    refused = stack.roll(0.0025)
    assert refused.status_code == 422
    assert "roll with one (rehearse, --rehearse 1m, REHEARSE)" in refused.json()["detail"]
    assert stack.roll(0.0025, rehearse=-1).status_code == 400
    assert stack.roll(0.0025, rehearse=1e9).status_code == 400


def test_a_version_that_flips_a_twentieth_of_the_labels_is_stopped_before_its_time_is_over(stack: Stack) -> None:
    rollout = stack.roll(0.1025, rehearse=3600).json()
    assert rollout["state"] == "aborted"
    assert rollout["reason"].startswith("stopped by its rehearsal: ")
    assert "answers differ (5 %" in rollout["reason"]
    assert "more than disagreement<=0.02 allows" in rollout["reason"]
    assert stack.history()[0] == rollout
    assert stack.api.predict(ROWS).headers["Model-Version"] == stack.current
    text = stack.server.get("/ui/models/loan").text
    assert "stopped by its rehearsal" in text


def test_the_page_shows_a_rehearsal_while_it_goes_and_an_abort_ends_it(stack: Stack) -> None:
    begun = stack.roll(0.0075, wait=0, rehearse=3600).json()
    assert begun["state"] == "preparing"
    wait_until(lambda: (stack.live()["rehearsal"] or {}).get("rows", 0) > 1000, 60, "rows of the rehearsal")
    rehearsal = stack.live()["rehearsal"]
    assert (rehearsal["line"], rehearsal["failed"], rehearsal["unable"]) == (0.02, 0, "")
    assert 0 <= rehearsal["low"] < rehearsal["share"] < rehearsal["high"] < 0.02
    assert "rehearse" in [phase["name"] for phase in stack.live()["rolling"]["phases"]]
    text = stack.server.get("/ui/models/loan").text
    assert "Rehearsal on live requests" in text
    assert "within 2 %" in text
    abort = {"rollout": begun["id"], "reason": "seen enough"}
    page = {"Origin": stack.server.url}
    assert (
        stack.server.post("/ui/models/loan/abort", data=abort, headers=page, allow_redirects=False).status_code == 303
    )
    wait_until(lambda: stack.live()["rehearsal"] is None, 30, "the end of the rollout")
    wait_until(
        lambda: all(each["rehearsal"] is None for each in stack.server.get("/models/loan").json()["replicas"]),
        30,
        "the end of the rehearsal on each replica",
    )


def test_a_version_within_the_line_is_committed_after_its_rehearsal_and_the_ledger_says_what_was_counted(
    stack: Stack,
) -> None:
    rollout = stack.roll(0.0075, rehearse=4).json()
    assert rollout["state"] == "committed"
    assert "rehearsal: " in rollout["reason"]
    assert rollout["reason"].endswith("within disagreement<=0.02")
    assert stack.history()[0] == rollout
    back = stack.server.post("/models/loan/rollback?wait=30", json={}).json()
    assert (back["state"], back["reason"]) == ("committed", "rollback")
    assert stack.roll(0.1025, skip_gate=True).json()["reason"] == "t; gate skipped"
