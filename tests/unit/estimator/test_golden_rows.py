"""Golden rows: recorded with their answers, replayed, and refused when the answers differ."""

import json
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

from changeover.estimator.golden_rows import record, replay
from changeover.exceptions import GoldenMismatch
from changeover.json_types import Json, JsonObject
from changeover.schema.schema import Column, Schema

X = np.array([[-2.0], [-1.0], [1.0], [2.0]] * 5)
SCHEMA = Schema((Column("a"),))
MODEL = LogisticRegression().fit(X, np.array(["no", "no", "yes", "yes"] * 5))
ROWS: list[JsonObject] = [{"a": -2}, {"a": "1.5"}]


def golden() -> dict[str, Any]:
    read: dict[str, Any] = json.loads(json.dumps(record(MODEL, SCHEMA, ROWS)))
    return read


def test_what_was_recorded_replays_after_a_round_through_json() -> None:
    assert golden()["rows"] == ROWS
    assert [output["prediction"] for output in golden()["outputs"]] == ["no", "yes"]
    replay(MODEL, SCHEMA, golden())


def test_a_model_without_probabilities_replays_too() -> None:
    model = LinearRegression().fit(X, X[:, 0])
    recorded = record(model, SCHEMA, ROWS)
    assert recorded["outputs"] == [
        {"prediction": pytest.approx(-2.0), "predict_proba": None},
        {"prediction": pytest.approx(1.5), "predict_proba": None},
    ]
    replay(model, SCHEMA, recorded)


def test_the_last_digits_may_differ_and_no_others() -> None:
    close = golden()
    close["outputs"][0]["predict_proba"][0] *= 1 + 1e-9
    replay(MODEL, SCHEMA, close)
    far = golden()
    far["outputs"][0]["predict_proba"][0] *= 1 + 1e-4
    with pytest.raises(GoldenMismatch, match="golden row 0: predict_proba is"):
        replay(MODEL, SCHEMA, far)


@pytest.mark.parametrize("label", ["yes", "No", None, 0, False])
def test_another_label_is_a_mismatch(label: Json) -> None:
    changed = golden()
    changed["outputs"][0]["prediction"] = label
    with pytest.raises(GoldenMismatch, match=r"golden row 0: prediction is 'no', the manifest says"):
        replay(MODEL, SCHEMA, changed)


@pytest.mark.parametrize(("one", "other"), [(1, True), (0, False), (1, "1"), (10**17, 10**17 + 1)])
def test_labels_of_another_type_are_other_labels(one: int, other: Json) -> None:
    model = LogisticRegression().fit(X, np.array([one, one, one + 7, one + 7] * 5))
    recorded: dict[str, Any] = dict(record(model, SCHEMA, [{"a": -2}]))
    replay(model, SCHEMA, recorded)
    recorded["outputs"] = [{**recorded["outputs"][0], "prediction": other}]
    with pytest.raises(GoldenMismatch):
        replay(model, SCHEMA, recorded)


def test_other_classes_than_recorded_are_a_mismatch() -> None:
    wider = LogisticRegression().fit(X, np.array(["no", "maybe", "yes", "yes"] * 5))
    with pytest.raises(GoldenMismatch):
        replay(wider, SCHEMA, golden())


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        ({}, "are no list"),
        ({"rows": [{"a": 1}], "outputs": []}, "1 golden rows and 0 outputs"),
        ({"rows": [{"a": 1}], "outputs": [5]}, "output of golden row 0 is no object"),
        ({"rows": [{"b": 1}]}, "do not fit the schema: row 0, field a: the field is missing"),
        ({"rows": [{"a": 1}] * 1001}, "do not fit the schema: the batch has 1001 rows"),
    ],
)
def test_broken_golden_rows_are_refused_with_the_reason(broken: JsonObject, why: str) -> None:
    with pytest.raises(GoldenMismatch, match=why):
        replay(MODEL, SCHEMA, broken)


def test_rows_without_outputs_only_have_to_be_answered() -> None:
    replay(MODEL, SCHEMA, {"rows": list[Json](ROWS)})
    two = Schema((Column("a"), Column("b")))
    with pytest.raises(
        GoldenMismatch, match="cannot answer its golden rows: the model raised ValueError in predict_proba: X has 2"
    ):
        replay(MODEL, two, {"rows": [{"a": 1, "b": 2}]})
