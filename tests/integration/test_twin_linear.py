"""The linear maps of ONNX twins: the models that have one, and answers equal to those of the ONNX graph."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import onnx
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Lasso, LogisticRegression, PoissonRegressor, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, PolynomialFeatures, StandardScaler

from changeover.demo.train import build
from changeover.exceptions import AskOriginal
from changeover.json_types import Json, JsonObject
from changeover.onnx_twin.equivalence.compare import prove
from changeover.onnx_twin.equivalence.probe_rows import derived
from changeover.onnx_twin.export.convert import convert
from changeover.onnx_twin.linear_map import LINEAR_KEY
from changeover.onnx_twin.session import TwinRunner
from changeover.request.decode import decode
from changeover.request.tensors import tensors
from changeover.schema.schema import Column, Schema
from tests.integration.twin_models import Case, case, customers, diabetes, wine


def has_linear_map(twin: bytes) -> bool:
    return LINEAR_KEY in {entry.key for entry in onnx.load_from_string(twin).metadata_props}


def as_graph(twin: bytes) -> bytes:
    """The same twin without its linear map: onnxruntime computes it."""
    model = onnx.load_from_string(twin)
    kept = [entry for entry in model.metadata_props if entry.key != LINEAR_KEY]
    model.ClearField("metadata_props")
    model.metadata_props.extend(kept)
    written: bytes = model.SerializeToString()
    return written


def segmentation() -> Case:
    trained = build(1, rows=1000)
    return Case(trained.estimator, trained.schema, trained.golden_rows)


def of_customers(last: object) -> Case:
    """Numbers with missing-value indicators, strings with imputation, and an unchanged column."""
    columns = make_column_transformer(
        (make_pipeline(SimpleImputer(add_indicator=True), StandardScaler()), ["income", "age"]),
        (make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore")), ["city"]),
        ("passthrough", ["flag"]),
        (OneHotEncoder(drop="first", handle_unknown="ignore"), ["kind"]),
    )
    return case(make_pipeline(columns, last), *customers())


LINEAR: dict[str, Callable[[], Case]] = {
    "the segmentation example": segmentation,
    "missing values, strings, two classes": lambda: of_customers(LogisticRegression()),
    "missing values, strings, numbers": lambda: of_customers(Ridge()),
    "three classes": lambda: case(make_pipeline(StandardScaler(), LogisticRegression()), *wine()),
    "discriminants": lambda: case(LinearDiscriminantAnalysis(), *wine()),
    "components": lambda: case(make_pipeline(MinMaxScaler(), PCA(3), LogisticRegression()), *wine()),
    "two scalers": lambda: case(make_pipeline(StandardScaler(), PCA(), StandardScaler(), Ridge()), *diabetes()),
}


@pytest.mark.parametrize("name", LINEAR)
def test_a_linear_map_answers_as_the_graph_of_the_same_twin(name: str) -> None:
    model = LINEAR[name]()
    twin = convert(model.estimator, model.schema)
    assert has_linear_map(twin)
    mapped, graph = TwinRunner(twin, model.schema), TwinRunner(as_graph(twin), model.schema)
    rows = decode(list[Json](model.rows), model.schema, len(model.rows))
    for batch in derived(model.schema, {name: list(cells) for name, cells in rows.columns.items()}, rows.rows):
        numbers, texts = tensors(model.schema, batch.columns, batch.rows)
        got, expected = mapped.scores(numbers, texts), graph.scores(numbers, texts)
        np.testing.assert_array_equal(np.isnan(got), np.isnan(expected), err_msg=batch.what)
        np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-12, err_msg=batch.what)


@pytest.mark.parametrize("name", LINEAR)
def test_a_linear_map_is_verified_and_leaves_no_row_of_the_training_data(name: str) -> None:
    model = LINEAR[name]()
    proof = prove(model.estimator, model.schema, convert(model.estimator, model.schema), model.rows)
    assert proof.left_to_model < 0.01 * proof.rows


@pytest.mark.parametrize(
    "made",
    [
        lambda: case(RandomForestClassifier(3, random_state=0), *wine()),
        lambda: case(make_pipeline(PolynomialFeatures(2), Lasso()), *diabetes()),
        lambda: case(PoissonRegressor(), *diabetes()),
        lambda: case(make_pipeline(MinMaxScaler(clip=True), Ridge()), *diabetes()),
        lambda: case(LogisticRegression(), *wide_classes()),
    ],
    ids=["trees", "products of numbers", "a power of the sum", "a limit", "40 classes"],
)
def test_other_graphs_are_left_to_onnxruntime(made: Callable[[], Case]) -> None:
    model = made()
    assert not has_linear_map(convert(model.estimator, model.schema))


def wide_classes() -> tuple[pd.DataFrame, npt.NDArray[np.int64]]:
    frame = pd.DataFrame({"a": np.arange(200.0), "b": np.arange(200.0) % 7})
    return frame, np.arange(200) % 40


def test_large_numbers_with_a_small_spread_lose_no_digits() -> None:
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"seconds": 1.7e9 + random.random(400), "amount": random.random(400)})
    target = (frame.seconds - 1.7e9 + frame.amount > 1).astype(int)
    model = case(make_pipeline(StandardScaler(), LogisticRegression(C=1e6)), frame, target)
    twin = convert(model.estimator, model.schema)
    assert has_linear_map(twin)
    assert prove(model.estimator, model.schema, twin, model.rows).largest_difference < 1e-12


def nullable(model: Case) -> Schema:
    return Schema(tuple(Column(column.name, column.type, nullable=True) for column in model.schema.columns))


def run_with_missing(model: Case, name: str) -> None:
    schema = nullable(model)
    row: JsonObject = {**model.rows[0], name: None}
    runner = TwinRunner(convert(model.estimator, schema), schema)
    runner.run(*tensors(schema, decode([row], schema, 1).columns, 1))


def test_a_missing_number_is_answered_only_if_the_model_does_not_take_its_column() -> None:
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(100, 2)), columns=["a", "b"])
    target = (frame.b + np.random.default_rng(1).normal(size=100) > 0).astype(int)
    selected = case(make_pipeline(StandardScaler(), SelectKBest(k=1), LogisticRegression()), frame, target)
    run_with_missing(selected, "a")
    with pytest.raises(AskOriginal):
        run_with_missing(selected, "b")
    without_weight = case(Lasso(alpha=0.5), frame, frame.a)
    assert without_weight.estimator.coef_[1] == 0.0
    with pytest.raises(AskOriginal):
        run_with_missing(without_weight, "b")
