"""The check of an ONNX graph as data, before a session is made of it: a graph is no program here.

A graph has operators from a list (`graph_rules/`), no control flow, no functions, no nested graphs and no external
data. Every shape is computed, so that a few bytes cannot ask for gigabytes, and no index of a tree or a table leads
outside. model_server checks a graph at admission, and each replica checks it again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from changeover.onnx_twin.exceptions import GraphRefused
from changeover.onnx_twin.graph_rules import layout_operators, ml_operators, standard_operators
from changeover.onnx_twin.graph_rules.node import Node
from changeover.onnx_twin.graph_rules.tensors import value_of
from changeover.onnx_twin.graph_rules.values import MOST_DIMENSIONS, ROWS, Dim, Value, cells
from changeover.onnx_twin.graph_rules.wire import check_encoding
from changeover.onnx_twin.model_message import model_message

LARGEST: Final = 256 * 1024**2  # bytes
ML: Final = "ai.onnx.ml"
MOST_NODES: Final = 20_000
MOST_INPUTS: Final = 10_000
MOST_OUTPUTS: Final = 16
MOST_CELLS_A_ROW: Final = 2_000_000  # of all values together
MOST_CONSTANT_CELLS: Final = 8_000_000  # of all values that no input changes, beside the constants in the file
MOST_WORK_A_ROW: Final = 50_000_000  # multiplications and comparisons: about 25 ms
LONGEST_NAME: Final = 1_000
_IR_VERSIONS: Final = range(3, 14)
_OPERATOR_SETS: Final = {"": range(7, 27), ML: range(1, 6)}
_RULES: Final = {"": standard_operators.RULES | layout_operators.RULES, ML: ml_operators.RULES}


@dataclass(frozen=True)
class CheckedGraph:
    """A graph that passed: the `onnx.ModelProto`, the shapes of its outputs, and the cells that a row needs."""

    model: Any
    outputs: Mapping[str, Value]
    cells_a_row: int


def check_graph(content: bytes, largest: int = LARGEST) -> CheckedGraph:
    """Read the bytes of an ONNX model as data; raises GraphRefused naming the rule that it breaks."""
    from google.protobuf.message import DecodeError

    if len(content) > largest:
        raise GraphRefused(f"the graph has {len(content)} bytes, at most {largest} are taken")
    check_encoding(content)
    try:
        model = model_message().FromString(content)
    except DecodeError as error:
        raise GraphRefused(f"the graph is no ONNX model: {error}") from error
    if model.ir_version not in _IR_VERSIONS:
        raise GraphRefused(f"the graph has the version {model.ir_version} of ONNX's file format, which is not taken")
    return _Walk(_operator_sets(model.opset_import)).walked(model)


def _operator_sets(imported: Sequence[Any]) -> dict[str, int]:
    versions: dict[str, int] = {}
    for entry in imported:
        domain = _plain(entry.domain)
        if domain not in _OPERATOR_SETS:
            raise GraphRefused(f"the graph uses operators of {entry.domain[:100]!r}: only ONNX's own are taken")
        # skl2onnx repeats an entry
        if versions.setdefault(domain, entry.version) != entry.version:
            raise GraphRefused(f"the graph uses two versions of the operators of {domain or 'ai.onnx'!r}")
    return versions


def _plain(domain: str) -> str:
    return "" if domain == "ai.onnx" else domain


class _Walk:
    """One walk over the nodes of a graph, in order, with the value of each name."""

    def __init__(self, versions: Mapping[str, int]) -> None:
        self._versions = versions
        self._values: dict[str, Value] = {}
        self._cells = {True: 0, False: 0}  # by row, and of constants
        self._work = {True: 0, False: 0}

    def walked(self, model: Any) -> CheckedGraph:
        """The graph of `model`, checked."""
        graph = model.graph
        if len(graph.node) > MOST_NODES or len(graph.input) > MOST_INPUTS:
            raise GraphRefused(f"the graph has {len(graph.node)} nodes and {len(graph.input)} inputs")
        if not 0 < len(graph.output) <= MOST_OUTPUTS:
            raise GraphRefused(f"the graph has {len(graph.output)} outputs")
        for tensor in graph.initializer:
            self._define(tensor.name, value_of(tensor))
        for entry in graph.input:
            if entry.name not in self._values:  # older files list constants as inputs, too
                self._define(entry.name, _input(entry))
        for node in graph.node:
            self._apply(node)
        outputs = {entry.name: self._value(entry.name) for entry in graph.output}
        if len(outputs) != len(graph.output):
            raise GraphRefused("the graph has an output twice")
        return CheckedGraph(model, outputs, self._cells[True])

    def _apply(self, proto: Any) -> None:
        domain = _plain(proto.domain)
        rule = _RULES.get(domain, {}).get(proto.op_type)
        if rule is None:
            raise GraphRefused(
                f"the graph has the operator {proto.op_type[:100]!r} of {proto.domain[:100] or 'ai.onnx'!r}"
            )
        version = self._versions.get(domain, 0)
        if version not in _OPERATOR_SETS[domain]:
            raise GraphRefused(f"the graph uses version {version} of the operators of {domain or 'ai.onnx'!r}")
        node = Node(proto, [self._value(name) if name else None for name in proto.input])
        values = rule(node)
        node.check(0 < node.outputs <= len(values), f"has {node.outputs} outputs")
        by_row = False
        for name, value in zip(proto.output, values, strict=False):
            size = cells(value.shape)
            by_row = by_row or size.by_row
            self._cells[size.by_row] += max(1, size.number)
            if name:
                self._define(name, value)
        self._work[by_row] += node.work
        self._cells[True] += node.cells
        if self._cells[True] > MOST_CELLS_A_ROW or self._work[True] > MOST_WORK_A_ROW:
            raise GraphRefused("the graph computes too much for each row")
        if self._cells[False] > MOST_CONSTANT_CELLS or self._work[False] > 10 * MOST_WORK_A_ROW:
            raise GraphRefused("the graph computes too much from its constants")

    def _define(self, name: str, value: Value) -> None:
        if not name or len(name) > LONGEST_NAME or name in self._values:
            raise GraphRefused(f"the graph defines {name[:100]!r} twice, or has an unusable name")
        if len(value.shape) > MOST_DIMENSIONS:
            raise GraphRefused(f"the value {name[:100]!r} has {len(value.shape)} dimensions")
        self._values[name] = value

    def _value(self, name: str) -> Value:
        value = self._values.get(name)
        if value is None:
            raise GraphRefused(f"the graph uses {name[:100]!r} before it is computed")
        return value


def _input(entry: Any) -> Value:
    """The value of an input: a table with a row for each row of a request."""
    name = entry.name[:100]
    if not entry.type.HasField("tensor_type") or not entry.type.tensor_type.HasField("shape"):
        raise GraphRefused(f"the input {name!r} is no tensor of a given shape")
    dims = entry.type.tensor_type.shape.dim
    if not 1 <= len(dims) <= 2:
        raise GraphRefused(f"the input {name!r} has {len(dims)} dimensions: one or two were expected")
    if dims[0].HasField("dim_value"):
        raise GraphRefused(
            f"the input {name!r} takes {dims[0].dim_value} rows: export the model for any number of rows"
        )
    shape: list[Dim] = [ROWS]
    for dim in dims[1:]:
        if not dim.HasField("dim_value") or not 0 < dim.dim_value <= MOST_CELLS_A_ROW:
            raise GraphRefused(f"the input {name!r} has no fixed number of columns")
        shape.append(dim.dim_value)
    return Value(tuple(shape))
