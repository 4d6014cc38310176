"""Models of strings: a batch of three strings gets three answers, each equal to the model's own."""

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC

from tests.integration.estimators.stack import EstimatorStack

TEXTS = ["good fine great", "bad sad poor", "great good", "poor bad"] * 5
MOODS = ["+", "-", "+", "-"] * 5
ASKED = ["bad bad sad", "so good", "poor Ünïcödé ✓"]

PIPELINES = {
    "tfidf": make_pipeline(TfidfVectorizer(), LogisticRegression()),
    "counts": make_pipeline(CountVectorizer(), MultinomialNB()),
    "hashing": make_pipeline(HashingVectorizer(n_features=64), LogisticRegression()),
    "counts, then tfidf": make_pipeline(CountVectorizer(), TfidfTransformer(), LinearSVC()),
    "a dense rest": make_pipeline(TfidfVectorizer(), TruncatedSVD(2, random_state=0), LogisticRegression()),
    "a union": make_pipeline(
        make_union(TfidfVectorizer(), CountVectorizer(analyzer="char", ngram_range=(1, 2))), LogisticRegression()
    ),
    "a search": GridSearchCV(make_pipeline(TfidfVectorizer(), LogisticRegression()), {}, cv=2),
    "a vectorizer behind passthrough": make_pipeline("passthrough", TfidfVectorizer(), LogisticRegression()),
}


@pytest.fixture(scope="module")
def texts(stack: EstimatorStack) -> dict[str, str]:
    return stack.serve_all({kind: model.fit(TEXTS, MOODS) for kind, model in PIPELINES.items()})


@pytest.mark.parametrize("kind", PIPELINES)
def test_three_texts_get_three_answers(stack: EstimatorStack, texts: dict[str, str], kind: str) -> None:
    assert [column["name"] for column in stack.columns(texts[kind])] == ["text"]
    answer = stack.asked(texts[kind], [{"text": text} for text in ASKED])
    assert [row["prediction"] for row in answer["predictions"]] == ["-", "+", "-"]
    assert stack.asked(texts[kind], {"text": ["so good", "bad"]})["predictions"][1]["prediction"] == "-"
    assert stack.asked(texts[kind], {"text": "so good"})["prediction"] == "+"
    if hasattr(PIPELINES[kind], "predict_proba"):
        expected = PIPELINES[kind].predict_proba(ASKED)
        assert np.allclose([row["predict_proba"] for row in answer["predictions"]], expected)


def test_a_text_that_is_none_is_named(stack: EstimatorStack, texts: dict[str, str]) -> None:
    answer = stack.post(texts["tfidf"], [{"text": "good"}, {"text": 5}, {"text": None}])
    assert answer.status_code == 422
    assert [(fault["row"], fault["field"]) for fault in answer.json()["errors"]] == [(1, "text"), (2, "text")]


def test_the_example_names_the_column_of_texts(stack: EstimatorStack) -> None:
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(TEXTS, MOODS)
    for example, column in (
        (pd.DataFrame({"stars": [5, 1] * 10, "review": TEXTS}), "review"),
        (pd.Series(TEXTS, name="review"), "review"),
        (TEXTS, "text"),
    ):
        name = stack.serve(model, example)
        assert [known["name"] for known in stack.columns(name)] == [column]
        assert stack.asked(name, [{column: text} for text in ASKED])["predictions"][0]["prediction"] == "-"
        assert len(stack.golden(name)["outputs"]) >= 5


@pytest.mark.parametrize("example", [False, True])
def test_a_column_of_texts_among_others(stack: EstimatorStack, *, example: bool) -> None:
    frame = pd.DataFrame(
        {"age": np.linspace(20, 60, 20), "text": TEXTS, "city": ["Rome", "Oslo"] * 10, "title": TEXTS[::-1]}
    )
    columns = ColumnTransformer(
        [
            ("words", TfidfVectorizer(), "text"),
            ("title", CountVectorizer(), "title"),
            ("numbers", StandardScaler(), ["age"]),
            ("city", OneHotEncoder(handle_unknown="ignore"), ["city"]),
        ]
    )
    model = make_pipeline(columns, LogisticRegression()).fit(frame, MOODS)
    rows = pd.DataFrame({"age": [30.0, 40.0, 50.0], "text": ASKED, "city": ["Rome", "Bonn", "Oslo"], "title": "good"})
    name = stack.serve(model, frame if example else None)
    answer = stack.asked(name, rows.to_dict("records"))
    assert [row["prediction"] for row in answer["predictions"]] == model.predict(rows).tolist()
    assert np.allclose([row["predict_proba"] for row in answer["predictions"]], model.predict_proba(rows))
    types = {column["name"]: column["type"] for column in stack.columns(name)}
    assert types == {"age": "number", "text": "string", "city": "string", "title": "string"}


def test_a_column_of_texts_by_its_place(stack: EstimatorStack) -> None:
    table = np.array([TEXTS, ["x"] * 20], dtype=object).T
    model = make_pipeline(make_column_transformer((TfidfVectorizer(), 0)), LogisticRegression()).fit(table, MOODS)
    assert stack.labels(model, [{"x0": text, "x1": 0} for text in ASKED]) == ["-", "+", "-"]
