"""The operators of ONNX that make constants, or change a value's shape and no number in it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from changeover.onnx_twin.graph_rules.node import Node, Rule
from changeover.onnx_twin.graph_rules.tensors import value_of
from changeover.onnx_twin.graph_rules.values import (
    LARGEST_NATURAL,
    MOST_DIMENSIONS,
    MOST_KNOWN,
    Dim,
    Rows,
    Shape,
    Value,
    as_dim,
    axis_of,
    broadcast,
    cells,
    divided,
    fixed,
    without,
)


def _constant(node: Node) -> Sequence[Value]:
    node.count(0, 0)
    if node.has("value"):
        return [value_of(node.raw_tensor("value"))]
    if node.has("value_int"):
        integer = node.integer("value_int")
        return [Value((), (integer,), natural=0 <= integer < LARGEST_NATURAL)]
    if node.has("value_ints"):
        integers = node.integers("value_ints").tolist()
        return [Value((len(integers),), tuple(integers[:MOST_KNOWN]) if len(integers) <= MOST_KNOWN else None)]
    for name in ("value_float", "value_string"):
        if node.has(name):
            return [Value(())]
    return [Value((node.length("value_floats", "value_strings"),))]


def _shape(node: Node) -> Sequence[Value]:
    node.count(1, 1)
    shape = node.input(0).shape
    start, end = node.integer("start", 0), node.integer("end", len(shape))
    part = shape[slice(start, end)]
    return [Value((len(part),), part)]


def _reshape(node: Node) -> Sequence[Value]:
    node.count(2, 2)
    value, wanted = node.input(0), list(node.known(1))
    node.check(len(wanted) <= MOST_DIMENSIONS and not node.integer("allowzero", 0), "has too many dimensions")
    for index, dim in enumerate(wanted):
        if dim == 0:
            node.check(index < len(value.shape), "copies a dimension that is not there")
            wanted[index] = value.shape[index]
    total, free = cells(value.shape), [index for index, dim in enumerate(wanted) if dim == -1]
    node.check(all(isinstance(dim, Rows) or dim >= -1 for dim in wanted) and len(free) <= 1, "has an unusable shape")
    if free:
        wanted[free[0]] = divided(total, cells(dim for dim in wanted if dim != -1))
    node.check(cells(wanted) == total, "has other cells than its input")
    return [replace(value, shape=tuple(wanted))]


def _flatten(node: Node) -> Sequence[Value]:
    node.count(1, 1)
    shape = node.input(0).shape
    axis = node.integer("axis", 1)
    axis = len(shape) if axis == len(shape) else axis_of(axis, len(shape))
    shape = (as_dim(cells(shape[:axis])), as_dim(cells(shape[axis:])))
    return [replace(node.input(0), shape=shape)]


def _squeeze(node: Node) -> Sequence[Value]:
    node.count(1, 2)
    value, axes = node.input(0), node.listed("axes", 1)
    shape = value.shape
    if axes is None:
        axes = [index for index, dim in enumerate(shape) if dim == 1]
        # a table of one row would lose that dimension, too
        node.check(not any(isinstance(dim, Rows) for dim in shape), "names no axes")
    node.check(all(shape[axis_of(axis, len(shape))] == 1 for axis in axes), "removes a dimension that is not 1")
    return [replace(value, shape=without(shape, axes, keep=False))]


def _unsqueeze(node: Node) -> Sequence[Value]:
    node.count(1, 2)
    value, axes = node.input(0), node.listed("axes", 1) or []
    rank = len(value.shape) + len(axes)
    node.check(rank <= MOST_DIMENSIONS, "has too many dimensions")
    added = {axis_of(axis, rank) for axis in axes}
    node.check(len(added) == len(axes), "adds an axis twice")
    rest = iter(value.shape)
    return [replace(value, shape=tuple(1 if index in added else next(rest) for index in range(rank)))]


def _transpose(node: Node) -> Sequence[Value]:
    node.count(1, 1)
    shape = node.input(0).shape
    order = node.integers("perm").tolist() if node.has("perm") else list(range(len(shape)))[::-1]
    node.check(sorted(order) == list(range(len(shape))), "has an unusable order")
    return [Value(tuple(shape[index] for index in order), natural=node.input(0).natural)]


def _concat(node: Node) -> Sequence[Value]:
    values = node.inputs()
    node.check(bool(values), "has no inputs")
    shape = list(values[0].shape)
    axis = axis_of(node.integer("axis"), len(shape))
    for value in values[1:]:
        other = list(value.shape)
        node.check(len(other) == len(shape) and _besides(other, axis) == _besides(shape, axis), "joins other shapes")
    shape[axis] = _total(node, [value.shape[axis] for value in values])
    known: tuple[Dim, ...] | None = None
    if len(shape) == 1 and all(value.known is not None for value in values):
        known = tuple(dim for value in values for dim in value.known or ())
        known = known if len(known) <= MOST_KNOWN else None
    return [Value(tuple(shape), known, natural=all(value.natural for value in values))]


def _besides(shape: Sequence[Dim], axis: int) -> list[Dim]:
    return [*shape[:axis], *shape[axis + 1 :]]


def _total(node: Node, dims: Sequence[Dim]) -> Dim:
    if all(isinstance(dim, Rows) for dim in dims):
        return Rows(sum(dim.times for dim in dims if isinstance(dim, Rows)))
    return sum(fixed(dim, f"one of the inputs of the {node.operator}") for dim in dims)


def _split(node: Node) -> Sequence[Value]:
    node.count(1, 2)
    shape = list(node.input(0).shape)
    axis = axis_of(node.integer("axis", 0), len(shape))
    whole = fixed(shape[axis], "the axis of a Split")
    sizes = node.listed("split", 1)
    if sizes is None:
        size = -(-whole // max(1, node.outputs))
        sizes = [min(size, whole - size * index) for index in range(node.outputs)]
    node.check(len(sizes) == node.outputs and min(sizes, default=0) >= 0 and sum(sizes) == whole, "does not add up")
    return [Value((*shape[:axis], size, *shape[axis + 1 :])) for size in sizes]


def _slice(node: Node) -> Sequence[Value]:
    node.count(1, 5)
    value = node.input(0)
    shape = list(value.shape)
    starts, ends = node.listed("starts", 1) or [], node.listed("ends", 2) or []
    axes = node.listed("axes", 3)
    axes = list(range(len(starts))) if axes is None else axes
    steps = (node.constants(4) if node.has_input(4) else None) or [1] * len(starts)
    node.check(len(starts) == len(ends) == len(axes) == len(steps) and all(steps), "has lists of other lengths")
    known = value.known
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        index = axis_of(axis, len(shape))
        part = slice(start, end, step)
        shape[index] = len(range(fixed(shape[index], "the axis of a Slice"))[part])
        known = known[part] if known is not None and len(shape) == 1 else None
    return [Value(tuple(shape), known, natural=value.natural)]


def _gather(node: Node) -> Sequence[Value]:
    node.count(2, 2)
    value, indices = node.input(0), node.input(1)
    axis = axis_of(node.integer("axis", 0), len(value.shape))
    shape = value.shape[:axis] + indices.shape + value.shape[axis + 1 :]
    known: tuple[Dim, ...] | None = None
    if value.known is not None and indices.known is not None and len(value.shape) == 1:
        length = len(value.known)
        chosen = [fixed(index, "an index of a Gather") for index in indices.known]
        node.check(all(-length <= index < length for index in chosen), "takes what is not there")
        known = tuple(value.known[index] for index in chosen)
    return [Value(shape, known, natural=value.natural)]


def _gather_elements(node: Node) -> Sequence[Value]:
    node.count(2, 2)
    value, indices = node.input(0), node.input(1)
    axis = axis_of(node.integer("axis", 0), len(value.shape))
    node.check(len(value.shape) == len(indices.shape), "has indices of another shape")
    node.check(_besides(value.shape, axis) == _besides(indices.shape, axis), "has indices of another shape")
    return [Value(indices.shape)]


def _expand(node: Node) -> Sequence[Value]:
    node.count(2, 2)
    return [Value(broadcast([node.input(0).shape, _wanted(node, 1)]))]


def _filled(node: Node) -> Sequence[Value]:
    """ConstantOfShape."""
    node.count(1, 1)
    node.check(not node.has("value") or node.length("value") == 1, "has more than one value")
    return [Value(_wanted(node, 0))]


def _tile(node: Node) -> Sequence[Value]:
    node.count(2, 2)
    shape, times = node.input(0).shape, _wanted(node, 1)
    node.check(len(shape) == len(times), "has another number of repeats")
    return [Value(tuple(as_dim(cells(pair)) for pair in zip(shape, times, strict=True)))]


def _wanted(node: Node, index: int) -> Shape:
    wanted = node.known(index)
    node.check(len(wanted) <= MOST_DIMENSIONS, "has too many dimensions")
    node.check(all(isinstance(dim, Rows) or dim >= 0 for dim in wanted), "has an unusable shape")
    return wanted


RULES: Final[dict[str, Rule]] = {
    "Concat": _concat,
    "Constant": _constant,
    "ConstantOfShape": _filled,
    "Expand": _expand,
    "Flatten": _flatten,
    "Gather": _gather,
    "GatherElements": _gather_elements,
    "Reshape": _reshape,
    "Shape": _shape,
    "Slice": _slice,
    "Split": _split,
    "Squeeze": _squeeze,
    "Tile": _tile,
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
}
