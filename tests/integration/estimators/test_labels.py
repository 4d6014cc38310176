"""Labels of every type over HTTP: JSON of that type, with the classes in the order of the probabilities."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.tree import DecisionTreeClassifier

from tests.integration.estimators.stack import EstimatorStack

X = np.array([[-2.0, 0.0], [-1.0, 1.0], [1.0, 0.0], [2.0, 1.0]] * 5)
SECOND = X[:, 0] > 0
ROWS = [{"x0": -2.0, "x1": 0}, {"x0": 2.0, "x1": 1}]

LABELS: dict[str, tuple[Any, list[Any]]] = {
    "int8": (np.array([-3, 100], dtype=np.int8), [-3, 100]),
    "uint8": (np.array([0, 255], dtype=np.uint8), [0, 255]),
    "int32": (np.array([7, 2**31 - 1], dtype=np.int32), [7, 2**31 - 1]),
    "int64": (np.array([-(2**62), 2**62]), [-(2**62), 2**62]),
    "uint64": (np.array([1, 2**64 - 1], dtype=np.uint64), [1, 2**64 - 1]),
    "integers of Python": ([0, 1], [0, 1]),
    "bools": (np.array([False, True]), [False, True]),
    "floats": ([1.0, 2.0], [1.0, 2.0]),
    "float32": (np.array([1, 2], dtype=np.float32), [1.0, 2.0]),
    "strings": (["no", "yes"], ["no", "yes"]),
    "strings of numpy": (np.array(["nein", "öäü ✓"]), ["nein", "öäü ✓"]),
    "strings as objects": (np.array(["a", "b"], dtype=object), ["a", "b"]),
    "strings of digits": (["01", "1"], ["01", "1"]),
    "an empty string": (["", "x"], ["", "x"]),
}


@pytest.fixture(scope="module")
def labelled(stack: EstimatorStack) -> dict[str, str]:
    """A logistic regression for each kind of labels, by its name in the stack."""
    return stack.serve_all(
        {
            kind: LogisticRegression().fit(X, np.asarray(labels)[SECOND.astype(int)])
            for kind, (labels, _) in LABELS.items()
        }
    )


@pytest.mark.parametrize("kind", LABELS)
def test_a_label_comes_back_as_json_of_its_own_type(stack: EstimatorStack, labelled: dict[str, str], kind: str) -> None:
    expected = LABELS[kind][1]
    answer = stack.asked(labelled[kind], ROWS)
    labels = [row["prediction"] for row in answer["predictions"]]
    # in Python 1 == 1.0 == True, but not in JSON
    assert json.dumps(labels) == json.dumps(expected)
    assert json.dumps(answer["classes"]) == json.dumps(expected)
    assert [int(np.argmax(row["predict_proba"])) for row in answer["predictions"]] == [0, 1]
    single = stack.asked(labelled[kind], ROWS[1])
    assert json.dumps(single["prediction"]) == json.dumps(expected[1])
    assert single["predict_proba"] == pytest.approx(answer["predictions"][1]["predict_proba"])
    assert single["classes"] == answer["classes"]


def test_the_manifest_and_the_answer_name_the_same_classes(stack: EstimatorStack, labelled: dict[str, str]) -> None:
    for kind in ("uint64", "bools", "strings of numpy"):
        classes = stack.api.get(f"/models/{labelled[kind]}").json()["classes"]
        assert json.dumps(classes) == json.dumps(LABELS[kind][1])


def test_several_classes_come_in_the_order_of_their_probabilities(stack: EstimatorStack) -> None:
    three = np.array(["c", "a", "b", "a"] * 5)
    model = RandomForestClassifier(10, random_state=0).fit(X, three)
    answer = stack.ask(model, {"x0": -2.0, "x1": 0.0})
    assert answer["classes"] == ["a", "b", "c"]
    assert answer["prediction"] == "c"
    assert answer["predict_proba"] == pytest.approx(model.predict_proba([[-2.0, 0.0]])[0].tolist())


def test_labels_of_a_frame_of_pandas_own_types(stack: EstimatorStack) -> None:
    words = np.where(SECOND, "on", "off")
    models = {
        "boolean": (LogisticRegression().fit(X, pd.Series(SECOND, dtype="boolean")), [0, 1]),
        "Int64": (LogisticRegression().fit(X, pd.Series(SECOND.astype(int), dtype="Int64")), [0, 1]),
        "string": (LogisticRegression().fit(X, pd.Series(words, dtype="string")), ["off", "on"]),
        "category": (LogisticRegression().fit(X, pd.Series(words, dtype="category")), ["off", "on"]),
    }
    names = stack.serve_all({kind: model for kind, (model, _) in models.items()})
    for kind, (model, expected) in models.items():
        answer = stack.asked(names[kind], ROWS)
        assert [row["prediction"] for row in answer["predictions"]] == expected, kind
        # scikit-learn itself makes numbers of the first two
        assert json.dumps(answer["classes"]) == json.dumps(model.classes_.tolist()), kind


def test_labels_that_are_objects_of_several_types_keep_theirs(stack: EstimatorStack) -> None:
    mixed = np.array([1, 2.5], dtype=object)[SECOND.astype(int)]
    answer = stack.ask(DummyClassifier(strategy="prior").fit(X, mixed), ROWS[0])
    assert json.dumps(answer) == json.dumps({"prediction": 1, "predict_proba": [0.5, 0.5], "classes": [1, 2.5]})


@pytest.mark.parametrize(
    "model",
    [
        DummyClassifier(),
        RandomForestClassifier(3),
        DecisionTreeClassifier(),
        GaussianNB(),
    ],
)
def test_a_single_class_in_training_is_always_the_answer(stack: EstimatorStack, model: DummyClassifier) -> None:
    answer = stack.ask(model.fit(X, ["only"] * len(X)), ROWS)
    assert answer == {"predictions": [{"prediction": "only", "predict_proba": [1.0]}] * 2, "classes": ["only"]}


def test_labels_that_json_cannot_say_are_refused(stack: EstimatorStack) -> None:
    days = np.array(["2020-01-01", "2020-01-02"], dtype="datetime64[D]")[SECOND.astype(int)]
    assert "holds a date, which has no JSON form" in stack.refusal(DecisionTreeClassifier().fit(X, days))


def test_no_label_among_the_labels_is_refused_where_it_is_a_number(stack: EstimatorStack) -> None:
    """A `NaN` of pandas; scikit-learn itself refuses to fit other classifiers on it."""
    labels = np.where(SECOND, 1.0, np.nan)
    refused = stack.refusal(DummyClassifier().fit(X, labels))
    assert "classes_ holds NaN" in refused
    assert "without the rows that have no label" in refused


@pytest.mark.parametrize("model", [LogisticRegression(), DecisionTreeClassifier(), GaussianNB()])
def test_none_among_the_labels_is_null(stack: EstimatorStack, model: LogisticRegression) -> None:
    """A model whose labels were set after the fit, because scikit-learn fits it on numbers only."""
    fitted = model.fit(X, SECOND.astype(int))
    fitted.classes_ = np.array([None, "b"], dtype=object)
    name = stack.serve(fitted)
    answer = stack.asked(name, ROWS)
    assert [row["prediction"] for row in answer["predictions"]] == [None, "b"]
    assert answer["classes"] == [None, "b"]
    assert stack.asked(name, ROWS[0])["prediction"] is None
    assert stack.api.get(f"/models/{name}").json()["classes"] == [None, "b"]
    assert stack.api.get("/openapi.json").status_code == 200


def test_a_single_output_in_a_list_is_one_output(stack: EstimatorStack) -> None:
    model = MultiOutputClassifier(LogisticRegression()).fit(X, SECOND.reshape(-1, 1).astype(int))
    answer = stack.ask(model, ROWS[1])
    assert answer["prediction"] == 1
    assert answer["classes"] == [0, 1]
    assert answer["predict_proba"] == pytest.approx(model.predict_proba([[2.0, 1.0]])[0][0].tolist())
