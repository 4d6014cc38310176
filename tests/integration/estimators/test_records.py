"""Models that take dicts: a JSON row is the dict that the model gets, and null means that the key is absent."""

from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction import DictVectorizer, FeatureHasher
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import MaxAbsScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeRegressor

from tests.integration.estimators.stack import EstimatorStack

Record = dict[str, Any]
CITIES: list[Record] = [{"city": "Rome", "rooms": 2}, {"city": "Oslo", "rooms": 3.5}, {"rooms": 1}, {"city": "Rome"}]
RECORDS: list[Record] = CITIES * 5
PRICES = ["high", "low", "low", "high"] * 5
ASKED: list[Record] = [
    {"city": "Rome", "rooms": 4},
    {"city": "Oslo", "rooms": None},
    {"city": None, "rooms": "2.5"},
    {"city": "Bonn = Köln", "rooms": 1},
]
# the rows as the model itself takes them
OWN: list[Record] = [
    {"city": "Rome", "rooms": 4},
    {"city": "Oslo"},
    {"rooms": 2.5},
    {"city": "Bonn = Köln", "rooms": 1},
]

PIPELINES = {
    "sparse": make_pipeline(DictVectorizer(), LogisticRegression()),
    "dense": make_pipeline(DictVectorizer(sparse=False), RandomForestClassifier(10, random_state=0)),
    "in the order of fitting": make_pipeline(DictVectorizer(sort=False, sparse=False), LinearSVC(random_state=0)),
    "another separator": make_pipeline(DictVectorizer(separator=": "), MaxAbsScaler(), LogisticRegression()),
    "a search": GridSearchCV(make_pipeline(DictVectorizer(), LogisticRegression()), {}, cv=2),
    "a union": make_pipeline(
        make_union(DictVectorizer(), make_pipeline(DictVectorizer(), MaxAbsScaler())), LogisticRegression()
    ),
}


@pytest.fixture(scope="module")
def served(stack: EstimatorStack) -> dict[str, str]:
    return stack.serve_all({kind: model.fit(RECORDS, PRICES) for kind, model in PIPELINES.items()})


@pytest.mark.parametrize("kind", PIPELINES)
def test_rows_are_answered_as_the_model_answers_its_dicts(
    stack: EstimatorStack, served: dict[str, str], kind: str
) -> None:
    columns = {column["name"]: column for column in stack.columns(served[kind])}
    assert {name: column["type"] for name, column in columns.items()} == {"city": "string", "rooms": "number"}
    assert sorted(columns["city"]["categories"]) == ["Oslo", "Rome"]
    answer = stack.asked(served[kind], ASKED)
    assert [row["prediction"] for row in answer["predictions"]] == PIPELINES[kind].predict(OWN).tolist()
    if hasattr(PIPELINES[kind], "predict_proba"):
        expected = PIPELINES[kind].predict_proba(OWN)
        assert np.allclose([row["predict_proba"] for row in answer["predictions"]], expected)
    assert stack.asked(served[kind], ASKED[0])["prediction"] == "high"


def test_a_text_for_a_number_and_an_unknown_key_are_named(stack: EstimatorStack, served: dict[str, str]) -> None:
    answer = stack.post(served["sparse"], [ASKED[0], {"city": 1, "rooms": "two"}, ASKED[0] | {"colour": "red"}])
    assert answer.status_code == 422
    faults = {(fault["row"], fault["field"]) for fault in answer.json()["errors"]}
    assert faults == {(1, "city"), (1, "rooms"), (2, "colour")}


def test_an_example_tells_the_types_and_which_names_have_the_separator(stack: EstimatorStack) -> None:
    records: list[Record] = [{"n": 1, "good": True, "a=b": 2.0}, {"n": 2, "good": False, "a=b": 1.0}, {"n": 3}] * 5
    model = make_pipeline(DictVectorizer(sparse=False), DecisionTreeRegressor(random_state=0))
    model.fit(records, [1.0, 2.0, 3.0] * 5)
    example: list[Record] = [{**record, "target": 1.0} for record in records]
    name = stack.serve(model, example)
    types = {column["name"]: column["type"] for column in stack.columns(name)}
    assert types == {"a=b": "number", "good": "boolean", "n": "number"}
    rows = [{"n": 1, "good": True, "a=b": 2}, {"n": 3, "good": None, "a=b": None}]
    assert [row["prediction"] for row in stack.asked(name, rows)["predictions"]] == [1.0, 3.0]
    assert len(stack.golden(name)["rows"]) >= 3


def test_hashed_dicts_need_an_example_and_say_so(stack: EstimatorStack) -> None:
    model = make_pipeline(FeatureHasher(16), LogisticRegression()).fit(RECORDS, PRICES)
    assert "give an example frame, or publish a schema" in stack.refusal(model)
    answer = stack.asked(stack.serve(model, RECORDS), ASKED)
    assert np.allclose([row["predict_proba"] for row in answer["predictions"]], model.predict_proba(OWN))


def test_what_null_means_is_not_guessed(stack: EstimatorStack) -> None:
    filling = make_pipeline(DictVectorizer(), SimpleImputer(), LogisticRegression()).fit(RECORDS, PRICES)
    refused = stack.refusal(filling)
    assert "null can mean 0 or a missing value" in refused
    assert "ColumnTransformer" in refused
    gaps: list[Record] = [*RECORDS, {"city": 5, "rooms": 1}]
    mixed = make_pipeline(DictVectorizer(), LogisticRegression()).fit(gaps, [*PRICES, "low"])
    assert "leave the key out where there is none" in stack.refusal(mixed)
