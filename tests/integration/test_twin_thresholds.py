"""Answers of ONNX twins at the numbers where a model's answer jumps: equal to the model's, or no twin with a reason."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Binarizer, KBinsDiscretizer, StandardScaler

from changeover.estimator.scoring import score
from changeover.exceptions import AskOriginal
from changeover.onnx_twin.equivalence.compare import prove
from changeover.onnx_twin.exceptions import NoTwin
from changeover.onnx_twin.export.convert import convert
from changeover.onnx_twin.session import TwinRunner
from changeover.request.tensors import tensors
from changeover.schema.cell_parsers import Cell, ColumnType
from changeover.schema.column import Column
from changeover.schema.formats import Format
from changeover.schema.schema import Schema
from tests.integration.threshold_models import KINDS, Jumping, frame_of, measured, target_of
from tests.integration.twin_models import Case, case

EXTREMES = (0.0, -0.0, 5e-324, -5e-324, 1e-300, 1e-17, 1e15, -1e15)


def fitted(kind: Jumping) -> Case:
    frame = frame_of(kind)
    if kind.target == "one column":
        return case(kind.made(), frame[["a"]], 2 * frame.a)
    return case(kind.made(), frame, target_of(kind))


def around(number: float) -> list[float]:
    """The number and its neighbours in float64 and in float32."""
    single = np.float32(number)
    singles = [single, *(np.nextafter(single, np.float32(end)) for end in (-np.inf, np.inf))]
    return [number, *(float(np.nextafter(number, end)) for end in (-np.inf, np.inf)), *map(float, singles)]


def rows_at(model: Case, kind: Jumping) -> dict[str, list[Cell]]:
    """Rows that have a number of `edges`, a neighbour of one, an extreme or a missing value in one column."""
    usual: dict[str, Cell] = {"a": 12.5, "b": 2.0, "c": 0.25}
    columns: dict[str, list[Cell]] = {name: [] for name in usual}
    for name, numbers in kind.edges(model.estimator).items():
        near = [value for number in numbers if np.isfinite(number) for value in around(float(number))]
        missing = [float("nan")] if model.schema.by_name[name].nullable else []
        for value in [*near, *EXTREMES, *missing]:
            for other, cells in columns.items():
                cells.append(value if other == name else usual[other])
    for value in EXTREMES:
        for cells in columns.values():
            cells.append(value)
    return columns


def alike(first: object, second: object) -> bool:
    return bool(np.allclose(np.array(first, float), np.array(second, float), rtol=1e-6, atol=1e-9))


def equal_at(model: Case, runner: TwinRunner, columns: dict[str, list[Cell]]) -> int:
    """Check that each row has the model's answer or none, alone and in a batch; returns the number of answers."""
    rows = len(columns["a"])
    numbers, texts = tensors(model.schema, columns, rows)
    answers = {}
    for index in range(rows):
        try:
            answers[index] = runner.run(numbers[index : index + 1], texts)
        except AskOriginal:
            continue
    answered = {name: [cells[index] for index in answers] for name, cells in columns.items()}
    expected = score(model.estimator, model.schema, answered, len(answers))
    in_batch = runner.scores(numbers, texts)
    for at, (index, (labels, probabilities)) in enumerate(answers.items()):
        row = {name: cells[index] for name, cells in columns.items()}
        assert alike(labels, expected.labels[at]), row
        if expected.probabilities is not None:
            assert alike(probabilities, expected.probabilities[at]), row
            assert alike(in_batch[index], expected.probabilities[at]), row
    return len(answers)


@pytest.mark.parametrize("name", KINDS)
def test_a_twin_answers_at_every_jump_as_its_model(name: str) -> None:
    kind = KINDS[name]
    model = fitted(kind)
    if kind.no_twin is not None:
        with pytest.raises(NoTwin, match=kind.no_twin):
            prove(model.estimator, model.schema, convert(model.estimator, model.schema), model.rows)
        return
    twin = convert(model.estimator, model.schema)
    prove(model.estimator, model.schema, twin, model.rows, budget=400)
    columns = rows_at(model, kind)
    assert equal_at(model, TwinRunner(twin, model.schema), columns) > len(columns["a"]) // 3


def exchanged(first: str, second: str) -> Callable[[Any], None]:
    """A change of a graph that turns an operator into another."""

    def change(model: Any) -> None:
        nodes = [node for node in model.graph.node if node.op_type == first]
        assert nodes
        for node in nodes:
            node.op_type = second

    return change


WRONG: dict[str, tuple[str, Callable[[Any], None]]] = {
    "a threshold": ("a threshold", exchanged("Greater", "GreaterOrEqual")),
    "a threshold behind a scaler": ("a threshold behind a scaler", exchanged("Greater", "GreaterOrEqual")),
    "a threshold of some columns": ("a threshold of some columns", exchanged("Greater", "GreaterOrEqual")),
    "a threshold in a vote": ("a threshold in a vote", exchanged("Greater", "GreaterOrEqual")),
    "a threshold in bagging": ("a threshold in bagging", exchanged("Greater", "GreaterOrEqual")),
    "bins, one-hot": ("bins, kmeans, onehot", exchanged("GreaterOrEqual", "Greater")),
    "bins, ordinal": ("bins, uniform, ordinal", exchanged("GreaterOrEqual", "Greater")),
    "bins behind a scaler": ("bins behind a scaler", exchanged("GreaterOrEqual", "Greater")),
    "flags of numbers": ("flags of numbers", exchanged("Greater", "GreaterOrEqual")),
    "lengths": ("lengths", exchanged("Less", "Greater")),
    "categories": ("categories", exchanged("Equal", "GreaterOrEqual")),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_graph_that_is_wrong_at_a_jump_alone_is_refused(name: str) -> None:
    of, change = WRONG[name]
    model = fitted(KINDS[of])
    right = convert(model.estimator, model.schema)
    prove(model.estimator, model.schema, right, model.rows, budget=400)
    wrong = onnx.load_from_string(right)
    change(wrong)
    with pytest.raises(NoTwin, match=r"the model says .*, the twin"):
        prove(model.estimator, model.schema, wrong.SerializeToString(), model.rows, budget=400)


def test_every_edge_of_every_bin_is_probed() -> None:
    model = fitted(KINDS["bins behind a scaler"])
    edges = sum(len(edges) for edges in model.estimator[1].bin_edges_)
    proof = prove(model.estimator, model.schema, convert(model.estimator, model.schema), model.rows)
    assert proof.tried["a row at a number of the KBinsDiscretizer"] >= 4 * edges


@pytest.mark.parametrize(
    "made",
    [lambda: LogisticRegression(max_iter=1000), lambda: make_pipeline(KBinsDiscretizer(3), LogisticRegression())],
    ids=["a linear map", "a graph"],
)
@pytest.mark.parametrize("kind", [ColumnType.INTEGER, ColumnType.NUMBER])
@pytest.mark.parametrize("number", [2**53, -(2**53), 2**53 + 1, 2**63 - 1, -(2**63)])
def test_an_integer_that_is_no_double_is_left_to_the_model(
    made: Callable[[], Any], kind: ColumnType, number: int
) -> None:
    model = made().fit(measured().assign(b=measured().b.astype("int64")), target_of(KINDS["a threshold"]))
    schema = Schema((Column("a"), Column("b", kind, dtype="int64"), Column("c")))
    runner = TwinRunner(convert(model, schema), schema)
    row: dict[str, Sequence[Cell]] = {"a": [10.0], "b": [number], "c": [0.0]}
    with pytest.raises(AskOriginal):
        runner.run(*tensors(schema, row, 1))
    batch: dict[str, Sequence[Cell]] = {"a": [10.0, 1.0], "b": [3, number], "c": [0.0, 0.5]}
    with pytest.raises(AskOriginal):
        runner.run(*tensors(schema, batch, 2))


@pytest.mark.parametrize(
    "column",
    [
        Column("day", ColumnType.STRING, format=Format.DATE, dtype="datetime64[ns]"),
        Column("day", ColumnType.STRING, dtype="datetime64[us, Europe/Berlin]"),
        Column("day", ColumnType.STRING, dtype="category[date]"),
    ],
    ids=["days", "times of a zone", "categories that are days"],
)
def test_a_column_of_times_has_no_twin_and_is_named(column: Column) -> None:
    model = make_pipeline(StandardScaler(), Binarizer(), LogisticRegression()).fit(measured()[["a"]], measured().b > 2)
    with pytest.raises(NoTwin, match="column 'day' has dates or times"):
        convert(model, Schema((column,)))
