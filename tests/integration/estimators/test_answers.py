"""Responses of other estimators than plain classifiers: numbers, several outputs, clusters, no probabilities."""

from typing import Any

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import DBSCAN, KMeans
from sklearn.compose import TransformedTargetRegressor
from sklearn.cross_decomposition import PLSRegression
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest, RandomForestClassifier, RandomForestRegressor, VotingClassifier
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import (
    LinearRegression,
    LogisticRegression,
    Perceptron,
    Ridge,
    RidgeClassifier,
    SGDClassifier,
)
from sklearn.mixture import GaussianMixture
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier, MultiOutputRegressor
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor, LocalOutlierFactor
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import LabelEncoder, StandardScaler
from sklearn.svm import SVC, LinearSVC

from tests.integration.estimators.stack import EstimatorStack

X = np.array([[-2.0, 0.0], [-1.0, 1.0], [1.0, 0.0], [2.0, 1.0]] * 5)
Y = (X[:, 0] > 0).astype(int)
TWO = np.c_[Y, X[:, 1].astype(int)]  # two outputs: the sign of x0, and x1
ROWS: list[dict[str, Any]] = [{"x0": -2.0, "x1": 0.0}, {"x0": 2.0, "x1": 1.0}]
ASKED = [[-2.0, 0.0], [2.0, 1.0]]

WITHOUT_PROBABILITIES = {
    "LinearSVC": LinearSVC(),
    "Perceptron": Perceptron(),
    "RidgeClassifier": RidgeClassifier(),
    "SVC": SVC(),
    "SGD with hinge": SGDClassifier(loss="hinge", random_state=0),
    "hard voting": VotingClassifier([("a", LogisticRegression()), ("b", LinearSVC())], voting="hard"),
    "a pipeline of SVC": make_pipeline(StandardScaler(), SVC()),
}


@pytest.fixture(scope="module")
def undecided(stack: EstimatorStack) -> dict[str, str]:
    return stack.serve_all(
        {kind: model.fit(X, np.array(["no", "yes"])[Y]) for kind, model in WITHOUT_PROBABILITIES.items()}
    )


@pytest.mark.parametrize("kind", WITHOUT_PROBABILITIES)
def test_a_classifier_without_probabilities_says_null_and_no_classes(
    stack: EstimatorStack, undecided: dict[str, str], kind: str
) -> None:
    """Fault 29: a classifier."""
    assert stack.asked(undecided[kind], ROWS[1]) == {"prediction": "yes", "predict_proba": None}
    assert stack.asked(undecided[kind], ROWS) == {
        "predictions": [{"prediction": "no", "predict_proba": None}, {"prediction": "yes", "predict_proba": None}]
    }


def test_calibration_gives_probabilities_to_what_has_none(stack: EstimatorStack) -> None:
    answer = stack.ask(CalibratedClassifierCV(LinearSVC(), cv=2).fit(X, Y), ROWS[1])
    assert answer["classes"] == [0, 1]
    assert answer["prediction"] == 1
    assert sum(answer["predict_proba"]) == pytest.approx(1.0)


def test_regressors_answer_a_number_a_row(stack: EstimatorStack) -> None:
    target = 3.0 * X[:, 0] + 1.0
    kinds = {
        "plain": LinearRegression().fit(X, target),
        "a target that is one column": LinearRegression().fit(X, target.reshape(-1, 1)),
        "PLSRegression": PLSRegression(2).fit(X, target),
        "float32": RandomForestRegressor(3, bootstrap=False).fit(X.astype(np.float32), target.astype(np.float32)),
        "neighbours": KNeighborsRegressor(1).fit(X, target),
        "a transformed target": TransformedTargetRegressor(LinearRegression(), transformer=StandardScaler()).fit(
            X, target
        ),
    }
    names = stack.serve_all(kinds)
    for kind, name in names.items():
        assert stack.asked(name, ROWS[0]) == {"prediction": pytest.approx(-5.0), "predict_proba": None}, kind
        answers = stack.asked(name, ROWS)["predictions"]
        assert [row["prediction"] for row in answers] == pytest.approx([-5.0, 7.0]), kind


def test_a_regression_of_one_number_takes_one_column(stack: EstimatorStack) -> None:
    model = IsotonicRegression(out_of_bounds="clip").fit([1.0, 2.0, 3.0], [10.0, 20.0, 30.0])
    rows = [{"x0": 1.5}, {"x0": 3.0}, {"x0": 9.0}]
    assert stack.labels(model, rows) == pytest.approx([15.0, 30.0, 30.0])


def test_several_numbers_are_a_list_a_row(stack: EstimatorStack) -> None:
    target = np.c_[X[:, 0], 2 * X[:, 0], X[:, 1]]
    for model in (LinearRegression(), MultiOutputRegressor(Ridge(alpha=1e-9)), KNeighborsRegressor(1)):
        name = stack.serve(model.fit(X, target))
        single = stack.asked(name, ROWS[1])
        assert single["prediction"] == pytest.approx([2.0, 4.0, 1.0], abs=1e-6)
        assert single["predict_proba"] is None
        batch = stack.asked(name, ROWS)["predictions"]
        assert batch[0]["prediction"] == pytest.approx([-2.0, -4.0, 0.0], abs=1e-6)


def test_several_outputs_are_a_list_a_row_with_probabilities_and_classes_for_each(stack: EstimatorStack) -> None:
    words = np.c_[np.array(["low", "high"])[Y], np.array(["a", "b"])[TWO[:, 1]]]
    models = {
        "forest": RandomForestClassifier(20, random_state=0).fit(X, words),
        "one model an output": MultiOutputClassifier(LogisticRegression()).fit(X, words),
        "neighbours": KNeighborsClassifier(1).fit(X, words),
    }
    for kind, name in stack.serve_all(models).items():
        answer = stack.asked(name, ROWS)
        assert answer["classes"] == [["high", "low"], ["a", "b"]], kind
        assert [row["prediction"] for row in answer["predictions"]] == [["low", "a"], ["high", "b"]], kind
        by_output = models[kind].predict_proba(ASKED)
        for row, answered in enumerate(answer["predictions"]):
            expected = [output[row].tolist() for output in by_output]
            assert np.allclose(answered["predict_proba"], expected), kind
        single = stack.asked(name, ROWS[1])
        assert single["prediction"] == ["high", "b"]
        assert np.shape(single["predict_proba"]) == (2, 2)
        assert single["classes"] == answer["classes"]


def test_several_labels_have_one_probability_each_where_the_model_gives_it(stack: EstimatorStack) -> None:
    models = {
        "one against the rest": OneVsRestClassifier(LogisticRegression()).fit(X, TWO),
        "a chain": ClassifierChain(LogisticRegression()).fit(X, TWO),
        "a chain at the end": make_pipeline(StandardScaler(), ClassifierChain(LogisticRegression())).fit(X, TWO),
        "a network": MLPClassifier((4,), solver="lbfgs", random_state=0).fit(X, TWO),
    }
    for kind, name in stack.serve_all(models).items():
        answer = stack.asked(name, ROWS)
        assert answer["classes"] == [0, 1], kind  # the labels by their indices, one for each probability
        assert stack.api.get(f"/models/{name}").json()["classes"] == [0, 1], kind
        assert [row["prediction"] for row in answer["predictions"]] == [[0, 0], [1, 1]], kind
        expected = models[kind].predict_proba(ASKED)
        assert np.allclose([row["predict_proba"] for row in answer["predictions"]], expected), kind


def test_several_labels_as_a_matrix_and_without_probabilities(stack: EstimatorStack) -> None:
    from scipy.sparse import csr_matrix

    neighbours = KNeighborsClassifier(1).fit(X, TWO)
    name = stack.serve(neighbours)
    assert stack.asked(name, ROWS[1]) == {
        "prediction": [1, 1],
        "predict_proba": [[0.0, 1.0], [0.0, 1.0]],
        "classes": [[0, 1], [0, 1]],
    }
    sparse = OneVsRestClassifier(LinearSVC()).fit(X, csr_matrix(TWO))
    assert stack.ask(sparse, ROWS)["predictions"][1] == {"prediction": [1, 1], "predict_proba": None}


def test_outliers_are_minus_one_and_the_rest_one(stack: EstimatorStack) -> None:
    """Fault 29: outlier detection."""
    cloud = np.random.default_rng(0).normal(size=(100, 2))
    names = stack.serve_all(
        {
            "a forest": IsolationForest(n_estimators=20, random_state=0).fit(cloud),
            "neighbours": LocalOutlierFactor(n_neighbors=5, novelty=True).fit(cloud),
        }
    )
    for kind, name in names.items():
        answer = stack.asked(name, [{"x0": 0.1, "x1": 0.0}, {"x0": 90.0, "x1": -90.0}])
        assert [row["prediction"] for row in answer["predictions"]] == [1, -1], kind
        assert answer["predictions"][1] == {"prediction": -1, "predict_proba": None}
        assert "classes" not in answer


def test_clusters_are_numbers_and_those_of_a_mixture_have_probabilities(stack: EstimatorStack) -> None:
    """Fault 29: clusters."""
    clusters = KMeans(2, n_init=1, random_state=0).fit(X)
    assert stack.labels(clusters, ROWS) == clusters.predict(ASKED).tolist()
    mixture = GaussianMixture(2, random_state=0).fit(X)
    answer = stack.ask(mixture, ROWS)
    assert answer["classes"] == [0, 1]
    assert [row["prediction"] for row in answer["predictions"]] == mixture.predict(ASKED).tolist()


AS_ONE_PIPELINE = "publish it with its model as one pipeline: `changeover.publish(make_pipeline(transformer, model))`"
ITSELF = "publish the fitted estimator or pipeline itself: `changeover.publish(model)`"
SAVE_A_MODEL = "save a fitted estimator or pipeline"


@pytest.mark.parametrize(
    ("thing", "next_step"),
    [
        (StandardScaler().fit(X), AS_ONE_PIPELINE),
        (PCA(1).fit(X), AS_ONE_PIPELINE),
        (make_pipeline(StandardScaler(), PCA(1)).fit(X), AS_ONE_PIPELINE),
        (LabelEncoder().fit(["a", "b"]), "fit the model on the labels themselves, and publish that"),
        (DBSCAN().fit(X), SAVE_A_MODEL),
        (LocalOutlierFactor(novelty=False).fit(X), SAVE_A_MODEL),
        ({"model": 1}, ITSELF),
        ([1, 2, 3], ITSELF),
    ],
    ids=lambda value: "" if isinstance(value, str) else type(value).__name__,
)
def test_what_cannot_predict_is_refused_by_its_name(stack: EstimatorStack, thing: object, next_step: str) -> None:
    refusal = stack.refusal(thing)
    assert f" a {type(thing).__name__}, which cannot predict" in refusal
    assert next_step in refusal


def test_what_is_not_fitted_is_refused(stack: EstimatorStack) -> None:
    assert "is not fitted: call fit before publishing it" in stack.refusal(LogisticRegression())
