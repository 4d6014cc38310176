"""The signature of an ONNX model: its columns, and the meaning of its outputs, from the graph alone.

Inputs, as skl2onnx and onnxmltools write them: one table of k columns, or one input for each column. Outputs: one of
numbers for a regressor; labels and probabilities for a classifier, these as a table or as maps (`ZipMap`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from changeover.exceptions import InvalidSchema
from changeover.json_types import Json
from changeover.onnx_model.exceptions import NoSignature
from changeover.onnx_twin.graph_check import CheckedGraph
from changeover.onnx_twin.graph_rules.tensors import array_of, length_of
from changeover.schema.cell_parsers import ColumnType
from changeover.schema.schema import Column, Schema

FLOAT, INT32, INT64, STRING, BOOLEAN, DOUBLE = 1, 6, 7, 8, 9, 11
_TYPES: Final = {
    FLOAT: ColumnType.NUMBER,
    DOUBLE: ColumnType.NUMBER,
    INT32: ColumnType.INTEGER,
    INT64: ColumnType.INTEGER,
    STRING: ColumnType.STRING,
    BOOLEAN: ColumnType.BOOLEAN,
}
_MOST_CLASSES: Final = 100_000
_NUMBERS: Final = (FLOAT, DOUBLE)
_LABELS: Final = (INT64, STRING)
_EXPORT: Final = "export it with skl2onnx.to_onnx(model, X[:1], options={'zipmap': False})"


@dataclass(frozen=True)
class Input:
    """An input of the graph: its ONNX type, and its width (None: one dimension, which are the rows)."""

    name: str
    kind: int
    width: int | None

    @property
    def columns(self) -> int:
        """The number of columns."""
        return 1 if self.width is None else self.width


@dataclass(frozen=True)
class Signature:
    """What a graph takes and gives: `labels` and `scores` are names of outputs, `classes` those of the scores.

    `maps`: the scores are a map for each row.
    """

    inputs: tuple[Input, ...]
    labels: str | None
    scores: str | None
    classes: list[Json] | None
    maps: bool
    cells_a_row: int

    @property
    def kind(self) -> str:
        """The kind of estimator, as in a manifest."""
        return "regressor" if self.labels is None else "classifier"


def signature_of(checked: CheckedGraph) -> Signature:
    """The signature of a checked graph; raises NoSignature."""
    graph = checked.model.graph
    constants = {tensor.name for tensor in graph.initializer}
    inputs = tuple(_input(entry) for entry in graph.input if entry.name not in constants)
    if not inputs:
        raise NoSignature("the graph has no inputs")
    outputs = list(graph.output)
    tables = [entry for entry in outputs if not checked.outputs[entry.name].maps]
    labels = [entry.name for entry in tables if entry.type.tensor_type.elem_type in _LABELS]
    scores = [entry.name for entry in outputs if entry.name not in labels]
    if len(labels) > 1 or len(scores) > 1:
        names = ", ".join(entry.name[:40] for entry in outputs)
        raise NoSignature(f"the graph has the outputs {names}: labels and one table were expected; {_EXPORT}")
    for name in labels:
        _check_one_a_row(checked, name)
    if not scores:
        return Signature(inputs, labels[0], None, None, maps=False, cells_a_row=checked.cells_a_row)
    maps = checked.outputs[scores[0]].maps
    if not maps:
        _check_numbers(checked, outputs, scores[0])
    if not labels:
        if maps:
            raise NoSignature(f"the graph gives maps without labels; {_EXPORT}")
        return Signature(inputs, None, scores[0], None, maps=False, cells_a_row=checked.cells_a_row)
    classes = _classes(graph, scores[0], labels[0], None if maps else _width(checked, scores[0]))
    return Signature(inputs, labels[0], scores[0], classes, maps, checked.cells_a_row)


def schema_of(signature: Signature, *, nullable: bool = False) -> Schema:
    """The schema: `x0`, `x1`, ... for one table, the inputs' names for inputs of one column. Raises InvalidSchema."""
    columns: list[Column] = []
    alone = len(signature.inputs) == 1
    for entry in signature.inputs:
        names = [entry.name] if entry.columns == 1 else _numbered("x" if alone else f"{entry.name}_", entry.columns)
        kind = _TYPES[entry.kind]
        columns += [Column(name, kind, nullable and entry.kind in _NUMBERS) for name in names]
    return Schema(tuple(columns))


def check_schema(signature: Signature, schema: Schema) -> None:
    """Check a publisher's schema, whose columns are in the order of the graph's; raises InvalidSchema."""
    own = schema_of(signature)
    if len(own.columns) != len(schema.columns):
        raise InvalidSchema(f"the graph takes {len(own.columns)} columns, the schema has {len(schema.columns)}")
    for wanted, column in zip(own.columns, schema.columns, strict=True):
        numeric = wanted.type is ColumnType.NUMBER and column.type in (ColumnType.INTEGER, ColumnType.BOOLEAN)
        if column.type is not wanted.type and not numeric:
            raise InvalidSchema(f"column {column.name!r} is {column.type.value}, the graph takes {wanted.type.value}")
        if column.nullable and wanted.type is not ColumnType.NUMBER:
            raise InvalidSchema(f"column {column.name!r} is nullable, and its input in the graph has no missing values")


def _numbered(prefix: str, count: int) -> list[str]:
    return [f"{prefix}{index}" for index in range(count)]


def _input(entry: Any) -> Input:
    tensor = entry.type.tensor_type
    if tensor.elem_type not in _TYPES:
        raise NoSignature(
            f"the input {entry.name[:100]!r} has the ONNX type {tensor.elem_type}, which rows do not have"
        )
    dims = tensor.shape.dim
    return Input(entry.name, tensor.elem_type, dims[1].dim_value if len(dims) > 1 else None)


def _width(checked: CheckedGraph, name: str) -> int:
    shape = checked.outputs[name].shape
    if len(shape) not in (1, 2) or isinstance(shape[0], int) or shape[0].times != 1:
        raise NoSignature(f"the output {name[:100]!r} has not one entry for each row")
    width = shape[1] if len(shape) == 2 else 1
    if not isinstance(width, int):
        raise NoSignature(f"the output {name[:100]!r} has not one entry for each row")
    return width


def _check_one_a_row(checked: CheckedGraph, name: str) -> None:
    if _width(checked, name) != 1:
        raise NoSignature(f"the output {name[:100]!r} has several labels for each row: publish one model for each")


def _check_numbers(checked: CheckedGraph, outputs: Sequence[Any], name: str) -> None:
    _width(checked, name)
    (entry,) = (entry for entry in outputs if entry.name == name)
    if entry.type.tensor_type.elem_type not in _NUMBERS:
        raise NoSignature(f"the output {name[:100]!r} is neither of labels nor of numbers; {_EXPORT}")


def _classes(graph: Any, scores: str, labels: str, width: int | None) -> list[Json]:
    """The classes in the order of the scores: from the maps, from a classifier node, or from the labels' table."""
    makers = {name: node for node in graph.node for name in node.output}
    for node in (*_behind(makers, scores), *_behind(makers, labels)):
        classes = _listed(node)
        if classes and (width is None or len(classes) == width):
            return classes
    for node in _behind(makers, labels):
        if node.op_type in ("ArrayFeatureExtractor", "Gather"):
            for tensor in graph.initializer:
                if tensor.name == node.input[0] and (classes := _table(tensor)) and len(classes) in (width, 1):
                    return classes
    raise NoSignature(f"the graph does not say what its {width or ''} classes are; {_EXPORT}")


def _behind(makers: Mapping[str, Any], name: str) -> Iterator[Any]:
    """The nodes that an output comes from by its first inputs, the last one first."""
    seen: set[str] = set()
    while name in makers and name not in seen:
        seen.add(name)
        node = makers[name]
        yield node
        if not node.input:
            return
        name = node.input[0]


def _listed(node: Any) -> list[Json] | None:
    """The labels that a node lists."""
    for attribute in node.attribute:
        if attribute.name == "classlabels_strings" and attribute.strings:
            return [text.decode("utf-8", "replace") for text in attribute.strings]
        if attribute.name in ("classlabels_ints", "classlabels_int64s") and attribute.ints:
            return list(attribute.ints)
    return None


def _table(tensor: Any) -> list[Json]:
    if length_of(tensor) > _MOST_CLASSES:
        return []
    if tensor.data_type == STRING:
        return [text.decode("utf-8", "replace") for text in tensor.string_data]
    return [*array_of(tensor).reshape(-1).tolist()]


def takes_missing(graph: Any) -> bool:
    """Whether the graph has nodes for missing numbers: imputers, or trees that send them somewhere."""
    return any(
        node.op_type in ("Imputer", "IsNaN")
        or any(entry.name == "nodes_missing_value_tracks_true" and any(entry.ints) for entry in node.attribute)
        for node in graph.node
    )
