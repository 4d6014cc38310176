"""The final steps of an export: one output, no unused node, schema order of columns, description, linear map."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from changeover.onnx_twin.description import KEY, NUMBERS, TEXTS, Description, ScoreKind
from changeover.onnx_twin.exceptions import NoTwin
from changeover.onnx_twin.export import tree_ensemble_node
from changeover.onnx_twin.export.fold import linear_map_of
from changeover.onnx_twin.export.graph_builder import DOUBLE
from changeover.onnx_twin.linear_map import LINEAR_KEY

_IR_VERSION: Final = 10
_FITTED: Final = "_as_fitted"


def finished(model: Any, description: Description, orders: Mapping[str, Sequence[int]]) -> bytes:
    """The graph as bytes; `places` are the indices of the fitted columns in each input tensor."""
    graph = model.graph
    wanted = graph.output[0 if description.scores is ScoreKind.VALUES else 1]
    if not wanted.type.HasField("tensor_type"):
        raise NoTwin("the converted graph gives no table of scores")
    wanted.type.tensor_type.elem_type = DOUBLE  # skl2onnx infers it from the first column alone
    _keep_one_output(graph, wanted.name)
    for name, order in orders.items():
        _reorder(graph, name, list(order))
    if any(node.op_type == tree_ensemble_node.OPERATOR for node in graph.node):
        _lift(model)
    model.ir_version = _IR_VERSION
    del model.metadata_props[:]
    metadata = {KEY: description.to_text()}
    if linear := linear_map_of(graph, len(orders[NUMBERS]), len(orders[TEXTS])):
        metadata[LINEAR_KEY] = linear.to_text()
    for key, value in metadata.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    written: bytes = model.SerializeToString(deterministic=True)
    return written


def _keep_one_output(graph: Any, name: str) -> None:
    """Drop the other outputs and then, from the end, every unused node and constant."""
    kept = [output for output in graph.output if output.name == name]
    del graph.output[:]
    graph.output.extend(kept)
    needed = {name}
    nodes = []
    for node in reversed(graph.node):
        if needed.intersection(node.output):
            nodes.append(node)
            needed.update(node.input)
    nodes.reverse()
    constants = [constant for constant in graph.initializer if constant.name in needed]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(nodes)
    graph.initializer.extend(constants)


def _reorder(graph: Any, name: str, order: list[int]) -> None:
    """Reorder the graph's input columns from the order of the fit to that of the schema."""
    from onnx import helper, numpy_helper

    if order == sorted(order):
        return
    for node in graph.node:
        for index, input_name in enumerate(node.input):
            if input_name == name:
                node.input[index] = name + _FITTED
    graph.initializer.append(numpy_helper.from_array(np.array(order, dtype=np.int64), f"{name}_order"))
    graph.node.insert(0, helper.make_node("Gather", [name, f"{name}_order"], [name + _FITTED], axis=1))


def _lift(model: Any) -> None:
    """Declare the version of ai.onnx.ml with TreeEnsemble; its older operators are unchanged."""
    for entry in model.opset_import:
        if entry.domain == tree_ensemble_node.DOMAIN:
            entry.version = tree_ensemble_node.VERSION
            return
    entry = model.opset_import.add()
    entry.domain, entry.version = tree_ensemble_node.DOMAIN, tree_ensemble_node.VERSION
