"""Refused ONNX twins and their reasons: slightly wrong graphs, and estimators without a twin."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.svm import SVC

from changeover.onnx_twin.description import KEY
from changeover.onnx_twin.equivalence.compare import prove
from changeover.onnx_twin.exceptions import NoTwin
from changeover.onnx_twin.export.convert import convert
from changeover.onnx_twin.linear_map import LINEAR_KEY
from changeover.onnx_twin.session import TwinRunner
from changeover.schema.cell_parsers import ColumnType
from changeover.schema.schema import Column, Schema
from tests.integration.twin_models import CONVERTED, Case, cancer, case, customers, wine

Change = Callable[[Any], None]


def changed(twin: bytes, change: Change) -> bytes:
    model = onnx.load_from_string(twin)
    change(model)
    written: bytes = model.SerializeToString()
    return written


def tensor_of_trees(model: Any, name: str) -> Any:
    (node,) = (node for node in model.graph.node if node.op_type == "TreeEnsemble")
    (attribute,) = (attribute for attribute in node.attribute if attribute.name == name)
    return attribute.t


def moved_threshold(index: int) -> Change:
    """A change that moves one threshold up, so that the next float32 goes left, too."""

    def change(model: Any) -> None:
        tensor = tensor_of_trees(model, "nodes_splits")
        values = numpy_helper.to_array(tensor).copy()
        single = np.float32(values[index])
        below = np.nextafter(single, np.float32(-np.inf)) if single > values[index] else single
        values[index] = np.nextafter(below, np.float32(np.inf))
        tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))

    return change


def heavier_leaf(model: Any) -> None:
    tensor = tensor_of_trees(model, "leaf_weights")
    values = numpy_helper.to_array(tensor).copy()
    values[np.flatnonzero(values)[0]] *= 1 + 1e-3
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))


def larger_coefficient(model: Any) -> None:
    weights = [name for node in model.graph.node if node.op_type == "MatMul" for name in node.input]
    (constant,) = (initializer for initializer in model.graph.initializer if initializer.name in weights)
    values = numpy_helper.to_array(constant).copy()
    values[0, 0] += 1e-5
    constant.CopyFrom(numpy_helper.from_array(values, constant.name))


def larger_weight(model: Any) -> None:
    (entry,) = (entry for entry in model.metadata_props if entry.key == LINEAR_KEY)
    linear = json.loads(entry.value)
    linear["weights"][0][0] += 1e-5
    entry.value = json.dumps(linear)


def described(**members: object) -> Change:
    def change(model: Any) -> None:
        (entry,) = (entry for entry in model.metadata_props if entry.key == KEY)
        entry.value = json.dumps({**json.loads(entry.value), **members})

    return change


WRONG: dict[str, tuple[str, Change]] = {
    **{f"threshold {place} by one ulp": ("a tree", moved_threshold(place)) for place in range(5)},
    "a threshold behind a scaler by one ulp": ("AdaBoost", moved_threshold(3)),
    "a leaf": ("AdaBoost", heavier_leaf),
    "a coefficient": ("columns of each kind", larger_coefficient),
    "a coefficient of a linear map": ("logistic regression, labels are texts", larger_weight),
    "the order of classes": ("a tree", described(classes=[1, 0])),
    "whole numbers for labels": ("labels are true and false", described(classes=[0, 1])),
    "no threshold of its own": ("a fixed threshold around what is frozen", described(threshold=None)),
    "everything left to the model": ("a tree", described(margin=2.0)),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_twin_that_is_a_little_wrong_is_refused(name: str) -> None:
    model, change = WRONG[name]
    original = CONVERTED[model]()
    twin = convert(original.estimator, original.schema)
    prove(original.estimator, original.schema, twin, original.rows)
    with pytest.raises(NoTwin, match=r"the model says .*, the twin|the twin would leave"):
        prove(original.estimator, original.schema, changed(twin, change), original.rows)


def texts() -> Case:
    pipeline = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(["good day", "bad day"], [1, 0])
    return Case(pipeline, Schema((Column("text", ColumnType.STRING),)), [{"text": "a day"}])


def open_to_what_is_refused() -> Case:
    """An encoder that raises on a value that its schema allows."""
    frame, target = customers()
    model = case(make_pipeline(OneHotEncoder(), LogisticRegression()), frame[["kind"]], target)
    return Case(model.estimator, Schema((Column("kind", ColumnType.STRING, categories=("a", "b")),)), model.rows)


REFUSED: dict[str, tuple[Callable[[], Case], str]] = {
    "neighbours": (lambda: case(make_pipeline(StandardScaler(), KNeighborsClassifier()), *wine()), "a graph inside"),
    "a kernel without probabilities": (lambda: case(SVC(), *wine()), "the SVC gives no probabilities"),
    "a function": (
        lambda: case(make_pipeline(FunctionTransformer(np.log1p), LogisticRegression(max_iter=500)), *wine()),
        "cannot be converted.*FunctionTransformer",
    ),
    "trees on components": (
        lambda: case(make_pipeline(StandardScaler(), PCA(5), RandomForestClassifier(20, random_state=0)), *wine()),
        "a row at a threshold: the model says",
    ),
    "clusters": (lambda: case(KMeans(3), *wine()), "KMeans is neither a classifier nor a regressor"),
    "several outputs": (
        lambda: case(MultiOutputClassifier(RandomForestClassifier(2)), cancer()[0], np.column_stack([cancer()[1]] * 2)),
        "several outputs",
    ),
    "whole texts": (texts, "whole texts"),
    "sets of categories": (
        lambda: case(HistGradientBoostingClassifier(max_iter=2, categorical_features=["kids"]), *kids()),
        "sets of categories",
    ),
    "begun from another model": (
        lambda: case(GradientBoostingClassifier(init=LogisticRegression(max_iter=500), n_estimators=2), *cancer()),
        "begins from another model .LogisticRegression",
    ),
    "a threshold on decisions": (
        lambda: case(
            FixedThresholdClassifier(LogisticRegression(max_iter=500), response_method="decision_function"), *cancer()
        ),
        "by another figure",
    ),
    "infrequent categories": (
        lambda: case(make_pipeline(OneHotEncoder(min_frequency=300), LogisticRegression()), *kind()),
        "infrequent",
    ),
    "what the model refuses": (open_to_what_is_refused, "the twin answers what the model refuses"),
}


def kids() -> tuple[Any, Any]:
    frame, target = customers()
    return frame[["kids", "age"]], target


def kind() -> tuple[Any, Any]:
    frame, target = customers()
    return frame[["kind"]], target


@pytest.mark.parametrize("name", REFUSED)
def test_the_reason_for_a_missing_twin_is_given(name: str) -> None:
    make, reason = REFUSED[name]
    model = make()
    with pytest.raises(NoTwin, match=reason):
        prove(model.estimator, model.schema, convert(model.estimator, model.schema), model.rows)


def test_a_schema_of_other_columns_has_no_twin() -> None:
    model = CONVERTED["linear regression"]()
    with pytest.raises(NoTwin, match="other columns"):
        convert(model.estimator, Schema((Column("a"), Column("b"))))


def test_bytes_that_are_no_graph_are_refused() -> None:
    with pytest.raises(NoTwin, match="no ONNX model"):
        TwinRunner(b"no graph", Schema((Column("a"),)))


def test_a_twin_of_other_columns_is_refused() -> None:
    model = CONVERTED["linear regression"]()
    with pytest.raises(NoTwin, match="the twin takes 'numbers'"):
        TwinRunner(convert(model.estimator, model.schema), Schema((Column("a"),)))


def test_a_graph_that_says_nothing_of_itself_is_refused() -> None:
    original = CONVERTED["linear regression"]()
    twin = changed(convert(original.estimator, original.schema), lambda model: model.ClearField("metadata_props"))
    with pytest.raises(NoTwin, match="description cannot be read"):
        TwinRunner(twin, original.schema)


def test_a_twin_without_a_fitting_row_is_not_proved() -> None:
    model = CONVERTED["linear regression"]()
    twin = convert(model.estimator, model.schema)
    with pytest.raises(NoTwin, match="do not fit the schema"):
        prove(model.estimator, model.schema, twin, [{"other": 1}])
    with pytest.raises(NoTwin, match="no row"):
        prove(model.estimator, model.schema, twin, [])
