"""Decisions, standard deviations and names of outputs in answers, against the library's own."""

from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    IsolationForest,
)
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, WhiteKernel
from sklearn.linear_model import ARDRegression, BayesianRidge, LogisticRegression
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import LocalOutlierFactor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC, OneClassSVM

from tests.integration.estimators.stack import EstimatorStack

RANDOM = np.random.default_rng(1)
X = RANDOM.normal(size=(60, 2))
Y = (X[:, 0] + 0.3 * RANDOM.normal(size=60) > 0).astype(int)
THREE = np.array(["a", "b", "c"])[np.digitize(X[:, 0], [-0.5, 0.5])]
REAL = X @ [1.0, 2.0] + 0.1 * RANDOM.normal(size=60)
ASKED = X[:5]
ROWS = [{"x0": float(row[0]), "x1": float(row[1])} for row in ASKED]

DECISIONS = {
    "SVC": (SVC().fit(X, Y), "decision_function"),
    "SVC of three": (SVC().fit(X, THREE), "decision_function"),
    "LinearSVC": (make_pipeline(StandardScaler(), LinearSVC()).fit(X, THREE), "decision_function"),
    "logistic": (make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y), "decision_function"),
    "forest of isolation": (IsolationForest(n_estimators=10, random_state=0).fit(X), "decision_function"),
    "one class": (OneClassSVM().fit(X), "decision_function"),
    "local outliers": (LocalOutlierFactor(novelty=True).fit(X), "decision_function"),
    "mixture": (GaussianMixture(2, random_state=0).fit(X), "score_samples"),
    "search": (GridSearchCV(SVC(), {"C": [1.0]}).fit(X, Y), "decision_function"),
    "boosting": (HistGradientBoostingClassifier(max_iter=3).fit(X, Y), "decision_function"),
}
KERNEL = RBF() + WhiteKernel()
DEVIATIONS = {
    "gaussian process": GaussianProcessRegressor(KERNEL).fit(X, REAL),
    "of two outputs": GaussianProcessRegressor(KERNEL, normalize_y=True).fit(X, np.c_[REAL, X[:, 0]]),
    "ridge": BayesianRidge().fit(X, REAL),
    "in a pipeline": make_pipeline(StandardScaler(), ARDRegression()).fit(X, REAL),
    "in a search": GridSearchCV(make_pipeline(StandardScaler(), BayesianRidge()), {}).fit(X, REAL),
}


@pytest.fixture(scope="module")
def served(stack: EstimatorStack) -> dict[str, str]:
    return stack.serve_all({**{kind: model for kind, (model, _) in DECISIONS.items()}, **DEVIATIONS})


def post(stack: EstimatorStack, name: str, query: str, body: object = ROWS) -> Any:
    return stack.api.predict(body, f"/models/{name}/predict{query}")


@pytest.mark.parametrize("kind", DECISIONS)
def test_a_decision_is_that_of_the_library(stack: EstimatorStack, served: dict[str, str], kind: str) -> None:
    model, method = DECISIONS[kind]
    answer = post(stack, served[kind], "?include=decision")
    assert (answer.status_code, answer.headers["Model-Runtime"]) == (200, "sklearn")
    wanted = getattr(model, method)(ASKED).tolist()
    predictions = answer.json()["predictions"]
    assert [row["decision"] for row in predictions] == [pytest.approx(value) for value in wanted]
    assert [row["prediction"] for row in predictions] == model.predict(ASKED).tolist()
    single = post(stack, served[kind], "?include=decision", ROWS[0]).json()
    assert single["decision"] == pytest.approx(wanted[0])
    assert "decision" not in post(stack, served[kind], "", ROWS[0]).json()


@pytest.mark.parametrize("kind", DEVIATIONS)
def test_a_standard_deviation_is_that_of_the_library(stack: EstimatorStack, served: dict[str, str], kind: str) -> None:
    model = DEVIATIONS[kind]
    answer = post(stack, served[kind], "?include=std")
    assert (answer.status_code, answer.headers["Model-Runtime"]) == (200, "sklearn")
    if kind == "in a search":
        mean, std = model.best_estimator_.predict(ASKED, return_std=True)
    else:
        mean, std = model.predict(ASKED, return_std=True)
    predictions = answer.json()["predictions"]
    assert [row["prediction"] for row in predictions] == [pytest.approx(value) for value in mean.tolist()]
    assert [row["std"] for row in predictions] == [pytest.approx(value) for value in std.tolist()]


@pytest.mark.parametrize("query", ["?include=inputs,decision", "?include=decision&include=inputs"])
def test_what_is_included_may_be_repeated_or_listed(stack: EstimatorStack, served: dict[str, str], query: str) -> None:
    row = post(stack, served["SVC"], query).json()["predictions"][0]
    assert (row["inputs"], set(row)) == (ROWS[0], {"prediction", "predict_proba", "decision", "inputs"})


def test_what_a_model_does_not_have_is_a_400_that_says_what_it_has(
    stack: EstimatorStack, served: dict[str, str]
) -> None:
    answer = post(stack, served["ridge"], "?include=decision")
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:changeover:unknown-option")
    assert (
        "it has no decision_function and no score_samples; there is include=inputs, include=std"
        in (answer.json()["detail"])
    )
    assert post(stack, served["SVC"], "?include=std").status_code == 400
    assert post(stack, served["SVC"], "?include=margin").status_code == 400


def test_the_manifest_and_the_document_list_what_a_model_has(stack: EstimatorStack, served: dict[str, str]) -> None:
    for kind, includes in (("SVC", ["decision"]), ("ridge", ["std"])):
        name = served[kind]
        assert stack.api.get(f"/models/{name}").json()["estimator"]["includes"] == includes
        document = stack.api.get("/openapi.json").json()
        (include, _) = document["paths"][f"/models/{name}/predict"]["post"]["parameters"]
        assert include["schema"]["items"]["enum"] == ["inputs", *includes]
        answer = document["components"]["schemas"][f"{name}.RowAnswer"]["properties"]
        assert set(answer) == {"prediction", "predict_proba", "inputs", *includes}
