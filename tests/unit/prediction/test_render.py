"""Rendering: the bytes of a response."""

import json

import pytest

from changeover.estimator.scores import Scores
from changeover.exceptions import ScoringFailed
from predict_api.prediction.render import render

VERSION = "a" * 64


def test_one_row_is_one_object() -> None:
    body = render(Scores([1], [[0.25, 0.75]], [0, 1]), VERSION, single=True)
    assert json.loads(body) == {
        "prediction": 1,
        "predict_proba": [0.25, 0.75],
        "classes": [0, 1],
        "model_version": VERSION,
    }


def test_a_batch_is_a_list_even_of_one_or_none() -> None:
    assert json.loads(render(Scores(["x"], [[1.0]], ["x"]), VERSION, single=False))["predictions"] == [
        {"prediction": "x", "predict_proba": [1.0]}
    ]
    assert json.loads(render(Scores([], [], ["x"]), VERSION, single=False))["predictions"] == []


def test_without_probabilities_the_response_has_null_and_no_classes() -> None:
    body = json.loads(render(Scores([2.5], None, [0, 1]), VERSION, single=True))
    assert body == {"prediction": 2.5, "predict_proba": None, "model_version": VERSION}


def test_inputs_have_sorted_keys_and_null_for_missing_values() -> None:
    inputs = {"b": [float("nan"), 2.0], "a": [None, "é"]}
    body = render(Scores([1, 2], None, None), VERSION, single=False, inputs=inputs)
    rows = json.loads(body)["predictions"]
    assert [row["inputs"] for row in rows] == [{"a": None, "b": None}, {"a": "é", "b": 2.0}]
    assert list(rows[0]["inputs"]) == ["a", "b"]


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_number_without_a_json_form_is_a_failure_of_the_model(number: float) -> None:
    with pytest.raises(ScoringFailed, match="NaN"):
        render(Scores([number], None, None), VERSION, single=True)


def test_what_is_included_is_in_each_row_and_a_row_that_failed_says_why() -> None:
    scores = Scores([1, None], [[0.5], None], [1], included={"decision": [0.25, None]}, failed={1: "the model raised"})
    assert json.loads(render(scores, VERSION, single=False))["predictions"] == [
        {"prediction": 1, "predict_proba": [0.5], "decision": 0.25},
        {"prediction": None, "predict_proba": None, "decision": None, "error": "the model raised"},
    ]
    with pytest.raises(ScoringFailed, match="NaN"):
        render(Scores([1], None, None, included={"std": [float("nan")]}), VERSION, single=True)


def test_the_names_of_the_outputs_stand_beside_the_classes() -> None:
    body = json.loads(render(Scores([[1.0, 2.0]], None, None), VERSION, single=True, outputs=["low", "high"]))
    assert body == {
        "prediction": [1.0, 2.0],
        "predict_proba": None,
        "outputs": ["low", "high"],
        "model_version": VERSION,
    }
