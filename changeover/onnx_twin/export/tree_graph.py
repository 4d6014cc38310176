"""The graph of an ensemble of trees: the sum over the leaves, and the function of it that is the answer."""

from typing import Any

import numpy as np

from changeover.onnx_twin.export import tree_ensemble_node
from changeover.onnx_twin.export.ensembles import ensemble_of
from changeover.onnx_twin.export.graph_builder import DOUBLE, FLOAT, Nodes
from changeover.onnx_twin.export.tree_arrays import Ensemble, Link


def trees(scope: Any, operator: Any, container: Any) -> None:
    """The converter of a model of trees, as skl2onnx calls it."""
    model, nodes = operator.raw_operator, Nodes(scope, container)
    ensemble = ensemble_of(model)
    outputs = [output.full_name for output in operator.outputs]
    if ensemble.classes is None:
        _answer(nodes, ensemble, operator.inputs[0].full_name, outputs[0])
        return
    _answer(nodes, ensemble, operator.inputs[0].full_name, outputs[1])
    best = nodes.add("ArgMax", outputs[1], axis=1, keepdims=0)
    labels = model.classes_ if model.classes_.dtype.kind in "iuUO" else model.classes_.astype(np.int64)
    nodes.add("Gather", nodes.constant(labels), best, into=outputs[0], axis=0)


def _answer(nodes: Nodes, ensemble: Ensemble, tensor: str, into: str) -> None:
    values = nodes.cast(tensor, DOUBLE)
    if ensemble.float32:
        values = nodes.cast(values, FLOAT)
        values = values if ensemble.single else nodes.cast(values, DOUBLE)
    attributes = tree_ensemble_node.attributes(ensemble)
    total = nodes.add(tree_ensemble_node.OPERATOR, values, domain=tree_ensemble_node.DOMAIN, **attributes)
    if ensemble.single:
        _linked_in_float32(nodes, ensemble.link, total, into)
        return
    if ensemble.divisor is not None:
        total = nodes.add("Div", total, nodes.constant(ensemble.divisor))
    if ensemble.base is not None:
        total = nodes.add("Add", total, nodes.constant(ensemble.base[None, :]))
    if ensemble.scale is not None:
        total = nodes.add("Mul", total, nodes.constant(ensemble.scale))
    if ensemble.link is Link.NONE:
        nodes.add("Identity", total, into=into)
    elif ensemble.link is Link.EXP:
        nodes.add("Exp", total, into=into)
    elif ensemble.link is Link.SOFTMAX:
        nodes.add("Softmax", total, into=into, axis=1)
    else:
        second = nodes.add("Sigmoid", total) if ensemble.link is Link.SIGMOID else total
        first = nodes.add("Sub", nodes.constant(1.0), second)
        nodes.add("Concat", first, second, into=into, axis=1)


def _linked_in_float32(nodes: Nodes, link: Link, total: str, into: str) -> None:
    """The same for float32 sums, with every step rounded as xgboost rounds it; powers are exact before that."""
    one = nodes.cast(nodes.constant(1.0), FLOAT)
    if link is Link.NONE:
        answer = total
    elif link is Link.EXP:
        answer = _power(nodes, total)
    elif link is Link.SIGMOID:
        second = nodes.add("Div", one, nodes.add("Add", one, _power(nodes, nodes.add("Neg", total))))
        answer = nodes.add("Concat", nodes.add("Sub", one, second), second, axis=1)
    else:
        along = nodes.constant(np.array([1], dtype=np.int64))
        largest = nodes.add("ReduceMax", total, along, keepdims=1)
        powers = _power(nodes, nodes.add("Sub", total, largest))
        summed = nodes.add("ReduceSum", nodes.cast(powers, DOUBLE), along, keepdims=1)
        answer = nodes.add("Div", powers, nodes.cast(summed, FLOAT))
    nodes.cast(answer, DOUBLE, into=into)


def _power(nodes: Nodes, exponent: str) -> str:
    return nodes.cast(nodes.add("Exp", nodes.cast(exponent, DOUBLE)), FLOAT)
