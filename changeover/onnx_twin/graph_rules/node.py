"""One node of a graph, as the rules of operators read it: inputs as values, attributes by name."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from changeover.onnx_twin.exceptions import GraphRefused
from changeover.onnx_twin.graph_rules.tensors import Array, array_of, length_of
from changeover.onnx_twin.graph_rules.values import Dim, Value, fixed

FLOAT, INTEGER, TEXT, TENSOR, FLOATS, INTEGERS, TEXTS = 1, 2, 3, 4, 6, 7, 8
_KINDS: Final = {1: "f", 2: "i", 3: "s", 4: "t", 6: "floats", 7: "ints", 8: "strings"}
Ints = npt.NDArray[np.int64]


class Node:
    """A node; a property that the node has not, or of another type, raises GraphRefused."""

    def __init__(self, node: Any, inputs: Sequence[Value | None]) -> None:
        self.operator: str = node.op_type
        self.outputs = len(node.output)
        self.work = 0  # that the node does for each row, beyond one step for each cell of its outputs
        self.cells = 0  # that the node needs for each row, beside its outputs
        self._inputs = inputs
        self._attributes: Mapping[str, Any] = {attribute.name: attribute for attribute in node.attribute}
        if len(self._attributes) != len(node.attribute):
            raise self.refused("has an attribute twice")

    def refused(self, what: str) -> GraphRefused:
        """The error that this node causes."""
        return GraphRefused(f"the {self.operator} {what}")

    def check(self, condition: bool, what: str) -> None:
        """Raise GraphRefused unless `condition` holds."""
        if not condition:
            raise self.refused(what)

    def count(self, least: int, most: int) -> int:
        """The number of inputs, after a check."""
        self.check(least <= len(self._inputs) <= most, f"has {len(self._inputs)} inputs")
        return len(self._inputs)

    def has_input(self, index: int) -> bool:
        """Whether the node has this input."""
        return index < len(self._inputs) and self._inputs[index] is not None

    def input(self, index: int) -> Value:
        """An input."""
        value = self._inputs[index] if index < len(self._inputs) else None
        if value is None:
            raise self.refused(f"lacks its input {index}")
        self.check(not value.maps, "computes with maps")
        return value

    def inputs(self) -> list[Value]:
        """All inputs."""
        return [self.input(index) for index in range(len(self._inputs))]

    def has(self, name: str) -> bool:
        """Whether the node has this attribute."""
        return name in self._attributes

    def integer(self, name: str, default: int | None = None) -> int:
        """An integer."""
        if default is not None and name not in self._attributes:
            return default
        return int(self._read(name, INTEGER))

    def text(self, name: str, default: str = "") -> str:
        """A string."""
        return default if name not in self._attributes else bytes(self._read(name, TEXT)).decode("utf-8", "replace")

    def integers(self, name: str) -> Ints:
        """A list of integers; empty without the attribute."""
        return np.array(self._read(name, INTEGERS) if self.has(name) else [], dtype=np.int64)

    def texts(self, name: str) -> list[bytes]:
        """A list of strings; empty without the attribute."""
        return list(self._read(name, TEXTS)) if self.has(name) else []

    def length(self, *names: str) -> int:
        """The number of entries of the one of these lists or tensors that the node has, or 0."""
        present = [name for name in names if self.has(name)]
        self.check(len(present) <= 1, f"has more than one of {', '.join(names)}")
        if not present:
            return 0
        attribute = self._attributes[present[0]]
        if attribute.type == TENSOR:
            return length_of(attribute.t)
        self.check(attribute.type in (FLOATS, INTEGERS, TEXTS), f"has another type of {present[0]}")
        return len(getattr(attribute, _KINDS[attribute.type]))

    def tensor(self, name: str) -> Array:
        """The numbers of a tensor."""
        return array_of(self._read(name, TENSOR))

    def raw_tensor(self, name: str) -> Any:
        """A tensor, unchecked."""
        return self._read(name, TENSOR)

    def known(self, index: int) -> tuple[Dim, ...]:
        """The integers of an input that must be a constant or a shape."""
        known = self.input(index).known
        if known is None:
            raise self.refused(f"gets as its input {index} what is neither a constant nor a shape")
        return known

    def constants(self, index: int) -> list[int]:
        """The integers of an input that must be a constant."""
        return [fixed(dim, f"an input of the {self.operator}") for dim in self.known(index)]

    def listed(self, name: str, index: int) -> list[int] | None:
        """Integers that older operator sets have as an attribute and newer ones as an input; None without them."""
        if self.has(name):
            return [int(value) for value in self.integers(name)]
        return self.constants(index) if self.has_input(index) else None

    def _read(self, name: str, kind: int) -> Any:
        attribute = self._attributes.get(name)
        if attribute is None or attribute.type != kind:
            raise self.refused(f"lacks the attribute {name}, or has it with another type")
        return getattr(attribute, _KINDS[kind])


Rule = Callable[[Node], Sequence[Value]]  # the values of a node's outputs; raises GraphRefused
