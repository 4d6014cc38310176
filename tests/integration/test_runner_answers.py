"""Answers of predict_api against those of the same estimator in the process of the test.

Carries *attribution*: the runtime, ONNX twin or estimator, that the answer names.
"""

import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import joblib
import pandas as pd
import pytest
import requests
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from changeover import digest
from changeover.demo.generate import generate
from changeover.demo.train import Trained, build
from changeover.estimator.golden_rows import record
from changeover.estimator.infer_schema import infer_schema
from changeover.estimator.scoring import score
from changeover.estimator.training_frame import rows_of
from changeover.json_types import JsonObject
from changeover.onnx_twin.export.convert import convert
from changeover.request.decode import decode
from changeover.schema.schema import Schema
from tests.processes.predict_api import PredictApi
from tests.tiny_models import CREATED_AT
from tests.wire_stub import running_stub

Served = tuple[PredictApi, Trained]


def manifest(schema: JsonObject, **more: Any) -> JsonObject:
    return {"created_at": CREATED_AT, "schema": schema, "estimator": {"type": "Any", "kind": "classifier"}, **more}


def dumped(estimator: Any) -> bytes:
    buffer = io.BytesIO()
    joblib.dump(estimator, buffer)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """An instance: `default` is a segmentation with a twin, `alone` the same without, `strict` knows two strings."""
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
        golden = record(strict, Schema.from_json(inferred), [{"word": "yes"}])
        stub.roll("strict", stub.publish("strict", dumped(strict), manifest(inferred, golden=golden)))
        folder = tmp_path_factory.mktemp("shared")
        (folder / "cache" / "default").mkdir(parents=True)
        (folder / "cache" / "default" / f"{version}.onnx").write_bytes(twin)
        settings = {"WORKERS": "1", "MAX_BODY_BYTES": str(2**27)}
        with PredictApi(stub.url, folder, **settings) as api:
            yield api, trained


def rows(count: int, seed: int) -> list[Any]:
    return rows_of(generate(count, seed=seed).drop(columns="y"))


def same(served: Served, bodies: list[Any], path: str) -> requests.Response:
    """The answer for a batch, which must be what the estimator says here."""
    api, trained = served
    answer = api.predict(bodies, path)
    assert answer.status_code == 200, answer.text
    decoded = decode(bodies, trained.schema, len(bodies) or 1)
    expected = score(trained.estimator, trained.schema, decoded.columns, decoded.rows)
    predictions = answer.json()["predictions"]
    assert [one["prediction"] for one in predictions] == expected.labels
    for one, probabilities in zip(predictions, expected.probabilities or [], strict=True):
        assert one["predict_proba"] == pytest.approx(probabilities, abs=1e-9)
    return answer


@pytest.mark.parametrize(("path", "runtime"), [("/predict", "onnx"), ("/models/alone/predict", "sklearn")])
@pytest.mark.parametrize("count", [1, 20, 257])
def test_rows_are_answered_as_the_estimator_does(served: Served, path: str, runtime: str, count: int) -> None:
    assert same(served, rows(count, seed=count), path).headers["Model-Runtime"] == runtime


@pytest.mark.parametrize("path", ["/predict", "/models/alone/predict"])
def test_no_rows_have_no_predictions(served: Served, path: str) -> None:
    assert served[0].predict([], path).json()["predictions"] == []


def test_ten_thousand_rows_of_a_hundred_columns_are_answered(served: Served) -> None:
    for path in ("/predict", "/models/alone/predict"):
        same(served, rows(2000, seed=9) * 5, path)


def test_what_the_twin_leaves_to_the_model_is_answered_by_the_model(served: Served) -> None:
    """Integers beyond 2^53 are not all exact as doubles."""
    answer = same(served, [{**rows(1, seed=3)[0], "x0": 1e17}], "/predict")
    assert answer.headers["Model-Runtime"] == "sklearn"


def test_a_model_that_raises_says_so_and_answers_the_next(served: Served) -> None:
    """Fault 26: for some rows."""
    api, _ = served
    answer = api.predict({"word": "maybe"}, "/models/strict/predict")
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:changeover:row-not-answered")
    message = answer.json()["errors"][0]["message"]
    assert message == "the model raised ValueError: Found unknown categories ['maybe'] in column 0 during transform"
    assert api.predict({"word": "yes"}, "/models/strict/predict").json()["prediction"] == 1


def test_each_of_many_concurrent_requests_gets_its_own_answer(served: Served) -> None:
    bodies = rows(40, seed=11)
    expected = same(served, bodies, "/models/alone/predict").json()["predictions"]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda body: served[0].predict(body, "/models/alone/predict").json(), bodies))
    for answer, wanted in zip(answers, expected, strict=True):
        assert answer["prediction"] == wanted["prediction"]
        assert answer["predict_proba"] == pytest.approx(wanted["predict_proba"], abs=1e-9)
