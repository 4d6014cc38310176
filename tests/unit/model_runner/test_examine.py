"""The checks of an artifact before it becomes a version, without the runner around them."""

import io
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, scale

from changeover.json_types import JsonObject
from changeover.manifest.manifest import Draft
from model_runner.calls import examine as calls
from model_runner.calls.export import twin_of
from model_runner.calls.task import Task
from model_runner.options import Preload
from tests.integration.artifacts import a_model


def a_task(**draft: Any) -> Task:
    return Task(size=0, draft=Draft(**draft), unpacked_bytes=2**30)


def examine(artifact: bytes, task: Task) -> JsonObject:
    """The members of a manifest, or the reason of the refusal."""
    examined = calls.examine(artifact, task, Preload())
    return examined.members if isinstance(examined, calls.Examined) else examined


def dumped(estimator: object) -> bytes:
    buffer = io.BytesIO()
    joblib.dump(estimator, buffer)
    return buffer.getvalue()


def test_a_good_model_is_described() -> None:
    members = examine(a_model(1), a_task())
    assert members["classes"] == [0, 1]
    assert members["golden"]["rows"] == [{"x0": 0, "x1": 0, "x2": 0}]  # type: ignore[call-overload,index]
    assert members["golden"]["outputs"][0].keys() == {"prediction", "predict_proba"}  # type: ignore[call-overload,index,union-attr]
    assert members["warnings"] == []
    assert members["environment"]["scikit-learn"]  # type: ignore[call-overload,index]


def test_golden_rows_without_outputs_are_recorded_and_with_outputs_replayed() -> None:
    rows = [{"x0": 1.0, "x1": 0.0, "x2": 0.0}]
    recorded = examine(a_model(1), a_task(golden={"rows": rows}))["golden"]
    assert isinstance(recorded, dict)
    assert examine(a_model(1), a_task(golden=recorded))["golden"] == recorded
    assert recorded["recorded_by"] == "admission"
    own = {"rows": rows, "outputs": recorded["outputs"]}
    assert examine(a_model(1), a_task(golden=own))["golden"] == {**own, "recorded_by": "publisher"}
    wrong = {"rows": rows, "outputs": [{"prediction": 0, "predict_proba": [0.9, 0.1]}]}
    assert "golden" in str(examine(a_model(1), a_task(golden=wrong))["refused"])


def test_a_model_that_draws_its_answers_is_refused_at_admission() -> None:
    five_outputs = np.tile(np.arange(40), (5, 1)).T
    drawing = dumped(DummyClassifier(strategy="uniform").fit(np.zeros((40, 2)), five_outputs))
    assert "gives different outputs" in str(examine(drawing, a_task())["refused"])
    assert "golden row 0: prediction" in str(examine(drawing, a_task())["refused"])


def test_the_canary_of_a_date_is_a_date() -> None:
    days = pd.DataFrame({"day": ["2026-01-31", "2026-02-01"]})
    model = make_pipeline(OneHotEncoder(handle_unknown="ignore"), LogisticRegression()).fit(days, [0, 1])
    schema = {"columns": [{"name": "day", "type": "string", "format": "date"}]}
    members = examine(dumped(model), a_task(schema=schema))
    assert members["golden"]["rows"] == [{"day": "2000-01-01"}]  # type: ignore[call-overload,index]


def test_other_versions_in_the_environment_of_the_draft_are_warnings() -> None:
    members = examine(a_model(1), a_task(environment={"python": "3.4.1", "joblib": "0.1"}))
    assert [warning.split(",")[0] for warning in members["warnings"]] == [  # type: ignore[union-attr]
        "it was trained with python 3.4.1",
        "it was trained with joblib 0.1",
    ]


@pytest.mark.parametrize(
    ("artifact", "word"),
    [
        (b"<html>", "HTML"),
        (dumped({"a": 1}), "predict"),
        (dumped(LogisticRegression()), "fit"),
    ],
    ids=["no model", "no estimator", "not fitted"],
)
def test_what_is_no_fitted_model_is_refused(artifact: bytes, word: str) -> None:
    assert word.lower() in str(examine(artifact, a_task())["refused"]).lower()


def test_a_model_that_raises_on_the_sample_row_is_refused() -> None:
    fitted = LinearRegression().fit(np.eye(3), [1.0, 2.0, 3.0])
    fitted.coef_ = np.array([1.0, 2.0])
    assert "canary" in str(examine(dumped(fitted), a_task())["refused"])


def test_a_model_of_another_scikit_learn_is_refused() -> None:
    fitted = DummyRegressor().fit([[0.0]], [1.0])
    here = fitted.__getstate__()["_sklearn_version"].encode()
    old = dumped(fitted).replace(here, b"0" + here[1:])
    assert "conda_environment.yml" in str(examine(old, a_task())["refused"])


def test_the_publishers_schema_is_taken_and_a_typo_in_it_is_refused() -> None:
    columns = [{"name": name, "type": "number", "nullable": False} for name in ("x0", "x1", "x2")]
    members = examine(a_model(1), a_task(schema={"columns": columns}))
    assert members["schema"]["columns"][0]["name"] == "x0"  # type: ignore[index,call-overload]
    wrong = [{**column, "nulable": True} for column in columns]
    assert "nulable" in str(examine(a_model(1), a_task(schema={"columns": wrong}))["refused"])


def test_a_training_environment_that_differs_is_a_warning() -> None:
    members = examine(a_model(1), a_task(environment={"numpy": "1.0.0"}))
    assert "numpy 1.0.0" in str(members["warnings"])


def test_the_names_of_outputs_are_as_many_as_the_values_of_a_prediction() -> None:
    two = dumped(LinearRegression().fit(np.eye(3), np.eye(3)[:, :2]))
    assert "refused" not in examine(two, a_task(outputs=["low", "high"]))
    refused = str(examine(two, a_task(outputs=["low", "middle", "high"]))["refused"])
    assert "`outputs` has 3 names and a prediction of the model 2 values" in refused


def test_a_step_that_looks_at_all_rows_is_a_warning_and_has_no_twin() -> None:
    together = make_pipeline(FunctionTransformer(scale), LinearRegression()).fit(np.eye(3), [1.0, 2.0, 3.0])
    examined = calls.examine(dumped(together), a_task(), Preload())
    assert isinstance(examined, calls.Examined)
    assert examined.members["row_independent"] is False
    assert "calls scale, which may look at all rows: the rows of a request" in str(examined.members["warnings"])
    assert twin_of(examined) == ({"absent": "its answer to a row may depend on the other rows of a call"}, b"")
    assert examine(a_model(1), a_task())["row_independent"] is True
