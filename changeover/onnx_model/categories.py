"""The categories of an ONNX model's string columns: those that its encoders list."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from changeover.onnx_model.signature import Input
from changeover.onnx_twin.graph_rules.tensors import array_of

_LISTS: Final = {"OneHotEncoder": "cats_strings", "LabelEncoder": "keys_strings"}
_SAME: Final = frozenset(("Cast", "Flatten", "Identity", "Reshape"))
_DEEPEST: Final = 50


def categories_of(graph: Any, inputs: Sequence[Input]) -> dict[int, list[str]]:
    """The listed strings of each column, by its position in the schema, where an encoder takes that column alone."""
    origins = _Origins(graph, inputs)
    categories: dict[int, list[str]] = {}
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.name == _LISTS.get(node.op_type) and attribute.strings:
                columns = origins.of(node.input[0])
                if columns is not None and len(columns) == 1:
                    texts = [text.decode("utf-8", "replace") for text in attribute.strings]
                    categories.setdefault(columns[0], list(dict.fromkeys(texts)))
    return categories


class _Origins:
    """The columns that a value consists of, if nodes only pass or select them."""

    def __init__(self, graph: Any, inputs: Sequence[Input]) -> None:
        self._makers: Mapping[str, Any] = {name: node for node in graph.node for name in node.output}
        self._constants: Mapping[str, Any] = {tensor.name: tensor for tensor in graph.initializer}
        self._inputs: dict[str, list[int]] = {}
        self._known: dict[str, list[int] | None] = {}  # else a few nodes would be followed millions of times
        start = 0
        for entry in inputs:
            self._inputs[entry.name] = list(range(start, start + entry.columns))
            start += entry.columns

    def of(self, name: str, depth: int = 0) -> list[int] | None:
        """The positions of the columns in a value; None if it is something else."""
        if name in self._inputs:
            return self._inputs[name]
        if name not in self._known:
            self._known[name] = self._traced(name, depth)
        return self._known[name]

    def _traced(self, name: str, depth: int) -> list[int] | None:
        node = self._makers.get(name)
        if node is None or depth > _DEEPEST:
            return None
        columns = self.of(node.input[0], depth + 1) if node.input else None
        if columns is None or node.op_type in _SAME:
            return columns
        if node.op_type == "Concat":
            parts = [self.of(part, depth + 1) for part in node.input]
            return None if None in parts else [column for part in parts for column in part or ()]
        if node.op_type in ("ArrayFeatureExtractor", "Gather") and node.input[1] in self._constants:
            chosen = array_of(self._constants[node.input[1]]).reshape(-1).tolist()
            return [columns[index] for index in chosen if -len(columns) <= index < len(columns)]
        return None
