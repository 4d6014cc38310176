"""Models that hang, crash and grow: each caller gets a problem that says so, and all others are answered.

Carries *availability*: a model's own code ends its own processes only.
"""

import io
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import joblib
import psutil
import pytest
import requests

from changeover.cli.doctor.services import check_predict
from changeover.estimator.infer_schema import infer_schema
from changeover.stack import Stack
from predict_api.edge.queue import LARGE
from predict_api.settings import PredictSettings
from tests.conftest import wait_until
from tests.integration.runner_models import Acts
from tests.processes.predict_api import PredictApi
from tests.processes.service import lives
from tests.tiny_models import CREATED_AT, ROW, tiny
from tests.wire_stub import WireStub, running_stub

EXTRA = "tests.integration.runner_models.Acts"


def acting(number: int = 0) -> tuple[bytes, dict[str, Any]]:
    """The nth model of acts: each has a version of its own."""
    estimator = Acts()
    estimator.n_features_in_ = 2
    estimator.number_ = number  # type: ignore[attr-defined]
    buffer = io.BytesIO()
    joblib.dump(estimator, buffer)
    return buffer.getvalue(), {
        "created_at": CREATED_AT,
        "schema": infer_schema(estimator).to_json(),
        "estimator": {"type": "Acts", "kind": "other", "predict_proba": False},
        "format": 1,
    }


@pytest.fixture(scope="module")
def stub() -> Iterator[WireStub]:
    with running_stub() as stub:
        stub.roll("default", stub.publish("default", *tiny(1)))
        for number, name in enumerate(("hanging", "mixed", "crashing", "growing", "lost")):
            stub.roll(name, stub.publish(name, *acting(number)))
        yield stub


@pytest.fixture(scope="module")
def api(stub: WireStub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PredictApi]:
    folder = tmp_path_factory.mktemp("predict")
    settings = {"ALLOWED_GLOBALS": EXTRA, "SCORE_TIMEOUT": "3", "RUNNER_MEMORY_BYTES": str(3 << 30), "WORKERS": "1"}
    with PredictApi(stub.url, folder, **settings) as api:
        wait_until(lambda: len(api.get("/models").json()["models"]) == 6, what="every model is served")
        yield api


def act(api: PredictApi, model: str, name: str) -> requests.Response:
    row = {"x0": Acts.NAMES.index(name), "x1": 0}
    return api.predict(row, f"/models/{model}/predict")


def kind(answer: requests.Response) -> str:
    assert answer.headers["Content-Type"] == "application/problem+json", answer.text
    return str(answer.json()["type"]).rpartition("/")[2].rpartition(":")[2]


def runners(api: PredictApi) -> list[psutil.Process]:
    """The host, its zygotes, runners and scorers."""
    below = [child for worker in api.workers() for child in worker.children(recursive=True)]
    return [process for process in below if lives(process)]


@pytest.mark.parametrize("name", ["hang", "hang without a timer"])
def test_a_model_that_hangs_times_out_and_others_are_answered_meanwhile(api: PredictApi, name: str) -> None:
    """Faults 36 and 72: a row that never gets an answer."""
    with ThreadPoolExecutor(1) as pool:
        hanging = pool.submit(act, api, "hanging", name)
        wait_until(hanging.running)
        assert api.predict().json()["prediction"] == 1
        same_model = act(api, "hanging", "nothing")
        assert (same_model.status_code, hanging.done()) == (200, False)
    assert (hanging.result().status_code, kind(hanging.result())) == (504, "model-timeout")
    assert "SCORE_TIMEOUT" in hanging.result().json()["detail"]
    assert act(api, "hanging", "nothing").json()["prediction"] == 0


def test_whoever_shares_a_process_with_a_row_that_hangs_is_answered(api: PredictApi) -> None:
    """Requests in one micro-batch with it are scored once more, alone."""
    with ThreadPoolExecutor(12) as pool:
        innocent = [pool.submit(act, api, "mixed", "nothing") for _ in range(5)]
        hanging = pool.submit(act, api, "mixed", "hang")
        innocent += [pool.submit(act, api, "mixed", "nothing") for _ in range(5)]
    assert kind(hanging.result()) == "model-timeout"
    assert [future.result().status_code for future in innocent] == [200] * 10


def test_large_requests_that_hang_delay_the_large_ones_of_no_other_model(api: PredictApi) -> None:
    def large(path: str, row: object) -> requests.Response:
        body = json.dumps(row).ljust(LARGE).encode()
        return requests.post(api.url + path, body, headers={"Content-Type": "application/json"}, timeout=30)

    hang = {"x0": Acts.NAMES.index("hang"), "x1": 0}
    turns = PredictSettings.model_fields["threads"].default // 2
    with ThreadPoolExecutor(turns) as pool:
        hanging = [pool.submit(large, "/models/hanging/predict", hang) for _ in range(turns)]
        wait_until(lambda: all(future.running() for future in hanging))
        answers = [large("/predict", ROW).status_code for _ in range(5)]
        assert (answers, [future.done() for future in hanging]) == ([200] * 5, [False] * turns)
    assert {kind(future.result()) for future in hanging} == {"model-timeout"}


def test_more_hanging_requests_than_a_model_may_have_are_refused_and_others_are_answered(api: PredictApi) -> None:
    ended = threading.Event()

    def others() -> set[int]:
        statuses = set()
        while not ended.is_set():
            statuses.add(api.predict().status_code)
        return statuses

    with ThreadPoolExecutor(24) as pool:
        other = pool.submit(others)
        hanging = [pool.submit(act, api, "hanging", "hang") for _ in range(20)]
        kinds = [kind(future.result()) for future in hanging]
        ended.set()
    assert other.result() == {200}
    assert {"model-timeout", "overloaded"} <= set(kinds) <= {"model-timeout", "overloaded", "no-runner"}
    refused = next(future.result() for future in hanging if kind(future.result()) == "overloaded")
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")


@pytest.mark.parametrize("name", ["crash", "exit", "abort", "forge garbage"])
def test_a_row_that_ends_its_process_says_so_and_the_next_is_answered(api: PredictApi, name: str) -> None:
    """Faults 34 and 72: a row that ends the process."""
    answer = act(api, "crashing", name)
    assert (answer.status_code, kind(answer)) == (500, "model-crashed")
    assert act(api, "crashing", "nothing").status_code == 200


def test_a_row_that_needs_too_much_memory_says_so_and_the_next_is_answered(api: PredictApi) -> None:
    """Faults 33 and 72: a row that needs 16 GiB."""
    answer = act(api, "growing", "grow")
    assert (answer.status_code, kind(answer)) == (500, "model-out-of-memory")
    assert act(api, "growing", "nothing").status_code == 200


def test_a_model_whose_processes_end_three_times_is_degraded(api: PredictApi, stub: WireStub) -> None:
    """Faults 34 and 72: a model that ends its processes repeatedly."""
    for _ in range(3):
        act(api, "growing", "grow")
    version = stub.currents["growing"].version
    ready = api.get("/readyz")
    assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
    assert ready.json()["degraded"]["growing"] == version
    assert [event["version"] for event in api.events("runner.degraded") if event["model"] == "growing"] == [version]
    causes = {event["cause"] for event in api.events("runner.ended") if event["model"] == "growing"}
    assert causes == {"memory"}
    assert 'changeover_runner_ends_total{cause="memory",model="growing"}' in api.get("/metrics").text
    (finding,) = [each for each in check_predict(Stack([api.url], stub.url)) if each.name == "models"]
    assert (finding.ok, f"growing ({version[:12]})" in finding.detail) == (False, True), finding
    assert "changeover rollback -m" in finding.next_step


def test_the_measures_of_confinement_are_known(api: PredictApi) -> None:
    measures = api.get("/readyz").json()["confinement"]
    assert {"landlock", "seccomp", "rlimits"} <= set(measures)
    assert api.events("runner.confined")[0]["measures"] == measures


def test_killed_runners_zygotes_and_hosts_are_replaced_and_no_request_is_lost(stub: WireStub, tmp_path: Path) -> None:
    """Fault 35: by SIGKILL, as without memory. The time of a request is enough for the imports of a new zygote."""
    with PredictApi(stub.url, tmp_path, ALLOWED_GLOBALS=EXTRA, WORKERS="1", MODELS="lost", SCORE_TIMEOUT="60") as api:
        for count in range(3):
            assert act(api, "lost", "nothing").status_code == 200
            for process in runners(api)[count:]:  # with and without the host and the zygote
                process.kill()
            answer = act(api, "lost", "nothing")
            assert answer.status_code == 200, answer.text
