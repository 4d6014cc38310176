"""The recognition of ONNX files, and the signature of a graph."""

import io
import pickle
from typing import Any

import joblib
import pytest
from onnx import TensorProto, helper

from changeover.exceptions import InvalidSchema
from changeover.onnx_model.exceptions import NoSignature
from changeover.onnx_model.recognise import HEAD, is_onnx
from changeover.onnx_model.signature import Signature, check_schema, schema_of, signature_of
from changeover.onnx_twin.graph_check import check_graph
from changeover.schema.cell_parsers import ColumnType
from changeover.schema.schema import Column, Schema
from tests.graphs import ML, model, node, stump


@pytest.mark.parametrize("compress", [0, ("zlib", 3), ("gzip", 3), ("bz2", 3), ("lzma", 3), ("xz", 3)])
def test_a_joblib_file_is_no_onnx_file(compress: Any) -> None:
    buffer = io.BytesIO()
    joblib.dump({"a": [1, 2]}, buffer, compress=compress)
    assert not is_onnx(buffer.getvalue()[:HEAD])


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_is_no_onnx_file(protocol: int) -> None:
    assert not is_onnx(pickle.dumps([1], protocol)[:HEAD])


def test_a_graph_is_an_onnx_file() -> None:
    assert is_onnx(stump().SerializeToString()[:HEAD])
    assert not is_onnx(b"")


def of(nodes: Any, inputs: dict[str, tuple[int, int]], outputs: dict[str, int]) -> Signature:
    """The signature of a graph of inputs (type, width) and outputs (type)."""
    made = model(nodes)
    del made.graph.input[:], made.graph.output[:]
    for name, (kind, width) in inputs.items():
        made.graph.input.append(helper.make_tensor_value_info(name, kind, [None, width]))
    made.graph.output.extend(helper.make_tensor_value_info(name, kind, None) for name, kind in outputs.items())
    return signature_of(check_graph(made.SerializeToString()))


def test_one_table_has_numbered_columns_and_single_columns_keep_their_names() -> None:
    numbers = of([node("Identity")], {"x": (TensorProto.FLOAT, 2)}, {"y": TensorProto.FLOAT})
    assert [(column.name, column.type) for column in schema_of(numbers).columns] == [
        ("x0", ColumnType.NUMBER),
        ("x1", ColumnType.NUMBER),
    ]
    kinds = {"age": TensorProto.FLOAT, "n": TensorProto.INT64, "kind": TensorProto.STRING, "ok": TensorProto.BOOL}
    single = of([node("Identity", "age")], {name: (kind, 1) for name, kind in kinds.items()}, {"y": TensorProto.FLOAT})
    assert [(column.name, column.type.value) for column in schema_of(single).columns] == [
        ("age", "number"),
        ("n", "integer"),
        ("kind", "string"),
        ("ok", "boolean"),
    ]


def test_labels_and_scores_take_their_classes_from_the_classifier() -> None:
    classifier = node(
        "LinearClassifier",
        "x",
        "label y",
        ML,
        coefficients=[1.0] * 4,
        intercepts=[0.0] * 2,
        classlabels_strings=["a", "b"],
    )
    outputs = {"label": TensorProto.STRING, "y": TensorProto.FLOAT}
    signature = of([classifier], {"x": (TensorProto.FLOAT, 2)}, outputs)
    assert (signature.labels, signature.scores, signature.classes) == ("label", "y", ["a", "b"])


@pytest.mark.parametrize(
    ("nodes", "kind", "outputs", "reason"),
    [
        ([node("Identity")], TensorProto.UINT8, {"y": TensorProto.FLOAT}, "ONNX type 2"),
        ([node("Identity"), node("Identity", "x", "z")], TensorProto.FLOAT, dict.fromkeys("yz", 1), "outputs y, z"),
        ([node("Identity")], TensorProto.FLOAT, {"y": TensorProto.BOOL}, "neither of labels nor of numbers"),
        ([node("Identity")], TensorProto.INT64, {"y": TensorProto.INT64}, "several labels"),
        ([node("ReduceSum", keepdims=0)], TensorProto.FLOAT, {"y": TensorProto.FLOAT}, "one entry for each row"),
    ],
    ids=["an odd type", "two tables", "an output of flags", "several labels", "one answer for all rows"],
)
def test_a_graph_that_is_no_model_of_rows_is_refused(nodes: Any, kind: int, outputs: Any, reason: str) -> None:
    with pytest.raises(NoSignature, match=reason):
        of(nodes, {"x": (kind, 2)}, outputs)


@pytest.mark.parametrize(
    "columns",
    [[Column("a")], [Column("a"), Column("b", ColumnType.STRING)]],
    ids=["another number of columns", "another type"],
)
def test_a_schema_that_does_not_fit_the_graph_is_refused(columns: list[Column]) -> None:
    signature = of([node("Identity")], {"x": (TensorProto.FLOAT, 2)}, {"y": TensorProto.FLOAT})
    with pytest.raises(InvalidSchema):
        check_schema(signature, Schema(tuple(columns)))
    check_schema(signature, Schema((Column("a"), Column("b", ColumnType.INTEGER))))
