"""Columns of every kind: without names, with odd names, sparse, with missing values, and of the types of pandas."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.decomposition import TruncatedSVD
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, OneHotEncoder, OrdinalEncoder, StandardScaler

from tests.integration.estimators.stack import EstimatorStack

N = 40
Y = np.array([0, 1] * (N // 2))
NUMBERS = np.c_[np.where(Y, 1.0, -1.0) + np.linspace(-0.2, 0.2, N), np.linspace(0, 1, N)]
WORDS = np.where(Y == 1, "yes", np.where(np.arange(N) % 4 == 0, "no", "never"))


def test_a_model_fitted_on_an_array_takes_x0_to_xn(stack: EstimatorStack) -> None:
    model = LogisticRegression().fit(NUMBERS, Y)
    name = stack.serve(model)
    assert [column["name"] for column in stack.columns(name)] == ["x0", "x1"]
    assert stack.asked(name, {"x1": 0.5, "x0": 1.0})["prediction"] == 1
    missing = stack.post(name, {"x0": 1.0})
    assert missing.status_code == 422
    assert missing.json()["errors"] == [{"row": 0, "field": "x1", "message": "the field is missing"}]


def test_an_example_names_the_columns_of_a_model_fitted_on_an_array(stack: EstimatorStack) -> None:
    model = LogisticRegression().fit(NUMBERS, Y)
    name = stack.serve(model, pd.DataFrame(NUMBERS, columns=["height", "width"]))
    assert stack.asked(name, {"width": 0.5, "height": -1.0})["prediction"] == 0
    for example in (pd.DataFrame(NUMBERS), NUMBERS.tolist()):
        name = stack.serve(model, example)
        assert stack.asked(name, {"x1": 0.5, "x0": -1.0})["prediction"] == 0
        assert len(stack.golden(name)["outputs"]) >= 5


ODD = [
    "a b",
    "c.d",
    "größe",
    "名前",
    "🍷",
    'say "hi"',
    "it's",
    "_private",
    "",
    " ",
    "a/b",
    "{}",
    "__class__",
    "x" * 300,
]


@pytest.mark.parametrize("names", [ODD, ["columns", "data"], ["index", "columns", "data"], ["predictions", "rows"]])
def test_odd_names_are_names(stack: EstimatorStack, names: list[str]) -> None:
    table = np.column_stack([NUMBERS[:, 0] * (1 + index) for index in range(len(names))])
    frame = pd.DataFrame(table, columns=names)
    model = LogisticRegression().fit(frame, Y)
    for example in (None, frame):
        name = stack.serve(model, example)
        assert [column["name"] for column in stack.columns(name)] == names
        row = frame.iloc[1].to_dict()
        reverse = dict(reversed(row.items()))
        assert stack.asked(name, row)["prediction"] == 1
        assert stack.asked(name, [reverse, frame.iloc[0].to_dict()])["predictions"][1]["prediction"] == 0
        assert stack.asked(name, reverse)["predict_proba"] == stack.asked(name, row)["predict_proba"]
        wrong = stack.post(name, {**row, names[1]: "no number"})
        assert wrong.status_code == 422
        assert wrong.json()["errors"][0]["field"] == names[1]


def test_sparse_steps_take_ordinary_rows(stack: EstimatorStack) -> None:
    frame = pd.DataFrame({"word": WORDS, "n": NUMBERS[:, 0]})
    encoded = make_column_transformer((OneHotEncoder(), ["word"]), (MaxAbsScaler(), ["n"]), sparse_threshold=1.0)
    models = {
        "sparse to the end": make_pipeline(encoded, LogisticRegression()).fit(frame, Y),
        "a dense rest": make_pipeline(encoded, TruncatedSVD(2, random_state=0), RandomForestClassifier(5)).fit(
            frame, Y
        ),
    }
    for kind, name in stack.serve_all(models).items():
        rows = [{"word": "yes", "n": 1}, {"word": "no", "n": -1.0}]
        assert [row["prediction"] for row in stack.asked(name, rows)["predictions"]] == [1, 0], kind
        assert stack.post(name, {"word": "unheard", "n": 1}).status_code == 422
    matrix = LogisticRegression().fit(csr_matrix(NUMBERS), Y)
    assert stack.labels(matrix, [{"x0": 1.0, "x1": 0.0}, {"x0": -1.0, "x1": 0.0}]) == [1, 0]


def native(categories: object) -> tuple[HistGradientBoostingClassifier, pd.DataFrame]:
    frame = pd.DataFrame({"n": np.linspace(0, 1, N), "kind": pd.Categorical(categories)})
    model = HistGradientBoostingClassifier(max_iter=10, min_samples_leaf=1, categorical_features="from_dtype")
    return model.fit(frame, Y), frame


@pytest.mark.parametrize("with_example", [False, True])
def test_native_categories_of_boosting_are_strings(stack: EstimatorStack, *, with_example: bool) -> None:
    model, frame = native(WORDS)
    name = stack.serve(model, frame if with_example else None)
    kind = next(column for column in stack.columns(name) if column["name"] == "kind")
    assert kind["type"] == "string"
    assert set(kind["categories"]) == {"yes", "no", "never"}
    rows = pd.DataFrame({"n": 0.5, "kind": pd.Categorical(["yes", "no", "never"], categories=["never", "no", "yes"])})
    answer = stack.asked(name, [{"n": 0.5, "kind": word} for word in ("yes", "no", "never")])
    assert [row["prediction"] for row in answer["predictions"]] == [1, 0, 0]
    assert np.allclose([row["predict_proba"] for row in answer["predictions"]], model.predict_proba(rows))
    # an unknown category counts as missing there
    unseen = stack.asked(name, {"n": 0.5, "kind": "unheard"})
    assert unseen == stack.asked(name, {"n": 0.5, "kind": None})


def test_native_categories_of_boosting_may_be_numbers(stack: EstimatorStack) -> None:
    model, frame = native(np.where(Y, 7, 3))
    for example in (None, frame):
        name = stack.serve(model, example)
        rows = [{"n": 0.5, "kind": 7}, {"n": 0.5, "kind": 3}]
        assert [row["prediction"] for row in stack.asked(name, rows)["predictions"]] == [1, 0]


PANDAS = pd.DataFrame(
    {
        "count": pd.array([1 if y else 5 for y in Y], dtype="Int64"),
        "gappy": pd.array([None if i % 5 == 0 else int(y) for i, y in enumerate(Y)], dtype="Int64"),
        "share": pd.array([None if i % 7 == 0 else 0.5 for i in range(N)], dtype="Float64"),
        "flag": pd.array([bool(y) for y in Y], dtype="boolean"),
        "maybe": pd.array([None if i % 6 == 0 else bool(y) for i, y in enumerate(Y)], dtype="boolean"),
        "word": pd.array(WORDS, dtype="string"),
        "perhaps": pd.array([None if i % 3 == 0 else word for i, word in enumerate(WORDS)], dtype="string"),
    }
)


def nullable() -> Any:
    numbers = ["count", "gappy", "share", "flag", "maybe"]
    words = make_pipeline(SimpleImputer(strategy="constant", fill_value="none", missing_values=pd.NA), OneHotEncoder())
    words.set_params(onehotencoder__handle_unknown="ignore")
    return make_pipeline(
        make_column_transformer(
            (make_pipeline(SimpleImputer(), StandardScaler()), numbers), (words, ["word", "perhaps"])
        ),
        LogisticRegression(),
    ).fit(PANDAS, Y)


def test_the_nullable_types_of_pandas_are_number_boolean_and_string(stack: EstimatorStack) -> None:
    model = nullable()
    name = stack.serve(model, PANDAS)
    assert {column["name"]: column["type"] for column in stack.columns(name)} == {
        "count": "number",
        "gappy": "number",
        "share": "number",
        "flag": "boolean",
        "maybe": "boolean",
        "word": "string",
        "perhaps": "string",
    }
    rows = [
        {column: None if pd.isna(cell) else cell for column, cell in row.items()}
        for row in PANDAS[:8].to_dict("records")
    ]
    answer = stack.asked(name, rows)
    assert [row["prediction"] for row in answer["predictions"]] == model.predict(PANDAS[:8]).tolist()
    assert np.allclose([row["predict_proba"] for row in answer["predictions"]], model.predict_proba(PANDAS[:8]))
    assert stack.asked(name, {**rows[1], "gappy": None, "maybe": None, "perhaps": None})["prediction"] == 1


def test_whole_numbers_by_chance_take_a_fraction(stack: EstimatorStack) -> None:
    frame = pd.DataFrame({"n": np.where(Y, 3, -3), "m": np.arange(N)})
    model = LogisticRegression().fit(frame, Y)
    name = stack.serve(model, frame)
    assert [column["type"] for column in stack.columns(name)] == ["number"] * 2
    asked = pd.DataFrame({"n": [3, 3.5, 0.25], "m": [1, 2, 3]})
    predictions = stack.asked(name, asked.to_dict("records"))["predictions"]
    assert np.allclose([row["predict_proba"] for row in predictions], model.predict_proba(asked))


def test_identifiers_are_exact_integers_and_nothing_else(stack: EstimatorStack) -> None:
    frame = pd.DataFrame({"n": np.where(Y, 2**53 + 1, 2**53), "m": np.arange(N)})
    name = stack.serve(make_pipeline(OneHotEncoder(handle_unknown="ignore"), LogisticRegression()).fit(frame, Y), frame)
    assert [column["type"] for column in stack.columns(name)] == ["integer", "number"]
    assert [stack.asked(name, {"n": 2**53 + more, "m": "1"})["prediction"] for more in (0, 1)] == [0, 1]
    for wrong in (3.5, "x", None, 1e300):
        answer = stack.post(name, [{"n": 3, "m": 1}, {"n": wrong, "m": 1}])
        assert answer.status_code == 422, wrong
        assert [(fault["row"], fault["field"]) for fault in answer.json()["errors"]] == [(1, "n")]


def test_a_missing_integer_is_accepted_if_the_model_takes_it(stack: EstimatorStack) -> None:
    frame = pd.DataFrame({"n": np.where(Y, 3, -3), "m": np.arange(N)})
    name = stack.serve(make_pipeline(SimpleImputer(), LogisticRegression()).fit(frame, Y), frame)
    assert stack.asked(name, [{"n": 3, "m": None}, {"n": -3, "m": 1}])["predictions"][0]["prediction"] == 1


def test_boolean_columns_take_true_and_false(stack: EstimatorStack) -> None:
    frame = pd.DataFrame({"flag": Y.astype(bool), "other": [True, True, False, False] * (N // 4)})
    for model in (
        RandomForestClassifier(5, random_state=0),
        make_pipeline(OneHotEncoder(), LogisticRegression()),
        HistGradientBoostingClassifier(max_iter=5, min_samples_leaf=1),
    ):
        name = stack.serve(model.fit(frame, Y), frame)
        rows = [{"flag": True, "other": False}, {"flag": False, "other": False}]
        assert [row["prediction"] for row in stack.asked(name, rows)["predictions"]] == [1, 0]
        assert stack.post(name, {"flag": 1, "other": False}).status_code == 422
    raw = make_pipeline(OneHotEncoder(), LogisticRegression()).fit(frame, Y)  # the encoder knows the types
    assert stack.labels(raw, rows) == [1, 0]


def test_encoders_of_every_selection_get_values_that_they_know(stack: EstimatorStack) -> None:
    frame = pd.DataFrame({"n": NUMBERS[:, 0], "word": WORDS, "code": np.where(Y, 10, 20)})
    model = make_pipeline(
        make_column_transformer(
            (OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), make_column_selector("word")),
            (OneHotEncoder(handle_unknown="infrequent_if_exist"), ["code"]),
            remainder="passthrough",
        ),
        LinearRegression(),
    ).fit(frame, Y.astype(float))
    rows = frame[:4].to_dict("records")
    assert stack.labels(model, rows) == pytest.approx(model.predict(frame[:4]).tolist())
    unseen = pd.DataFrame([{"n": 1.0, "word": "unheard", "code": 99}])
    assert stack.labels(model, unseen.to_dict("records")) == pytest.approx(model.predict(unseen).tolist())
