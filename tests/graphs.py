"""Small ONNX graphs for tests, sound ones and forged ones."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

ML = "ai.onnx.ml"
Nodes = Sequence[onnx.NodeProto]


def constant(name: str, values: Any, kind: Any = np.int64) -> onnx.TensorProto:
    """An initializer."""
    return numpy_helper.from_array(np.asarray(values, dtype=kind), name)


def model(
    nodes: Nodes,
    constants: Sequence[onnx.TensorProto] = (),
    width: int | None = 2,
    rows: int | None = None,
    opsets: Sequence[tuple[str, int]] = (("", 18), (ML, 3)),
) -> onnx.ModelProto:
    """A model from the table `x`, of float32, to `y`."""
    graph = helper.make_graph(
        list(nodes),
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [rows, width])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        list(constants),
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid(*opset) for opset in opsets], ir_version=9)


def node(operator: str, inputs: str = "x", outputs: str = "y", domain: str = "", **attributes: Any) -> onnx.NodeProto:
    """A node; names are separated by blanks."""
    return helper.make_node(operator, inputs.split(), outputs.split(), domain=domain, **attributes)


STUMP: dict[str, Any] = {
    "n_targets": 1,
    "nodes_treeids": [0, 0, 0],
    "nodes_nodeids": [0, 1, 2],
    "nodes_featureids": [1, 0, 0],
    "nodes_modes": ["BRANCH_LEQ", "LEAF", "LEAF"],
    "nodes_values": [0.5, 0.0, 0.0],
    "nodes_truenodeids": [1, 0, 0],
    "nodes_falsenodeids": [2, 0, 0],
    "target_treeids": [0, 0],
    "target_nodeids": [1, 2],
    "target_ids": [0, 0],
    "target_weights": [1.0, 2.0],
}
NEW_STUMP: dict[str, Any] = {
    "n_targets": 1,
    "tree_roots": [0],
    "nodes_featureids": [1],
    "nodes_splits": constant("", [0.5], np.float32),
    "nodes_modes": constant("", [0], np.uint8),
    "nodes_truenodeids": [0],
    "nodes_trueleafs": [1],
    "nodes_falsenodeids": [1],
    "nodes_falseleafs": [1],
    "leaf_targetids": [0, 0],
    "leaf_weights": constant("", [1.0, 2.0], np.float32),
}


def stump(**changes: Any) -> onnx.ModelProto:
    """A tree of one branch in the older form, with some attributes changed."""
    return model([node("TreeEnsembleRegressor", domain=ML, **{**STUMP, **changes})])


def new_stump(**changes: Any) -> onnx.ModelProto:
    """A tree of one branch in the newer form, with some attributes changed."""
    return model([node("TreeEnsemble", domain=ML, **{**NEW_STUMP, **changes})], opsets=(("", 18), (ML, 5)))


def chain(depth: int) -> onnx.ModelProto:
    """A tree that is one path of `depth` branches."""
    inner = range(depth)
    return new_stump(
        nodes_featureids=[0] * depth,
        nodes_splits=constant("", [0.0] * depth, np.float32),
        nodes_modes=constant("", [0] * depth, np.uint8),
        nodes_truenodeids=[*inner[1:], 0],
        nodes_trueleafs=[0] * (depth - 1) + [1],
        nodes_falsenodeids=[1] * depth,
        nodes_falseleafs=[1] * depth,
    )
