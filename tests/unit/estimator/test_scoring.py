"""The outputs of every kind of estimator: labels and probabilities as JSON of their own type."""

import json
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.compose import make_column_transformer
from sklearn.ensemble import (
    ExtraTreesClassifier,
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC

from changeover.estimator.scores import Scores
from changeover.estimator.scoring import classes_of, describe, score
from changeover.exceptions import NotAnEstimator, ScoringFailed
from changeover.schema.cell_parsers import Cell, ColumnType
from changeover.schema.schema import Column, Schema

X = np.array([[-2.0, 0.0], [-1.0, 1.0], [1.0, 0.0], [2.0, 1.0]] * 5)
Y = (X[:, 0] > 0).astype(np.int64)
XY = Schema((Column("x0"), Column("x1")))
COLUMNS: dict[str, Sequence[Cell]] = {"x0": [-2.0, 2.0], "x1": [0.0, 1.0]}


def ask(estimator: object, columns: dict[str, Sequence[Cell]] = COLUMNS, schema: Schema = XY) -> Scores:
    scores = score(estimator, schema, columns, len(next(iter(columns.values()))))
    json.dumps([scores.labels, scores.probabilities, scores.classes], allow_nan=False)
    return scores


@pytest.mark.parametrize(
    "labels",
    [[0, 1], [7, 1_000_000_000_000], ["no", "yes"], [False, True], [0.5, 1.5], [np.int8(0), np.int8(1)], ["é", "ü"]],
)
def test_labels_come_back_as_json_of_their_own_type(labels: list[object]) -> None:
    scores = ask(LogisticRegression().fit(X, np.array(labels)[Y] if labels != [0.5, 1.5] else Y))
    expected = [label.item() if isinstance(label, np.generic) else label for label in labels]
    if labels == [0.5, 1.5]:
        expected = [0, 1]
    assert scores.labels == expected
    assert [type(label) for label in scores.labels] == [type(label) for label in expected]
    assert scores.classes == expected
    assert scores.probabilities is not None
    assert [np.argmax(np.array(row)) for row in scores.probabilities] == [0, 1]


def test_object_labels_are_their_own_type_too() -> None:
    assert ask(LogisticRegression().fit(X, np.array(["no", "yes"], dtype=object)[Y])).labels == ["no", "yes"]


def test_several_classes_come_in_the_order_of_their_probabilities() -> None:
    labels = np.array(["c", "a", "b", "a"] * 5)
    scores = ask(RandomForestClassifier(5, random_state=0).fit(X, labels))
    assert scores.classes == ["a", "b", "c"]
    assert scores.labels == ["c", "a"]


@pytest.mark.parametrize(
    "estimator", [LinearSVC(), LinearRegression(), KMeans(2, n_init=1), IsolationForest(n_estimators=5)]
)
def test_a_model_without_probabilities_has_none_and_no_classes(estimator: LinearRegression) -> None:
    scores = ask(estimator.fit(X, Y))
    assert scores.probabilities is None
    assert scores.classes is None
    assert len(scores.labels) == 2
    assert describe(estimator)["predict_proba"] is False


def test_several_outputs_are_a_list_a_row() -> None:
    scores = ask(RandomForestClassifier(3, random_state=0).fit(X, np.c_[Y, np.array(["n", "y"])[1 - Y]].astype(object)))
    assert len(scores.labels) == 2
    assert all(isinstance(label, list) and len(label) == 2 for label in scores.labels)
    assert scores.classes is not None
    assert len(scores.classes) == 2
    assert ask(LinearRegression().fit(X, np.c_[Y, X[:, 1]])).labels == [
        pytest.approx([0.0, 0.0], abs=0.2),
        pytest.approx([1.0, 1.0], abs=0.2),
    ]


def test_the_threshold_decides_the_label_and_leaves_the_probabilities() -> None:
    plain = LogisticRegression().fit(X, Y)
    strict = FixedThresholdClassifier(plain, threshold=0.999).fit(X, Y)
    assert ask(plain).labels == [0, 1]
    assert ask(strict).labels == [0, 0]
    assert ask(strict).probabilities == ask(plain).probabilities


@pytest.mark.parametrize("labels", [["no", "yes"], [1, 0], [False, True]])
@pytest.mark.parametrize("how", ["auto", "predict_proba", "decision_function"])
@pytest.mark.parametrize("positive", [False, True])
def test_a_threshold_gives_the_labels_of_predict_whatever_it_is_on(
    labels: list[object], how: str, *, positive: bool
) -> None:
    inner = LogisticRegression().fit(X, np.array(labels)[Y])
    spread = np.linspace(-3, 3, 61)
    columns: dict[str, Sequence[Cell]] = {"x0": list(spread), "x1": [0.5] * 61}
    # each score that occurs is a threshold once: those exactly on it are positive
    for threshold in ["auto", *inner.predict_proba(np.c_[spread, [0.5] * 61])[::20, 1]]:
        model = FixedThresholdClassifier(
            inner, threshold=threshold, response_method=how, pos_label=labels[0] if positive else None
        ).fit(X, np.array(labels)[Y])
        assert ask(model, columns).labels == model.predict(np.c_[spread, [0.5] * 61]).tolist()


def never(_model: object, _rows: object) -> None:
    raise AssertionError("the trees were run again")


@pytest.mark.parametrize("kind", [RandomForestClassifier, ExtraTreesClassifier])
@pytest.mark.parametrize("names", [["no", "yes"], [False, True], [3, 70]])
def test_a_forest_runs_once_and_gives_the_labels_of_its_predict(
    kind: type[RandomForestClassifier], names: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    forest = kind(n_estimators=7, max_depth=1, random_state=1).fit(X, np.array(names)[Y])
    for model in (forest, make_pipeline(StandardScaler().fit(X), forest)):
        rows = np.random.default_rng(1).normal(size=(50, 2))
        wanted = model.predict(rows).tolist()
        with monkeypatch.context() as patched:
            patched.setattr(kind, "predict", never, raising=False)
            scores = ask(model, {"x0": rows[:, 0].tolist(), "x1": rows[:, 1].tolist()})
        assert scores.labels == wanted
        assert [type(label) for label in scores.labels] == [type(label) for label in wanted]


def test_no_rows_have_no_labels() -> None:
    assert score(LogisticRegression().fit(X, Y), XY, {"x0": [], "x1": []}, 0) == Scores([], [], [0, 1])
    assert score(LinearRegression().fit(X, Y), XY, {"x0": [], "x1": []}, 0) == Scores([], None, None)


def test_a_frame_has_the_column_order_of_the_fit() -> None:
    frame = pd.DataFrame(X, columns=["b", "a"])
    model = LogisticRegression().fit(frame, Y)
    schema = Schema((Column("a"), Column("b")))
    assert ask(model, {"a": [0.0, 1.0], "b": [-2.0, 2.0]}, schema).labels == [0, 1]


@pytest.mark.filterwarnings("error")
def test_strings_and_missing_values_reach_an_encoder_fitted_on_a_pandas_frame() -> None:
    frame = pd.DataFrame({"s": ["u", "v", None, "u"] * 5, "n": X[:, 0]})
    model = make_pipeline(
        make_column_transformer((OneHotEncoder(), ["s"]), remainder="passthrough"), LogisticRegression()
    )
    model.fit(frame, Y)
    schema = Schema((Column("s", ColumnType.STRING, nullable=True), Column("n")))
    columns: dict[str, Sequence[Cell]] = {"s": [None, "v"], "n": [-2.0, 2.0]}
    assert np.allclose(np.array(ask(model, columns, schema).probabilities), model.predict_proba(pd.DataFrame(columns)))
    assert ask(model, {"s": [None], "n": [2.0]}, schema).labels == [1]


def test_a_text_pipeline_gets_strings_and_not_column_names() -> None:
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(["good fine", "bad sad"] * 5, ["+", "-"] * 5)
    schema = Schema((Column("text", ColumnType.STRING),))
    assert ask(model, {"text": ["bad", "good", "sad"]}, schema).labels == ["-", "+", "-"]


def test_missing_values_reach_a_model_that_supports_them() -> None:
    schema = Schema((Column("x0", nullable=True), Column("x1", ColumnType.INTEGER, nullable=True)))
    model = HistGradientBoostingClassifier(max_iter=2).fit(X, Y)
    assert len(ask(model, {"x0": [float("nan")], "x1": [float("nan")]}, schema).labels) == 1


class Constant:
    """A model that returns the given labels and probabilities, or raises."""

    def __init__(self, labels: object, probabilities: object = None) -> None:
        self.labels = labels
        if probabilities is not None:
            self.predict_proba = lambda _: probabilities

    def predict(self, _: object) -> object:
        if isinstance(self.labels, Exception):
            raise self.labels
        return self.labels


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (Constant(np.array([1.0, np.nan])), "predict returned NaN or an infinite number"),
        (Constant(np.array([1.0, np.inf], dtype=np.float32)), "predict returned NaN or an infinite number"),
        (Constant(np.array([1.0, float("nan")], dtype=object)), "predict holds NaN"),
        (Constant([1, 2], np.array([[0.5, np.nan], [0.5, 0.5]])), "predict_proba returned NaN"),
        (Constant([1, 2], np.array([[0.5, 0.5]])), "predict_proba returned an array of shape"),
        (Constant([1]), "shape .1,. for 2 rows"),
        (Constant(5), "shape .. for 2 rows"),
        (Constant(np.array(["2020-01-01"] * 2, dtype="datetime64[s]")), "holds a datetime"),
        (Constant(np.array([1j, 2j])), "holds a complex"),
        (Constant([b"a", b"b"]), "holds a bytes"),
    ],
)
def test_an_answer_without_a_json_form_is_refused(model: Constant, why: str) -> None:
    with pytest.raises(ScoringFailed, match=why):
        ask(model)


def test_the_error_of_the_model_is_the_cause_and_not_in_the_message() -> None:
    secret = ValueError("could not convert 'my secret'")
    with pytest.raises(ScoringFailed) as caught:
        ask(Constant(secret))
    assert str(caught.value) == "the model raised ValueError in predict"
    assert caught.value.__cause__ is secret


@pytest.mark.parametrize("thing", [{"a": 1}, LogisticRegression, "text", None, OneHotEncoder()])
def test_an_object_without_predict_is_no_estimator(thing: object) -> None:
    with pytest.raises(NotAnEstimator, match="cannot predict"):
        describe(thing)
    with pytest.raises(NotAnEstimator, match="cannot predict"):
        ask(thing)


def test_an_estimator_is_described() -> None:
    classifier = make_pipeline(LogisticRegression()).fit(X, Y)
    assert describe(classifier) == {
        "type": "Pipeline",
        "kind": "classifier",
        "predict_proba": True,
        "includes": ["decision"],
    }
    assert describe(LinearRegression().fit(X, Y))["kind"] == "regressor"
    assert describe(KMeans(2, n_init=1).fit(X))["kind"] == "other"
    assert describe(Constant([1])) == {"type": "Constant", "kind": "other", "predict_proba": False, "includes": []}


def test_an_estimator_that_is_not_fitted_is_refused() -> None:
    for estimator in (LogisticRegression(), make_pipeline(TfidfVectorizer(), LogisticRegression())):
        with pytest.raises(NotAnEstimator, match="is not fitted"):
            describe(estimator)


class FailingProbabilities(Constant):
    """A model with a `predict_proba` that raises."""

    def __init__(self, error: Exception) -> None:
        super().__init__(["a", "b"])
        self.error = error

    def predict_proba(self, _: object) -> object:
        raise self.error


@pytest.mark.parametrize("error", [NotImplementedError(), AttributeError("no predict_proba with hinge loss")])
def test_unavailable_probabilities_are_null(error: Exception) -> None:
    assert ask(FailingProbabilities(error)) == Scores(["a", "b"], None, None)


@pytest.mark.parametrize("error", [AttributeError("no attribute 'multi_class'"), ValueError("predict_proba")])
def test_any_other_error_of_predict_proba_is_an_error(error: Exception) -> None:
    with pytest.raises(ScoringFailed, match="in predict_proba"):
        ask(FailingProbabilities(error))


def test_long_floats_are_numbers() -> None:
    assert ask(Constant(np.array([1.5, 2.5], dtype=np.longdouble))).labels == [1.5, 2.5]


def test_labels_without_a_json_form_are_refused_by_describe() -> None:
    days = np.array(["2020-01-01", "2020-01-02"], dtype="datetime64[D]")[Y]
    with pytest.raises(NotAnEstimator, match="holds a date"):
        describe(RandomForestClassifier(2).fit(X, days))


def test_classes_are_known_without_a_call() -> None:
    assert classes_of(LinearSVC().fit(X, np.array(["n", "y"])[Y])) == ["n", "y"]
    assert classes_of(LinearRegression().fit(X, Y)) is None
