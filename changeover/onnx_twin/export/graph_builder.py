"""The graph builder for our converters: adds float64 nodes to the graph that skl2onnx builds."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

FLOAT: Final = 1
INT64: Final = 7
STRING: Final = 8
BOOLEAN: Final = 9
DOUBLE: Final = 11
MAIN: Final = 19  # the opset: the first that can compare strings


class Nodes:
    """A builder of nodes with unique names; each call returns the name of the node's output."""

    def __init__(self, scope: Any, container: Any) -> None:
        self._scope = scope
        self._container = container

    def constant(self, values: npt.ArrayLike) -> str:
        """Add a constant of doubles, integers or strings, by the type of `values`."""
        array = np.asarray(values)
        name: str = self._scope.get_unique_variable_name("constant")
        if array.dtype.kind in "UO":
            kind, flat = STRING, [str(text).encode() for text in array.reshape(-1).tolist()]
        else:
            kind, flat = (INT64 if array.dtype.kind in "iu" else DOUBLE), array.reshape(-1).tolist()
        self._container.add_initializer(name, kind, list(array.shape), flat)
        return name

    def add(self, operator: str, *inputs: str, into: str | None = None, domain: str = "", **attributes: Any) -> str:
        """Add a node; its output is `into`, or a new name."""
        output: str = into or self._scope.get_unique_variable_name(operator.lower())
        self._container.add_node(
            operator,
            list(inputs),
            [output],
            op_domain=domain,
            op_version=3
            if domain
            else MAIN,  # skl2onnx supports no later ai.onnx.ml; `finish_graph.py` raises the version at the end
            name=self._scope.get_unique_operator_name(operator),
            **attributes,
        )
        return output

    def cast(self, value: str, kind: int, into: str | None = None) -> str:
        """Add a cast of `value` to another type."""
        return self.add("Cast", value, into=into, to=kind)
