"""Rows that a model does not answer: named with the model's reason, or answered with null beside the others."""

import json
import warnings
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.naive_bayes import CategoricalNB
from sklearn.neighbors import RadiusNeighborsClassifier, RadiusNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, PowerTransformer, SplineTransformer, scale

from tests.integration.estimators.stack import EstimatorStack

RANDOM = np.random.default_rng(0)
X = RANDOM.uniform(0.5, 4.0, size=(60, 2))
Y = X[:, 0] * 2 + X[:, 1]
TRUE = (X[:, 0] > 2).astype(int)
TENS = np.array([[1, 2], [2, 1], [0, 0], [2, 2]] * 15)

# a fitted model, rows that it answers, and a row that it does not
CASES: dict[str, tuple[Any, Any, list[float]]] = {
    "log1p": (make_pipeline(FunctionTransformer(np.log1p), LinearRegression()).fit(X, Y), X, [-5.0, 1.0]),
    "box-cox": (make_pipeline(PowerTransformer("box-cox"), LogisticRegression()).fit(X, TRUE), X, [0.0, 1.0]),
    "isotonic": (IsotonicRegression(out_of_bounds="raise").fit(X[:, 0], Y), X[:, :1], [99.0]),
    "spline": (make_pipeline(SplineTransformer(extrapolation="error"), LinearRegression()).fit(X, Y), X, [50.0, 1.0]),
    "no neighbours": (RadiusNeighborsClassifier(1.0).fit(X, TRUE), X, [-40.0, 1.0]),
    "nothing to average": (RadiusNeighborsRegressor(1.0).fit(X, Y), X, [-40.0, 1.0]),
    "logarithm of the target": (
        TransformedTargetRegressor(LinearRegression(), func=np.exp, inverse_func=np.log, check_inverse=False).fit(
            X[:, :1], 0.1 * X[:, 0]
        ),
        X[:, :1],
        [-500.0],
    ),
    "unknown category": (CategoricalNB().fit(TENS, TENS[:, 0] > 1), TENS, [9.0, 1.0]),
    "all rows of a call": (
        make_pipeline(PowerTransformer("box-cox"), FunctionTransformer(scale), LinearRegression()).fit(X, Y),
        X,
        [0.0, 1.0],
    ),
}


@pytest.fixture(scope="module")
def served(stack: EstimatorStack) -> dict[str, str]:
    return stack.serve_all({kind: estimator for kind, (estimator, _, _) in CASES.items()})


def rows(table: Any) -> list[dict[str, float]]:
    return [{f"x{index}": float(value) for index, value in enumerate(row)} for row in table]


def reason(estimator: Any, row: list[float]) -> str:
    """The library's own error for a row; none if it answers with NaN."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            estimator.predict(np.array([row]))
        except Exception as error:  # noqa: BLE001  each library has its own
            return " ".join(f"the model raised {type(error).__name__}: {error}".split())
    return "returned NaN or an infinite number, which has no JSON form"


def post(stack: EstimatorStack, name: str, body: object, query: str = "") -> Any:
    return stack.api.predict(body, f"/models/{name}/predict{query}")


def named(answer: Any) -> Mapping[str, Any]:
    """The problem of an answer that names rows."""
    assert answer.status_code == 422, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["type"] == "urn:changeover:row-not-answered"
    return problem


@pytest.mark.parametrize("kind", [kind for kind in CASES if kind != "all rows of a call"])
def test_a_row_that_the_model_does_not_answer_is_named_with_its_reason(
    stack: EstimatorStack, served: dict[str, str], kind: str
) -> None:
    estimator, good, bad = CASES[kind]
    asked = [*good[:7].tolist(), bad, *good[7:9].tolist()]
    why = reason(estimator, bad)
    problem = named(post(stack, served[kind], rows(asked)))
    assert [(error["row"], error["field"]) for error in problem["errors"]] == [(7, None)]
    assert why[:150] in problem["errors"][0]["message"]
    assert (problem["total"], "row 7: " in problem["detail"]) == (1, True)
    (alone,) = named(post(stack, served[kind], rows([bad])[0]))["errors"]
    assert (alone["row"], why[:150] in alone["message"]) == (0, True)


@pytest.mark.parametrize("kind", [kind for kind in CASES if kind != "all rows of a call"])
def test_null_answers_the_other_rows_as_the_library_does(
    stack: EstimatorStack, served: dict[str, str], kind: str
) -> None:
    estimator, good, bad = CASES[kind]
    asked = [bad, *good[:6].tolist(), bad, *good[6:9].tolist()]
    answer = post(stack, served[kind], rows(asked), "?on_error=null")
    assert answer.status_code == 200, answer.text
    predictions = json.loads(answer.content)["predictions"]
    others = [row for index, row in enumerate(predictions) if index not in (0, 7)]
    wanted = estimator.predict(good[:9])
    assert [row["prediction"] for row in others] == pytest.approx(wanted.tolist())
    if hasattr(estimator, "predict_proba"):
        wanted = estimator.predict_proba(good[:9])
        assert [row["predict_proba"] for row in others] == [pytest.approx(row) for row in wanted.tolist()]
    for index in (0, 7):
        failed = predictions[index]
        assert (failed["prediction"], failed["predict_proba"]) == (None, None)
        assert reason(estimator, bad)[:150] in failed["error"]
    assert all("error" not in row for row in others)
    single = post(stack, served[kind], rows([bad])[0], "?on_error=null").json()
    assert (single["prediction"], single["predict_proba"], bool(single["error"])) == (None, None, True)


def test_rows_are_found_in_a_large_request(stack: EstimatorStack, served: dict[str, str]) -> None:
    _, good, bad = CASES["box-cox"]
    asked = rows(np.tile(good, (50, 1)))
    for index in (1234, 2999):
        asked[index] = rows([bad])[0]
    assert [error["row"] for error in named(post(stack, served["box-cox"], asked))["errors"]] == [1234, 2999]
    answered = post(stack, served["box-cox"], asked, "?on_error=null").json()["predictions"]
    assert [index for index, row in enumerate(answered) if row["prediction"] is None] == [1234, 2999]


def test_twenty_rows_are_named_of_many(stack: EstimatorStack, served: dict[str, str]) -> None:
    problem = named(post(stack, served["box-cox"], rows([CASES["box-cox"][2]] * 100)))
    assert [error["row"] for error in problem["errors"]] == [*range(20)]
    assert "total" not in problem
    problem = named(post(stack, served["logarithm of the target"], rows([[-500.0]] * 100)))
    assert (len(problem["errors"]), problem["total"]) == (20, 100)


def test_rows_that_are_scored_together_are_named_and_the_others_scored_together(
    stack: EstimatorStack, served: dict[str, str]
) -> None:
    """The answers to the others are those of a call with these alone: each depends on all of them."""
    estimator, good, bad = CASES["all rows of a call"]
    asked = rows([*good[:4].tolist(), bad, *good[4:8].tolist()])
    name = served["all rows of a call"]
    assert [error["row"] for error in named(post(stack, name, asked))["errors"]] == [4]
    predictions = post(stack, name, asked, "?on_error=null").json()["predictions"]
    assert (predictions[4]["prediction"], "Box-Cox" in predictions[4]["error"]) == (None, True)
    wanted = estimator.predict(good[:8]).tolist()
    assert [row["prediction"] for row in predictions[:4] + predictions[5:]] == pytest.approx(wanted)


def test_strangers_in_the_same_micro_batch_are_answered(stack: EstimatorStack, served: dict[str, str]) -> None:
    estimator, good, bad = CASES["no neighbours"]
    good_body, bad_body = rows(good[:3]), rows([*good[:2].tolist(), bad])
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda body: post(stack, served["no neighbours"], body), [good_body, bad_body] * 30))
    wanted = estimator.predict(good[:3]).tolist()
    for answer in answers[::2]:
        assert [row["prediction"] for row in answer.json()["predictions"]] == wanted
    for answer in answers[1::2]:
        assert [error["row"] for error in named(answer)["errors"]] == [2]


@pytest.mark.parametrize("query", ["?on_error=skip", "?on_error=", "?on_error=null&on_error=raise"])
def test_an_unknown_treatment_of_errors_is_named(stack: EstimatorStack, served: dict[str, str], query: str) -> None:
    answer = post(stack, served["log1p"], rows(X[:1]), query)
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:changeover:unknown-option")
    assert "?on_error=null" in answer.json()["detail"]
