"""Answers for random rows against those of the pipeline itself: the small run of `benchmarks/equal_answers.py`.

Carries "equal answers": with either runtime, labels are equal on every row, and probabilities equal but for rounding.
"""

from collections.abc import Callable

import pytest
import requests

from benchmarks.comparing import Answered, Comparison, compare, over_http
from benchmarks.drawing import Asked, Known, draw, known
from benchmarks.peers.models import MODELS, TRAINERS
from changeover.client.client import Client
from tests.conftest import wait_until
from tests.integration.estimators.stack import EstimatorStack
from tests.processes.model_server import PUBLISH_TOKEN

ROWS = 1_000


@pytest.mark.parametrize("name", MODELS)
def test_random_rows_are_answered_as_the_pipeline_itself_does(stack: EstimatorStack, name: str) -> None:
    trained = TRAINERS[name]()
    client = Client(stack.server.url, token=PUBLISH_TOKEN)
    published = client.publish(trained.estimator, name, draft=trained.said, roll=True)
    assert published.rollout is not None
    assert published.rollout["state"] == "committed", published.rollout
    wait_until(lambda: stack.post(name, []).status_code == 200, 10, f"predict_api knows {name}")
    model = known(name, trained)
    classes = trained.estimator.classes_.tolist()  # type: ignore[attr-defined]
    with requests.Session() as session:
        ask = over_http(session, f"{stack.api.url}/models/{name}/predict", classes)
        comparison = compare(model, draw(model, ROWS, seed=6), ask)
    assert comparison.good, "\n".join(comparison.shown)
    assert comparison.rows == ROWS
    assert comparison.computed_by["onnx"] > comparison.computed_by["sklearn"] > 0


@pytest.fixture(scope="module")
def wine() -> Known:
    return known("wine", TRAINERS["wine"]())


def answered_by(model: Known, change: Callable[[Answered], Answered]) -> Comparison:
    """The result of a comparison with right answers, of which `change` alters some."""

    def ask(asked: Asked) -> Answered:
        columns = {name: list(cells) for name, cells in asked.columns.items()}
        table = list(zip(*columns.values(), strict=True))
        labels = model.estimator.predict(table).tolist()
        return change(Answered(labels, model.estimator.predict_proba(table), "onnx"))

    return compare(model, draw(model, 40, seed=1), ask)


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_a_label_of_another_value_or_type_and_a_probability_far_off_are_seen(wine: Known) -> None:
    assert answered_by(wine, lambda answer: answer).good
    other = answered_by(wine, lambda answer: Answered([*answer.labels[:-1], 7], answer.probabilities, "onnx"))
    assert other.unequal == other.requests
    typed = answered_by(
        wine, lambda answer: Answered([str(label) for label in answer.labels], answer.probabilities, "onnx")
    )
    assert typed.unequal == typed.rows
    moved = answered_by(wine, lambda answer: Answered(answer.labels, answer.probabilities + 1e-5, "onnx"))
    assert (moved.unequal, moved.apart) == (0, moved.rows)
    assert not moved.good
