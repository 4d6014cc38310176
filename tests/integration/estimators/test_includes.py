"""Decisions, standard deviations and names of outputs in answers, against the library's own."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from sklearn.ensemble import (
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestRegressor,
)
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, WhiteKernel
from sklearn.linear_model import ARDRegression, BayesianRidge, LinearRegression, LogisticRegression
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV
from sklearn.multioutput import MultiOutputRegressor
from sklearn.neighbors import LocalOutlierFactor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC, OneClassSVM

from changeover.cli.main import main
from changeover.client.client import Client
from changeover.exceptions import ServiceRefused
from tests.conftest import wait_until
from tests.integration.estimators.stack import EstimatorStack, artifact
from tests.processes.model_server import PUBLISH_TOKEN

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


def test_the_outputs_of_a_model_have_names(stack: EstimatorStack) -> None:
    """A model of several quantiles is a regressor of several outputs, and its names say which is which."""
    low, high = (GradientBoostingRegressor(loss="quantile", alpha=alpha, n_estimators=5) for alpha in (0.1, 0.9))
    both = MultiOutputRegressor(low).fit(X, np.c_[REAL, REAL])
    both.estimators_[1] = high.fit(X, REAL)
    frame = pd.DataFrame(X, columns=["x0", "x1"])
    client = Client(stack.server.url, token=PUBLISH_TOKEN)
    with pytest.raises(ServiceRefused, match="`outputs` has 3 names and a prediction of the model 2 values"):
        client.publish(both, "quantiles", outputs=["p10", "p50", "p90"])
    with pytest.raises(ServiceRefused, match="`outputs` has 2 names and a prediction of the model 1 values"):
        client.publish(LinearRegression().fit(X, REAL), "quantiles", outputs=["p10", "p90"])
    published = client.publish(both, "quantiles", example=frame, outputs=["p10", "p90"])
    assert client.manifest(published.version, "quantiles")["outputs"] == ["p10", "p90"]
    assert stack.server.roll(published.version, "quantiles").json()["state"] == "committed"
    wait_until(lambda: post(stack, "quantiles", "").status_code != 404, 10, "predict_api knows it")
    answer = post(stack, "quantiles", "").json()
    assert answer["outputs"] == ["p10", "p90"]
    assert [row["prediction"] for row in answer["predictions"]] == [
        pytest.approx(row) for row in both.predict(ASKED).tolist()
    ]
    assert post(stack, "quantiles", "", ROWS[0]).json()["outputs"] == ["p10", "p90"]
    assert stack.api.get("/models/quantiles").json()["outputs"] == ["p10", "p90"]


def test_the_command_line_names_the_outputs_and_shows_them(stack: EstimatorStack, tmp_path: Path) -> None:
    file = tmp_path / "two.joblib"
    file.write_bytes(artifact(LinearRegression().fit(X, np.c_[REAL, REAL + 1])))

    def run(*words: str) -> str:
        command = [*words, "--model", "named", "--server-url", stack.server.url]
        result = CliRunner().invoke(main, command, env={"CHANGEOVER_TOKEN": PUBLISH_TOKEN})
        assert result.exit_code == 0, result.output
        return result.stdout

    version = json.loads(run("push", str(file), "--output-names", "low, high", "--json"))["version"]
    shown = run("show", version).splitlines()
    assert "outputs      low, high" in shown
    assert "rows         independent" in shown


def test_a_model_without_names_of_its_outputs_lists_none(stack: EstimatorStack) -> None:
    model = RandomForestRegressor(3).fit(X, np.c_[REAL, REAL])
    assert "outputs" not in stack.ask(model, ROWS)
