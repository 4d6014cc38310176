"""Rows that a model of one's own does not answer, by real processes: with its crashes, its memory and its hanging.

Carries *availability*: the search for a row is part of its request, and ends with it.
"""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from changeover.estimator.infer_schema import infer_schema
from tests.conftest import wait_until
from tests.integration.runner_models import Acts, Middle, Tiring
from tests.integration.test_runner_answers import dumped, manifest
from tests.processes.predict_api import PredictApi
from tests.wire_stub import WireStub, running_stub

MODELS: dict[str, Any] = {"acts": Acts(), "middle": Middle(), "tiring": Tiring()}
EXTRA = ",".join(f"tests.integration.runner_models.{type(model).__name__}" for model in MODELS.values())


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PredictApi]:
    with running_stub() as stub:
        for name, model in MODELS.items():
            roll(stub, name, model)
        folder = tmp_path_factory.mktemp("predict")
        settings = {"ALLOWED_GLOBALS": EXTRA, "SCORE_TIMEOUT": "3", "RUNNER_MEMORY_BYTES": str(3 << 30)}
        with PredictApi(stub.url, folder, WORKERS="1", DEFAULT_MODEL="acts", **settings) as api:
            wait_until(lambda: len(api.get("/models").json()["models"]) == len(MODELS), what="every model is served")
            yield api


def roll(stub: WireStub, name: str, model: Any) -> None:
    model.n_features_in_ = 2
    described = manifest(infer_schema(model).to_json(), row_independent=name != "middle")
    stub.roll(name, stub.publish(name, dumped(model), described))


def post(api: PredictApi, model: str, body: object, query: str = "") -> requests.Response:
    return api.predict(body, f"/models/{model}/predict{query}")


def acting(*acts: str) -> list[dict[str, float]]:
    return [{"x0": Acts.NAMES.index(act), "x1": 0} for act in acts]


def test_a_row_that_raises_is_named_among_others(api: PredictApi) -> None:
    answer = post(api, "acts", acting(*["nothing"] * 7, "raise", "nothing"))
    assert (answer.status_code, answer.json()["errors"]) == (
        422,
        [{"row": 7, "field": None, "message": "the model raised ZeroDivisionError: division by zero"}],
    )
    assert post(api, "acts", acting("nothing", "raise"), "?on_error=null").json()["predictions"] == [
        {"prediction": 0.0, "predict_proba": None},
        {"prediction": None, "predict_proba": None, "error": "the model raised ZeroDivisionError: division by zero"},
    ]


def test_a_row_that_raises_in_a_fault_of_memory_or_hangs_is_none_of_these(api: PredictApi) -> None:
    """The row before it raises, so that the search meets the one that grows, hangs or crashes."""
    for act, kind in (("grow", "model-out-of-memory"), ("hang", "model-timeout"), ("crash", "model-crashed")):
        answer = post(api, "acts", acting("raise", act))
        assert answer.json()["type"] == f"urn:changeover:{kind}", answer.text
        assert post(api, "acts", acting("nothing")[0]).status_code == 200


def test_a_model_that_fails_on_everything_stays_a_500(api: PredictApi) -> None:
    """It answers until the number 13 has tired it; then it answers no row, nor the one that it was prepared with."""
    assert post(api, "tiring", {"x0": 1, "x1": 0}).json()["prediction"] == 1.0
    for body in ({"x0": 13, "x1": 0}, [{"x0": 1, "x1": 0}] * 3):
        for query in ("", "?on_error=null"):
            answer = post(api, "tiring", body, query)
            assert (answer.status_code, answer.json()["type"]) == (500, "urn:changeover:model-failed"), answer.text
    assert "is tired" in json.dumps(api.events("predict.model_failed")), "the log says why"


def test_a_class_of_ones_own_that_looks_at_all_rows_gets_those_of_one_request(api: PredictApi) -> None:
    bodies = [[{"x0": start + row, "x1": 0} for row in range(1 + start % 5)] for start in range(60)]
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda body: post(api, "middle", body), bodies))
    for body, answer in zip(bodies, answers, strict=True):
        middle = sum(row["x0"] for row in body) / len(body)
        assert [row["prediction"] for row in answer.json()["predictions"]] == [row["x0"] - middle for row in body]
