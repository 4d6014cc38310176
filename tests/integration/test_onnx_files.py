"""ONNX files as versions: published over HTTP, described by their graph, answered as their estimator answers.

The files of xgboost and lightgbm in `onnx_files/` were written by onnxmltools 1.16 from the iris data.
"""

import json
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC

from changeover import digest
from tests.conftest import wait_until
from tests.graphs import model, node, stump
from tests.processes.model_server import REPORT_TOKEN, ModelServer
from tests.processes.predict_api import Instances, PredictApi
from tests.processes.store import Store

MODEL = "flowers"
FILES = Path(__file__).parent / "onnx_files"
FEATURES, TARGET = load_iris(return_X_y=True)
FEATURES = FEATURES.astype(np.float32)
SAMPLE = FEATURES[::13]
NAMES = np.array(["setosa", "versicolor", "virginica"])
FRAME = pd.DataFrame(FEATURES, columns=["a", "b", "c", "d"]).assign(
    kind=np.where(FEATURES[:, 0] > 5.5, "long", "short"), count=np.arange(len(FEATURES)) % 7
)


@dataclass(frozen=True)
class Case:
    """An ONNX file, rows for it, and what the estimator itself says of them."""

    content: bytes
    rows: list[dict[str, Any]]
    labels: list[Any]
    probabilities: list[Any] | None
    classes: list[Any] | None = None


def table(estimator: Any, target: Any, kind: type = np.float32, zipmap: bool = False) -> Case:
    """A model of one table, as skl2onnx exports it."""
    from skl2onnx import to_onnx

    estimator.fit(FEATURES, target)
    has_probabilities = hasattr(estimator, "predict_proba")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        options = {"zipmap": zipmap} if has_probabilities else None
        content = to_onnx(estimator, FEATURES[:1].astype(kind), options=options).SerializeToString()
    return case(content, estimator, SAMPLE, numbered())


def numbered() -> list[dict[str, Any]]:
    return [{f"x{index}": float(value) for index, value in enumerate(row)} for row in SAMPLE]


def case(content: bytes, estimator: Any, sample: Any, rows: list[dict[str, Any]]) -> Case:
    probabilities = estimator.predict_proba(sample).tolist() if hasattr(estimator, "predict_proba") else None
    classes = estimator.classes_.tolist() if probabilities is not None else None
    return Case(content, rows, estimator.predict(sample).tolist(), probabilities, classes)


def columns(zipmap: bool) -> Case:
    """A pipeline of one input for each column: numbers, an integer, strings."""
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType

    parts = [
        ("n", StandardScaler(), ["a", "b", "c", "d"]),
        ("k", OneHotEncoder(), ["kind"]),
        ("i", "passthrough", ["count"]),
    ]
    estimator = make_pipeline(ColumnTransformer(parts), LogisticRegression(max_iter=500)).fit(FRAME, NAMES[TARGET])
    types: list[Any] = [(name, FloatTensorType([None, 1])) for name in "abcd"]
    types += [("kind", StringTensorType([None, 1])), ("count", Int64TensorType([None, 1]))]
    content = to_onnx(estimator, initial_types=types, options={"zipmap": zipmap}).SerializeToString()
    sample = FRAME.iloc[::13]
    return case(content, estimator, sample, json.loads(sample.to_json(orient="records")))


def of_file(name: str) -> Case:
    """A committed file, compared with onnxruntime itself."""
    content = (FILES / f"{name}.onnx").read_bytes()
    session = onnxruntime.InferenceSession(content)
    outputs = session.run(None, {"x": SAMPLE})
    if len(outputs) == 1:
        return Case(content, numbered(), outputs[0].reshape(-1).tolist(), None)
    scores = [[*row.values()] for row in outputs[1]] if isinstance(outputs[1], list) else outputs[1].tolist()
    return Case(content, numbered(), outputs[0].tolist(), scores, list(range(len(scores[0]))))


SERVED: dict[str, Callable[[], Case]] = {
    "a linear classifier, maps": lambda: table(LogisticRegression(max_iter=500), NAMES[TARGET], zipmap=True),
    "a linear classifier, a table": lambda: table(LogisticRegression(max_iter=500), NAMES[TARGET]),
    "a forest in doubles, maps": lambda: table(RandomForestClassifier(5, random_state=0), TARGET, np.float64, True),
    "a forest, two classes": lambda: table(RandomForestClassifier(5, random_state=0), TARGET > 0),
    "a pipeline": lambda: table(make_pipeline(StandardScaler(), LogisticRegression()), TARGET),
    "a regressor": lambda: table(Ridge(), FEATURES[:, 0] * 2),
    "trees of numbers": lambda: table(RandomForestRegressor(5, random_state=0), FEATURES[:, 0]),
    "boosted trees of numbers": lambda: table(GradientBoostingRegressor(n_estimators=5), FEATURES[:, 0]),
    "several numbers": lambda: table(Ridge(), FEATURES[:, :2]),
    "no probabilities": lambda: table(LinearSVC(), TARGET),
    "one input a column, maps": lambda: columns(zipmap=True),
    "one input a column, a table": lambda: columns(zipmap=False),
    **{path.stem: lambda name=path.stem: of_file(name) for path in sorted(FILES.glob("*.onnx"))},  # type: ignore[misc]
}


@pytest.fixture(scope="module")
def server(seaweed: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelServer]:
    folder = tmp_path_factory.mktemp("onnx")
    with ModelServer(seaweed, "onnx-files", folder) as server:
        yield server


@pytest.fixture(scope="module")
def api(server: ModelServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PredictApi]:
    publish(server, table(Ridge(), FEATURES[:, 0]).content)
    apis = Instances(tmp_path_factory.mktemp("apis"), server.url)
    yield apis.start(REPORT_TOKEN=REPORT_TOKEN, DEFAULT_MODEL=MODEL, WORKERS="1")
    apis.end()


def publish(server: ModelServer, content: bytes) -> dict[str, Any]:
    """Publish and roll; returns the manifest."""
    answer = server.publish(content, model=MODEL)
    assert answer.status_code in (200, 201), answer.text
    version = digest.sha256(content)
    body = {"version": version, "reason": "a test", "allow_schema_change": True}
    rollout = server.post(f"/models/{MODEL}/rollouts?wait=30", json=body)
    assert rollout.json()["state"] == "committed", rollout.text
    manifest: dict[str, Any] = server.get(f"/models/{MODEL}/versions/{version}").json()
    return manifest


def with_manifest(server: ModelServer, content: bytes, model: str, manifest: dict[str, Any]) -> Any:
    parts = {"artifact": ("model.onnx", content), "manifest": (None, json.dumps(manifest), "application/json")}
    return server.post(f"/models/{model}/versions", files=parts)


@pytest.mark.parametrize("name", SERVED)
def test_an_onnx_file_answers_as_its_estimator(name: str, server: ModelServer, api: PredictApi) -> None:
    expected = SERVED[name]()
    manifest = publish(server, expected.content)
    assert manifest["estimator"]["type"] == "ONNX"
    assert manifest["estimator"]["predict_proba"] is (expected.probabilities is not None)
    assert manifest["estimator"]["kind"] == ("classifier" if isinstance(expected.labels[0], int | str) else "regressor")
    assert [column["name"] for column in manifest["schema"]["columns"]] == list(expected.rows[0])
    answer = api.predict(expected.rows)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Model-Runtime"] == "onnx"
    body = answer.json()
    assert body["model_version"] == digest.sha256(expected.content)
    assert body.get("classes") == expected.classes
    labels = [row["prediction"] for row in body["predictions"]]
    if isinstance(expected.labels[0], float | list):
        np.testing.assert_allclose(labels, expected.labels, rtol=1e-5)
    else:
        assert labels == expected.labels
    for row, probabilities in zip(body["predictions"], expected.probabilities or [None] * len(labels), strict=True):
        if probabilities is None:
            assert row["predict_proba"] is None
        else:
            assert row["predict_proba"] == pytest.approx(probabilities, rel=1e-5, abs=1e-5)
    alone = api.predict(expected.rows[0]).json()
    assert alone["prediction"] == (pytest.approx(labels[0]) if isinstance(labels[0], float) else labels[0])


def test_an_onnx_file_is_recognised_in_the_drop_zone(server: ModelServer) -> None:
    content = table(Ridge(alpha=3.0), FEATURES[:, 1]).content
    server.store.bucket(bucket=server.bucket).write(
        "incoming/dropped/any name.onnx", content, "application/octet-stream"
    )
    version = digest.sha256(content)
    wait_until(
        lambda: server.get(f"/models/dropped/versions/{version}").status_code == 200, what="the upload is a version"
    )


def test_a_publishers_schema_names_the_columns(server: ModelServer) -> None:
    columns = [{"name": name, "type": "number", "nullable": False} for name in ("a", "b", "c", "d")]
    content = table(Ridge(alpha=5.0), FEATURES[:, 2]).content
    answer = with_manifest(server, content, "named", {"schema": {"columns": columns}})
    assert answer.status_code == 201, answer.text
    manifest = server.get(f"/models/named/versions/{digest.sha256(content)}").json()
    assert [column["name"] for column in manifest["schema"]["columns"]] == ["a", "b", "c", "d"]


def test_golden_rows_that_say_something_else_are_refused(server: ModelServer) -> None:
    golden = {"rows": numbered()[:1], "outputs": [{"prediction": 1e6, "predict_proba": None}]}
    content = table(Ridge(alpha=7.0), FEATURES[:, 2]).content
    answer = with_manifest(server, content, "golden", {"golden": golden})
    assert (answer.status_code, "golden row 0" in answer.text) == (422, True)


def zipped_columns() -> bytes:
    from skl2onnx import to_onnx

    estimator = LogisticRegression(max_iter=500).fit(FEATURES, TARGET)
    content: bytes = to_onnx(estimator, FEATURES[:1], options={"zipmap": "columns"}).SerializeToString()
    return content


REFUSED = {
    "a forged tree": (lambda: stump(nodes_featureids=[7, 0, 0]).SerializeToString(), "index out of range"),
    "a cut file": (lambda: stump().SerializeToString()[:-9], "cut off"),
    "columns of maps": (zipped_columns, "zipmap"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_an_onnx_file_that_is_no_model_of_rows_is_refused_with_the_reason(name: str, server: ModelServer) -> None:
    make, reason = REFUSED[name]
    answer = server.publish(make(), model="refused")
    assert answer.status_code == 422
    assert reason in answer.text


def test_a_row_without_an_answer_is_named_and_the_others_can_be_answered(server: ModelServer, api: PredictApi) -> None:
    """The logarithm of a number below 0 is NaN."""
    manifest = publish(server, model([node("Log")], width=1).SerializeToString())
    assert manifest["estimator"]["includes"] == []
    (column,) = manifest["schema"]["columns"]
    rows = [{column["name"]: number} for number in (1.0, 2.0, -1.0, 4.0, 0.0)]
    answer = api.predict(rows)
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:changeover:row-not-answered")
    assert [error["row"] for error in answer.json()["errors"]] == [2, 4]
    predictions = api.predict(rows, "/predict?on_error=null").json()["predictions"]
    wanted = [*np.log(np.float32([1, 2])).tolist(), None, float(np.log(np.float32(4))), None]
    assert [row["prediction"] for row in predictions] == [number and pytest.approx(number) for number in wanted]
    assert ["error" in row for row in predictions] == [False, False, True, False, True]
    assert api.predict(rows[:1], "/predict?include=decision").status_code == 400
