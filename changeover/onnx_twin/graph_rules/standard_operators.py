"""The operators of ONNX itself that a graph may have, and the shapes of their outputs."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from changeover.onnx_twin.graph_rules.node import Node, Rule
from changeover.onnx_twin.graph_rules.tensors import INTEGERS
from changeover.onnx_twin.graph_rules.values import (
    LARGEST_NATURAL,
    Rows,
    Value,
    axis_of,
    broadcast,
    cells,
    fixed,
    without,
)


def _same(node: Node) -> Sequence[Value]:
    """The shape of the first input."""
    node.count(1, 3)
    return [Value(node.input(0).shape)]


def _identity(node: Node) -> Sequence[Value]:
    node.count(1, 1)
    return [node.input(0)]


def _cast(node: Node) -> Sequence[Value]:
    node.count(1, 1)
    value = node.input(0)
    exact = node.integer("to") in INTEGERS and all(
        isinstance(dim, Rows) or abs(dim) < LARGEST_NATURAL for dim in value.known or ()
    )
    return [replace(value, known=value.known if exact else None)]


def _broadcast(node: Node) -> Sequence[Value]:
    return [Value(broadcast([value.shape for value in node.inputs()]))]


def _product(node: Node) -> Sequence[Value]:
    node.count(2, 2)
    first, second = node.input(0).shape, node.input(1).shape
    node.check(2 in (len(first), len(second)) and {len(first), len(second)} <= {1, 2}, "multiplies no matrices")
    inner = second[0]
    node.check(first[-1] == inner, "multiplies what does not fit")
    shape = first[:-1] + second[1:]
    node.work = cells(shape).number * fixed(inner, "a product of matrices")
    return [Value(shape)]


def _gemm(node: Node) -> Sequence[Value]:
    node.count(2, 3)
    first, second = node.input(0).shape, node.input(1).shape
    node.check(len(first) == len(second) == 2, "multiplies no matrices")
    first = first[::-1] if node.integer("transA", 0) else first
    second = second[::-1] if node.integer("transB", 0) else second
    node.check(first[1] == second[0], "multiplies what does not fit")
    shape = (first[0], second[1])
    if node.has_input(2):
        node.check(broadcast([shape, node.input(2).shape]) == shape, "adds what does not fit")
    node.work = cells(shape).number * fixed(first[1], "a product of matrices")
    return [Value(shape)]


def _reduced(node: Node) -> Sequence[Value]:
    node.count(1, 2)
    shape = node.input(0).shape
    axes = node.listed("axes", 1)
    if not axes:
        axes = [] if axes is not None and node.integer("noop_with_empty_axes", 0) else list(range(len(shape)))
    node.work = cells(shape).number
    return [Value(without(shape, axes, keep=bool(node.integer("keepdims", 1))))]


def _index_of(node: Node) -> Sequence[Value]:
    """ArgMax, ArgMin."""
    node.count(1, 1)
    shape = node.input(0).shape
    node.work = cells(shape).number
    shape = without(shape, [node.integer("axis", 0)], keep=bool(node.integer("keepdims", 1)))
    return [Value(shape, natural=True)]


def _top(node: Node) -> Sequence[Value]:
    node.count(2, 2)
    shape = list(node.input(0).shape)
    axis = axis_of(node.integer("axis", -1), len(shape))
    counts = node.constants(1)
    node.check(len(counts) == 1 and 0 < counts[0] <= fixed(shape[axis], "the axis of a TopK"), "takes too many")
    node.work = 32 * cells(shape).number
    shape[axis] = counts[0]
    return [Value(tuple(shape)), Value(tuple(shape), natural=True)]


def _all(names: str, rule: Rule) -> dict[str, Rule]:
    return dict.fromkeys(names.split(), rule)


RULES: Final[dict[str, Rule]] = {
    **_all("Abs Ceil Cos Erf Exp Floor IsInf IsNaN Log Neg Not Reciprocal Round Sign Sin Sqrt", _same),
    **_all("Clip CumSum Elu HardSigmoid LeakyRelu LogSoftmax LpNormalization Relu Selu Sigmoid", _same),
    **_all("Softmax Softplus Softsign Tanh ThresholdedRelu", _same),
    **_all("Add And Div Equal Greater GreaterOrEqual Less LessOrEqual Max Mean Min Mod Mul Or Pow", _broadcast),
    **_all("Sub Sum Where Xor", _broadcast),
    **_all("ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd", _reduced),
    **_all("ReduceSum ReduceSumSquare", _reduced),
    **_all("ArgMax ArgMin", _index_of),
    "Cast": _cast,
    "Gemm": _gemm,
    "Identity": _identity,
    "MatMul": _product,
    "TopK": _top,
}
