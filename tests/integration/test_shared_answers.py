"""Answers by a shared model process against answers in a worker's memory: one instance shares all versions, one none.

Carries *attribution*: the same runtime, ONNX twin or estimator, answers in both, and the answer names it.
"""

import io
import json
import threading
from collections.abc import Iterator
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
import requests
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from changeover import digest
from changeover.demo.generate import generate
from changeover.demo.train import build
from changeover.estimator.infer_schema import infer_schema
from changeover.estimator.training_frame import rows_of
from changeover.json_types import JsonObject
from changeover.onnx_twin.export.convert import convert
from tests.processes.predict_api import PredictApi
from tests.tiny_models import CREATED_AT
from tests.wire_stub import running_stub

NEVER = str(2**50)
Pair = tuple[PredictApi, PredictApi]  # with sharing, without sharing


def manifest(schema: JsonObject, **more: Any) -> JsonObject:
    return {"created_at": CREATED_AT, "schema": schema, "estimator": {"type": "Any", "kind": "classifier"}, **more}


def dumped(estimator: Any) -> bytes:
    buffer = io.BytesIO()
    joblib.dump(estimator, buffer)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Both instances: `default` is a segmentation with a twin, `alone` the same without, `strict` knows two strings."""
    trained = build(1, rows=1000)
    schema = trained.schema.to_json()
    twin = convert(trained.estimator, trained.schema)
    texts = pd.DataFrame({"word": ["yes", "no"] * 10})
    strict = make_pipeline(OneHotEncoder(), LogisticRegression()).fit(texts, [1, 0] * 10)
    inferred = infer_schema(strict, texts).to_json()
    for column in inferred["columns"]:  # type: ignore[union-attr]
        for known in ("enum", "categories"):
            column.pop(known, None)  # type: ignore[union-attr, call-overload]
    with running_stub() as stub:
        named: JsonObject = {"sha256": digest.sha256(twin), "size": len(twin)}
        version = stub.publish("default", dumped(trained.estimator), manifest(schema, twin=named))
        stub.roll("default", version)
        stub.roll("alone", stub.publish("alone", dumped(trained.estimator), manifest(schema)))
        stub.roll("strict", stub.publish("strict", dumped(strict), manifest(inferred)))
        folder = tmp_path_factory.mktemp("shared")
        (folder / "cache" / "default").mkdir(parents=True)
        (folder / "cache" / "default" / f"{version}.onnx").write_bytes(twin)
        settings = {"WORKERS": "1", "MAX_BODY_BYTES": str(2**27)}
        with (
            PredictApi(stub.url, folder, SHARE_BYTES="0", **settings) as shared,
            PredictApi(stub.url, folder, SHARE_BYTES=NEVER, **settings) as unshared,
        ):
            yield shared, unshared


def rows(count: int, seed: int) -> list[Any]:
    return rows_of(generate(count, seed=seed).drop(columns="y"))


def same(pair: Pair, body: object, path: str) -> requests.Response:
    """The answer of both, which must be equal byte for byte, headers included."""
    shared, unshared = (api.predict(body, path) for api in pair)
    assert shared.status_code == unshared.status_code
    assert shared.headers.get("Model-Runtime") == unshared.headers.get("Model-Runtime")
    assert shared.content == unshared.content
    return shared


@pytest.mark.parametrize(("path", "runtime"), [("/predict", "onnx"), ("/models/alone/predict", "sklearn")])
@pytest.mark.parametrize("count", [1, 20, 257])
def test_rows_are_answered_to_the_byte(pair: Pair, path: str, runtime: str, count: int) -> None:
    answer = same(pair, rows(count, seed=count), path)
    assert (answer.status_code, len(answer.json()["predictions"])) == (200, count)
    assert answer.headers["Model-Runtime"] == runtime


@pytest.mark.parametrize("path", ["/predict", "/models/alone/predict"])
def test_no_rows_and_a_single_one_are_answered_alike(pair: Pair, path: str) -> None:
    assert same(pair, [], path).json()["predictions"] == []
    assert same(pair, rows(1, seed=5)[0], path).json()["prediction"] in {0, 1}


def test_ten_thousand_rows_of_a_hundred_columns_are_answered_alike(pair: Pair) -> None:
    body = rows(2000, seed=9) * 5
    answer = same(pair, body, "/predict")
    assert (answer.status_code, len(answer.json()["predictions"])) == (200, 10_000)


def test_what_the_twin_leaves_to_the_model_is_answered_by_the_model(pair: Pair) -> None:
    """Integers beyond 2^53 are not all exact as doubles."""
    row = rows(1, seed=3)[0]
    number = "x0"
    answer = same(pair, {**row, number: 1e17}, "/predict")
    assert (answer.status_code, answer.headers["Model-Runtime"]) == (200, "sklearn")


def test_a_model_that_raises_says_the_same_and_answers_the_next(pair: Pair) -> None:
    problems = []
    for api in pair:
        answer = api.predict({"word": "maybe"}, "/models/strict/predict")
        assert answer.status_code == 500
        problems.append({**answer.json(), "request_id": "", "detail": answer.json()["detail"].split(";")[0]})
        assert api.predict({"word": "yes"}, "/models/strict/predict").json()["prediction"] == 1
        logged = json.dumps(api.events("predict.model_failed"))
        assert "unknown categories" in logged, "the log says why"
    assert problems[0] == problems[1]
    assert problems[0]["detail"] == "the model raised ValueError in predict_proba"


def test_each_of_many_concurrent_requests_gets_its_own_answer(pair: Pair) -> None:
    bodies = rows(40, seed=11)
    expected = [pair[1].predict(body, "/models/alone/predict").json() for body in bodies]
    got: dict[int, Any] = {}
    random = np.random.default_rng(0)

    def ask(indices: list[int]) -> None:
        for index in indices:
            got[index] = pair[0].predict(bodies[index], "/models/alone/predict").json()

    shares = np.array_split(random.permutation(len(bodies)), 8)
    threads = [threading.Thread(target=ask, args=(share.tolist(),)) for share in shares]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for index, wanted in enumerate(expected):
        assert got[index]["prediction"] == wanted["prediction"]
        assert got[index]["predict_proba"] == pytest.approx(wanted["predict_proba"], rel=1e-9)
