"""Answers of ONNX twins against those of their models: the same labels and types, probabilities to 1e-6."""

import threading

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from changeover.demo.generate import generate
from changeover.demo.train import Trained, build
from changeover.estimator.scoring import score
from changeover.estimator.training_frame import rows_of
from changeover.exceptions import AskOriginal
from changeover.json_types import Json
from changeover.onnx_twin.equivalence.compare import prove
from changeover.onnx_twin.export.convert import convert
from changeover.onnx_twin.session import TwinRunner
from changeover.request.decode import decode
from changeover.request.tensors import LARGEST, MISSING_TEXT, layout, tensors
from changeover.schema.cell_parsers import ColumnType
from changeover.schema.schema import Column, Schema
from tests.integration.twin_models import CONVERTED, Case, case


@pytest.fixture(scope="module")
def segmentation() -> Trained:
    return build(1, rows=1000)


def answers_alike(estimator: object, schema: Schema, rows: list[Json], one_by_one: int = 20) -> float:
    """Compare both on the same rows, as a batch and some alone; returns the largest difference of probabilities."""
    decoded = decode(rows, schema, len(rows))
    runner = TwinRunner(convert(estimator, schema), schema)
    numbers, texts = tensors(schema, decoded.columns, decoded.rows)
    labels, probabilities = runner.run(numbers, texts)
    expected = score(estimator, schema, decoded.columns, decoded.rows)
    assert labels == expected.labels
    assert {type(label) for label in labels} == {type(label) for label in expected.labels}
    for row in range(min(one_by_one, len(rows))):
        alone, _ = runner.run(numbers[row : row + 1], None if texts is None else texts[row : row + 1])
        assert alone == labels[row : row + 1]
    if probabilities is None:
        assert expected.probabilities is None
        return 0.0
    return float(np.abs(probabilities - np.array(expected.probabilities)).max())


@pytest.mark.parametrize("name", CONVERTED)
def test_the_twin_is_proved_equal(name: str) -> None:
    model = CONVERTED[name]()
    proof = prove(model.estimator, model.schema, convert(model.estimator, model.schema), model.rows, budget=400)
    assert proof.rows > 1000
    assert proof.left_to_model < 0.2 * proof.rows


def test_a_segmentation_of_5000_rows_is_answered_alike(segmentation: Trained) -> None:
    rows = list[Json](rows_of(generate(5000, seed=7).drop(columns="y")))
    assert answers_alike(segmentation.estimator, segmentation.schema, rows) < 1e-12


def test_a_segmentation_is_proved_from_its_golden_rows(segmentation: Trained) -> None:
    twin = convert(segmentation.estimator, segmentation.schema)
    proof = prove(segmentation.estimator, segmentation.schema, twin, segmentation.golden_rows)
    assert proof.largest_difference < 1e-12
    assert proof.left_to_model == 0


def test_a_forest_of_200_trees_gives_the_very_same_probabilities() -> None:
    features, target = make_classification(2000, 20, n_informative=10, n_classes=3, random_state=0)
    frame = pd.DataFrame(features, columns=[f"x{index}" for index in range(20)])
    forest = RandomForestClassifier(200, random_state=0, n_jobs=1).fit(frame, target)
    schema = Schema(tuple(Column(name) for name in frame.columns))
    random = pd.DataFrame(np.random.default_rng(1).normal(0, 3, (5000, 20)), columns=frame.columns)
    assert answers_alike(forest, schema, list[Json](rows_of(random))) == 0.0


def test_every_threshold_of_a_small_forest_is_probed() -> None:
    model = CONVERTED["AdaBoost"]()
    proof = prove(model.estimator, model.schema, convert(model.estimator, model.schema), model.rows)
    assert proof.at_thresholds == 4 * len(model.estimator[-1].estimators_)


def test_the_same_estimator_gives_the_same_bytes() -> None:
    model = CONVERTED["columns into a forest"]()
    assert convert(model.estimator, model.schema) == convert(model.estimator, model.schema)


def test_columns_in_another_order_than_at_fitting_are_put_right() -> None:
    model = CONVERTED["columns of each kind"]()
    turned = Schema(tuple(reversed(model.schema.columns)))
    prove(model.estimator, turned, convert(model.estimator, turned), model.rows)
    plain = CONVERTED["linear regression"]()
    turned = Schema(tuple(reversed(plain.schema.columns)))
    prove(plain.estimator, turned, convert(plain.estimator, turned), plain.rows)


def test_many_threads_may_ask_one_runner(segmentation: Trained) -> None:
    rows = list[Json](rows_of(generate(200, seed=3).drop(columns="y")))
    decoded = decode(rows, segmentation.schema, 200)
    numbers, texts = tensors(segmentation.schema, decoded.columns, 200)
    runner = TwinRunner(convert(segmentation.estimator, segmentation.schema), segmentation.schema)
    expected, _ = runner.run(numbers, texts)
    answers: list[list[Json]] = []

    def ask() -> None:
        assert texts is not None
        answers.append([runner.run(numbers[row : row + 1], texts[row : row + 1])[0][0] for row in range(200)])

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [expected] * 4


def test_texts_and_numbers_are_two_tensors_in_the_order_of_the_schema() -> None:
    schema = Schema((Column("b", ColumnType.STRING, nullable=True), Column("n"), Column("a", ColumnType.BOOLEAN)))
    assert layout(schema) == (("n", "a"), ("b",))
    numbers, texts = tensors(schema, {"a": [True, False], "b": [None, ""], "n": [1.5, 2.0]}, 2)
    assert numbers.tolist() == [[1.5, 1.0], [2.0, 0.0]]
    assert texts is not None
    assert texts.tolist() == [[MISSING_TEXT], [""]]


def test_a_text_that_stands_for_a_missing_one_is_left_to_the_model() -> None:
    schema = Schema((Column("b", ColumnType.STRING),))
    with pytest.raises(AskOriginal, match="'b'"):
        tensors(schema, {"b": ["x", MISSING_TEXT]}, 2)


def linear() -> tuple[Case, TwinRunner]:
    frame = pd.DataFrame({"a": [-2.0, -1.0, 1.0, 2.0], "b": [0.0, 1.0, 0.0, 1.0]})
    model = case(LogisticRegression(), frame, [0, 0, 1, 1])
    return model, TwinRunner(convert(model.estimator, model.schema), model.schema)


def test_what_is_too_close_to_call_is_left_to_the_model() -> None:
    model, runner = linear()
    (first, second), zero = model.estimator.coef_[0], float(model.estimator.intercept_[0])
    between = np.array([[(-zero - second) / first, 1.0]])
    with pytest.raises(AskOriginal, match="too close"):
        runner.run(between)
    with pytest.raises(AskOriginal, match="1 of 2 rows"):
        runner.run(np.concatenate([between, [[5.0, 5.0]]]))
    assert runner.run(between + np.array([1e-3, 0.0]))[0] == [1]


@pytest.mark.parametrize("number", [LARGEST, -LARGEST, 1e300, float("nan")])
def test_a_number_that_is_too_large_or_missing_is_left_to_the_model(number: float) -> None:
    _, runner = linear()
    with pytest.raises(AskOriginal):
        runner.run(np.array([[number, 0.0]]))
    with pytest.raises(AskOriginal):
        runner.run(np.array([[number, 0.0], [5.0, 5.0]]))
