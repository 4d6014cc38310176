"""The check of an ONNX graph as data: each rule refuses a forged graph, and sound graphs pass."""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from changeover.onnx_twin.exceptions import GraphRefused
from changeover.onnx_twin.graph_check import check_graph
from changeover.onnx_twin.graph_rules.values import ROWS
from changeover.onnx_twin.graph_session import open_session
from tests.graphs import ML, NEW_STUMP, STUMP, chain, constant, model, new_stump, node, stump

Change = Callable[[Any], object]


def edited(change: Change, graph: onnx.ModelProto | None = None) -> onnx.ModelProto:
    changed = graph or model([node("Identity")])
    change(changed)
    return changed


def inner_graph() -> onnx.GraphProto:
    return helper.make_graph([node("Identity", "a", "b")], "inner", [], [])


def external() -> onnx.TensorProto:
    tensor = TensorProto(name="c", data_type=TensorProto.FLOAT, dims=[1], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="/etc/passwd")
    return tensor


def sparse() -> onnx.SparseTensorProto:
    return helper.make_sparse_tensor(constant("c", [1.0], np.float32), constant("i", [0]), [2])


def short() -> onnx.TensorProto:
    return TensorProto(name="c", data_type=TensorProto.FLOAT, dims=[1000, 1000], raw_data=b"1234")


def linear(**changes: Any) -> onnx.ModelProto:
    attributes = {"coefficients": [1.0] * 4, "intercepts": [0.0, 0.0], "classlabels_ints": [0, 1], **changes}
    return model([node("LinearClassifier", "x", "label y", ML, **attributes)])


def vectors(**changes: Any) -> onnx.ModelProto:
    attributes = {
        "support_vectors": [1.0] * 4,
        "vectors_per_class": [1, 1],
        "coefficients": [1.0, 1.0],
        "rho": [0.0],
        "kernel_type": "LINEAR",
        "kernel_params": [1.0, 0.0, 3.0],
        "classlabels_ints": [0, 1],
        **changes,
    }
    return model([node("SVMClassifier", "x", "label y", ML, **attributes)])


def made_large(*shape: int) -> onnx.ModelProto:
    nodes = [node("ConstantOfShape", "s", "c"), node("ReduceSum", "c", "sum", keepdims=0), node("Add", "x sum")]
    return model(nodes, [constant("s", shape)])


def chosen(*indices: int) -> onnx.ModelProto:
    return model([node("ArrayFeatureExtractor", "x i", domain=ML)], [constant("i", indices)])


def computed_indices() -> onnx.ModelProto:
    return model(
        [node("Cast", "x", "i", to=TensorProto.INT64), node("ArrayFeatureExtractor", "t i", "y", ML)],
        [constant("t", [[1, 2]])],
    )


FORGED: dict[str, tuple[str, Callable[[], onnx.ModelProto]]] = {
    "a branch of control": ("a graph inside an attribute", lambda: model([node("If", then_branch=inner_graph())])),
    "a loop": ("a graph inside an attribute", lambda: model([node("Loop", body=inner_graph())])),
    "a loop without its body": ("operator 'Loop'", lambda: model([node("Loop")])),
    "a scan": ("a graph inside an attribute", lambda: model([node("Scan", body=inner_graph())])),
    "graphs in a list": (
        "graphs inside an attribute",
        lambda: model([node("Identity", bodies=[inner_graph()])]),
    ),
    "a function": ("functions", lambda: edited(lambda made: made.functions.add())),
    "a training graph": ("training", lambda: edited(lambda made: made.training_info.add())),
    "a sparse constant": ("sparse", lambda: edited(lambda made: made.graph.sparse_initializer.append(sparse()))),
    "a sparse attribute": ("sparse", lambda: model([node("Constant", "", "y", sparse_value=sparse())])),
    "a field of a later release": ("unknown field 26", lambda: edited(lambda made: made.configuration.add())),
    "data in another file": ("external data", lambda: model([node("Add", "x c")], [external()])),
    "an operator that is not listed": ("operator 'Einsum'", lambda: model([node("Einsum", equation="ij->ij")])),
    "a custom domain": ("'CDist' of 'com.microsoft'", lambda: model([node("CDist", domain="com.microsoft")])),
    "an imported custom domain": ("only ONNX's own", lambda: model([node("Identity")], opsets=(("a.b", 1),))),
    "two versions of the operators": ("two versions", lambda: model([node("Identity")], opsets=(("", 17), ("", 18)))),
    "an old version of the operators": ("version 6 ", lambda: model([node("Identity")], opsets=(("", 6),))),
    "no version of the operators": ("version 0 ", lambda: model([node("Identity")], opsets=())),
    "an unknown file format": ("version 99", lambda: edited(lambda made: setattr(made, "ir_version", 99))),
    "no outputs": ("0 outputs", lambda: edited(lambda made: made.graph.ClearField("output"))),
    "many nodes": ("20001 nodes", lambda: model([node("Identity")] * 20_001)),
    "a value that is never computed": ("before it is computed", lambda: model([node("Identity", "z")])),
    "a circle": ("before it is computed", lambda: model([node("Add", "x b", "a"), node("Add", "x a", "b")])),
    "a value twice": ("twice", lambda: model([node("Identity"), node("Identity")])),
    "a long name": ("unusable name", lambda: model([node("Identity", "x", "n" * 2000)])),
    "more outputs than the operator has": ("has 2 outputs", lambda: model([node("Identity", "x", "y z")])),
    "an attribute twice": (
        "an attribute twice",
        lambda: edited(lambda made: made.graph.node[0].attribute.extend([helper.make_attribute("a", 1)] * 2)),
    ),
    "an attribute of another type": ("another type", lambda: model([node("Concat", "x x", axis="one")])),
    "a constant without its bytes": ("other bytes", lambda: model([node("Add", "x c")], [short()])),
    "a constant of a negative shape": (
        "unusable shape",
        lambda: model([node("Add", "x c")], [TensorProto(name="c", data_type=1, dims=[-1])]),
    ),
    "a constant of an odd type": (
        "type 14",
        lambda: model([node("Add", "x c")], [TensorProto(name="c", data_type=14, dims=[0])]),
    ),
    "rows in a fixed number": ("takes 1 rows", lambda: model([node("Identity")], rows=1)),
    "no fixed width": ("no fixed number of columns", lambda: model([node("Identity")], width=None)),
    "a wide input": ("no fixed number of columns", lambda: model([node("Identity")], width=10**9)),
    # much from little
    "a large constant": ("too much from its constants", lambda: made_large(100_000, 100_000)),
    "a table blown up": (
        "too much for each row",
        lambda: model([node("Tile", "x t")], [constant("t", [1, 10_000_000])]),
    ),
    "an expansion": (
        "too much for each row",
        lambda: model(
            [node("Unsqueeze", "x one", "u"), node("Expand", "u s")],
            [constant("one", [2]), constant("s", [1, 1, 10**7])],
        ),
    ),
    "many expansions": (
        "too much for each row",
        lambda: model(
            [*(node("Tile", "x t", f"y{index}") for index in range(200)), node("Identity")],
            [constant("t", [1, 10_000])],
        ),
    ),
    "the square of the rows": ("square", lambda: model([node("Transpose", "x", "t"), node("MatMul", "x t")])),
    "a reshape to other cells": ("other cells", lambda: model([node("Reshape", "x s")], [constant("s", [1000, 7])])),
    "a shape from the rows": (
        "neither a constant nor a shape",
        lambda: model([node("Cast", "x", "s", to=7), node("ConstantOfShape", "s")]),
    ),
    "a product that does not fit": (
        "does not fit",
        lambda: model([node("MatMul", "x c")], [constant("c", np.ones((3, 1)), np.float32)]),
    ),
    "tables that do not fit": (
        "do not fit",
        lambda: model([node("Add", "x c")], [constant("c", [[1, 2, 3]], np.float32)]),
    ),
    # indices that kernels take for granted
    "a negative index": ("may be negative", lambda: chosen(-1000)),
    "an index from the rows": ("may be negative", computed_indices),
    "fewer coefficients than columns": ("other coefficients", lambda: linear(coefficients=[1.0])),
    "fewer labels than classes": ("other labels", lambda: linear(classlabels_ints=[0])),
    "fewer support vectors": ("support vectors", lambda: vectors(support_vectors=[1.0])),
    "a negative number of support vectors": ("other classes", lambda: vectors(vectors_per_class=[-1, 3])),
    "fewer pairs of classes": ("pairs of classes", lambda: vectors(rho=[0.0, 0.0])),
    "labels for another width": (
        "other labels",
        lambda: model([node("ZipMap", "x", "y", ML, classlabels_int64s=[0])]),
    ),
    "keys without values": (
        "other keys",
        lambda: model([node("LabelEncoder", "x", "y", ML, keys_int64s=[0, 1], values_floats=[0.0])]),
    ),
    "a scale for other columns": (
        "other values",
        lambda: model([node("Scaler", "x", "y", ML, offset=[0.0] * 3, scale=[1.0] * 3)]),
    ),
    # trees
    "a column out of the table": ("out of range", lambda: stump(nodes_featureids=[2, 0, 0])),
    "a negative column": ("out of range", lambda: stump(nodes_featureids=[-1, 0, 0])),
    "a branch back to the root": ("no tree, or in two places", lambda: stump(nodes_falsenodeids=[0, 0, 0])),
    "both branches to one leaf": ("no tree, or in two places", lambda: stump(nodes_falsenodeids=[1, 0, 0])),
    "a branch to nowhere": ("not there", lambda: stump(nodes_falsenodeids=[9, 0, 0])),
    "a list that is too short": ("other lengths", lambda: stump(nodes_values=[0.5])),
    "a node twice": ("a node twice", lambda: stump(nodes_nodeids=[0, 1, 1])),
    "a tree in parts": ("in parts", lambda: stump(nodes_treeids=[0, 1, 0])),
    "an unknown mode": ("unknown mode", lambda: stump(nodes_modes=["BRANCH_ODD", "LEAF", "LEAF"])),
    "a target out of range": ("out of range", lambda: stump(target_ids=[0, 1])),
    "a weight of a branch": ("weight to a branch", lambda: stump(target_nodeids=[0, 2])),
    "a weight of nothing": ("not there", lambda: stump(target_nodeids=[1, 7])),
    "other base values": ("other base values", lambda: stump(base_values=[0.0] * 3)),
    "no targets": ("number of targets", lambda: stump(n_targets=0)),
    "a new column out of the table": ("out of range", lambda: new_stump(nodes_featureids=[2])),
    "a new branch to itself": (
        "no tree, or in two places",
        lambda: new_stump(nodes_falseleafs=[0], nodes_falsenodeids=[0]),
    ),
    "a leaf out of range": ("out of range", lambda: new_stump(nodes_falsenodeids=[2])),
    "a root out of range": ("out of range", lambda: new_stump(tree_roots=[1])),
    "a root twice": ("no tree, or in two places", lambda: new_stump(tree_roots=[0, 0])),
    "a set of members": ("unknown mode", lambda: new_stump(nodes_modes=constant("", [6], np.uint8))),
    "a new list that is too short": ("other lengths", lambda: new_stump(nodes_splits=constant("", [], np.float32))),
    "a path that is too long": ("more than 500 levels", lambda: chain(501)),
}
SOUND: dict[str, Callable[[], onnx.ModelProto]] = {
    "identity": lambda: model([node("Identity")]),
    "a stump": stump,
    "a new stump": new_stump,
    "a long path": lambda: chain(500),
    "a classifier": linear,
    "support vectors": vectors,
    "columns by index": lambda: chosen(1, 0, 1),
    "a table of ones": lambda: model(
        [node("Shape", "x", "s"), node("ConstantOfShape", "s", "ones"), node("Add", "x ones")]
    ),
    "all in one row": lambda: model([node("Reshape", "x s")], [constant("s", [-1])]),
}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_graph_is_refused_with_the_rule_that_it_breaks(name: str) -> None:
    reason, make = FORGED[name]
    with pytest.raises(GraphRefused, match=reason):
        check_graph(make().SerializeToString())


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_graph_has_the_shapes_that_onnxruntime_computes(name: str) -> None:
    content = SOUND[name]().SerializeToString()
    checked = check_graph(content)
    for rows in (1, 3):
        session = open_session(content)
        results = session.run(None, {"x": np.zeros((rows, 2), np.float32)})
        for output, result in zip(session.get_outputs(), results, strict=True):
            shape = checked.outputs[output.name].shape
            assert result.shape == tuple(dim if isinstance(dim, int) else dim.times * rows for dim in shape)


def test_what_a_kernel_needs_beside_its_outputs_is_counted() -> None:
    """onnxruntime keeps a number for each support vector and row."""
    count = 2_100_000
    many = vectors(support_vectors=[1.0] * 2 * count, vectors_per_class=[1, count - 1], coefficients=[1.0] * count)
    with pytest.raises(GraphRefused, match="too much for each row"):
        check_graph(many.SerializeToString())


def test_a_tree_that_reads_outside_its_table_is_loaded_by_onnxruntime_and_refused_here() -> None:
    content = stump(nodes_featureids=[1_000_000, 0, 0]).SerializeToString()
    onnxruntime.InferenceSession(content)
    with pytest.raises(GraphRefused, match="out of range"):
        check_graph(content)


def test_a_row_of_cells_is_counted() -> None:
    checked = check_graph(model([node("Tile", "x t")], [constant("t", [1, 50])]).SerializeToString())
    assert checked.outputs["y"].shape == (ROWS, 100)
    assert checked.cells_a_row == 100
    assert STUMP.keys() != NEW_STUMP.keys()
