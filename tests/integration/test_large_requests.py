"""Requests of ten thousand rows and of ten thousand columns, answered or refused by the caps of the settings."""

import io
import json
from collections.abc import Iterator
from pathlib import Path

import joblib
import numpy as np
import pytest
import requests
from sklearn.dummy import DummyClassifier

from changeover.estimator.infer_schema import infer_schema
from changeover.json_types import JsonObject
from tests.processes.predict_api import PredictApi
from tests.tiny_models import CREATED_AT, ROW, tiny
from tests.wire_stub import running_stub

MANY = 10_000


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PredictApi]:
    """A model of two columns, and `wide` with ten thousand; the caps are the defaults."""
    model = DummyClassifier(strategy="constant", constant=1).fit(np.zeros((2, MANY)), [0, 1])
    buffer = io.BytesIO()
    joblib.dump(model, buffer)
    manifest: JsonObject = {
        "created_at": CREATED_AT,
        "schema": infer_schema(model).to_json(),
        "estimator": {"type": "DummyClassifier", "kind": "classifier", "predict_proba": True},
        "classes": [0, 1],
        "format": 1,
    }
    with running_stub() as stub:
        stub.roll("default", stub.publish("default", *tiny(1)))
        stub.roll("wide", stub.publish("wide", buffer.getvalue(), manifest))
        folder: Path = tmp_path_factory.mktemp("predict")
        with PredictApi(stub.url, folder, WORKERS="1") as api:
            yield api


@pytest.fixture(autouse=True)
def it_goes_on(api: PredictApi) -> Iterator[None]:
    """After each test, the next request is answered."""
    yield
    assert api.predict().json()["prediction"] == 1


def refused(answer: requests.Response, status: int) -> dict[str, object]:
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json"), answer.text[
        :300
    ]
    problem: dict[str, object] = answer.json()
    return problem


def test_ten_thousand_rows_are_answered_in_every_form(api: PredictApi) -> None:
    split = {"columns": ["a", "b"], "data": [[1, 2]] * MANY}
    lists = {"a": [1] * MANY, "b": [2] * MANY}
    objects = {name: {str(row): 1 for row in range(MANY)} for name in "ab"}
    forms: list[object] = [[ROW] * MANY, split, lists, objects]
    for form in forms:
        answer = api.predict(form)
        assert answer.status_code == 200
        assert len(answer.json()["predictions"]) == MANY


def test_one_row_too_many_is_refused_in_every_form(api: PredictApi) -> None:
    rows = MANY + 1
    objects = {name: {str(row): 1 for row in range(rows)} for name in "ab"}
    forms: list[object] = [[ROW] * rows, {"columns": ["a"], "data": [[1]] * rows}, {"a": [1] * rows}, objects]
    for form in forms:
        assert f"at most {MANY}" in str(refused(api.predict(form), 422)["detail"])


def test_ten_thousand_rows_of_nothing_but_faults_are_counted(api: PredictApi) -> None:
    problem = refused(api.predict([{"a": "?", "c": []}] * MANY), 422)
    assert problem["total"] == 3 * MANY
    assert len(problem["errors"]) == 20  # type: ignore[arg-type]


def test_ten_thousand_columns_are_answered_and_their_faults_named(api: PredictApi) -> None:
    row: dict[str, object] = {f"x{index}": str(index) for index in range(MANY)}
    assert api.predict(row, "/models/wide/predict").json()["prediction"] == 1
    assert len(api.predict([row] * 30, "/models/wide/predict").json()["predictions"]) == 30
    problem = refused(api.predict([row, row | {"x9999": "?"}], "/models/wide/predict"), 422)
    assert problem["errors"] == [{"row": 1, "field": "x9999", "message": "'?' is not a number"}]


def test_ten_thousand_columns_that_the_model_does_not_know_are_counted(api: PredictApi) -> None:
    unknown: dict[str, object] = {f"c{index}": index for index in range(MANY)}
    forms: list[object] = [unknown | ROW, [unknown | ROW], {"columns": [*unknown, *ROW], "data": [[1] * (MANY + 2)]}]
    for form in forms:
        problem = refused(api.predict(form), 422)
        assert problem["total"] == MANY
        assert len(problem["errors"]) == 20  # type: ignore[arg-type]


def test_many_empty_rows_of_a_wide_model_are_refused_quickly(api: PredictApi) -> None:
    problem = refused(api.predict([{}] * MANY, "/models/wide/predict"), 422)
    assert problem["total"] == MANY * MANY


def test_a_body_past_the_cap_is_refused_with_either_framing(api: PredictApi) -> None:
    data = json.dumps([ROW | {"a": "1" * 1000}] * MANY).encode()
    headers = {"Content-Type": "application/json"}
    for body in (data, iter([data])):
        problem = refused(requests.post(f"{api.url}/predict", body, headers=headers, timeout=30), 413)
        assert str(problem["detail"]).endswith("send the rows in parts")
