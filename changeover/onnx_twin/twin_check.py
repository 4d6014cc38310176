"""The check of an ONNX twin as data: its graph, its description and its linear map must fit the schema and each other.

The runner that made a twin has run the artifact's code, so that its bytes are a stranger's: model_server checks them
at admission, and each replica checks them before it makes a session.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from changeover.onnx_twin.description import KEY, NUMBERS, TEXTS, Description, ScoreKind
from changeover.onnx_twin.exceptions import GraphRefused, NoTwin
from changeover.onnx_twin.graph_check import CheckedGraph, check_graph
from changeover.onnx_twin.graph_rules.values import ROWS, Value
from changeover.onnx_twin.linear_map import LINEAR_KEY, LinearMap, Link
from changeover.request.tensors import layout
from changeover.schema.schema import Schema

MOST_METADATA: Final = 16 * 1024**2  # bytes; a linear map of 50 000 numbers has 1 MB
_DOUBLE, _STRING = 11, 8
_ELEMENTS: Final = {NUMBERS: _DOUBLE, TEXTS: _STRING}


@dataclass(frozen=True)
class CheckedTwin:
    """A twin that passed: its graph, the meaning of its scores, and its linear map, if it has one."""

    graph: CheckedGraph
    description: Description
    linear: LinearMap | None

    @property
    def inputs(self) -> frozenset[str]:
        """The names of the graph's inputs."""
        return frozenset(entry.name for entry in self.graph.model.graph.input)


def check_twin(content: bytes, schema: Schema) -> CheckedTwin:
    """Check the bytes of a twin for the columns of `schema`; raises NoTwin, or GraphRefused."""
    graph = check_graph(content)
    numbers, texts = map(len, layout(schema))
    metadata = _metadata(graph.model)
    description = Description.from_text(metadata.get(KEY, ""))
    _check_inputs(graph.model, {NUMBERS: numbers, TEXTS: texts})
    outputs = list(graph.outputs.values())
    if len(outputs) != 1:
        raise GraphRefused(f"the twin has {len(outputs)} outputs: one was expected")
    _check_description(description, _width(outputs[0]))
    linear = None
    if LINEAR_KEY in metadata:
        linear = LinearMap.from_text(metadata[LINEAR_KEY], numbers, texts)
        _check_description(description, 2 if linear.link is Link.SIGMOID else linear.width)
    return CheckedTwin(graph, description, linear)


def _metadata(model: Any) -> dict[str, str]:
    if sum(len(entry.value) for entry in model.metadata_props) > MOST_METADATA:
        raise GraphRefused("the twin's metadata is too long")
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    if len(metadata) != len(model.metadata_props):
        raise GraphRefused("the twin has an entry of its metadata twice")
    return metadata


def _check_inputs(model: Any, widths: Mapping[str, int]) -> None:
    for entry in model.graph.input:
        tensor = entry.type.tensor_type
        shape = [dim.dim_value for dim in tensor.shape.dim]
        if entry.name not in widths or shape[1:] != [widths[entry.name]]:
            raise NoTwin(f"the twin takes {entry.name[:100]!r} of shape {shape}, the schema has {dict(widths)}")
        if tensor.elem_type != _ELEMENTS[entry.name]:
            raise GraphRefused(f"the twin takes {entry.name!r} with another type of numbers")


def _width(output: Value) -> int:
    """The number of scores of a row."""
    if output.maps or output.shape[:1] != (ROWS,) or len(output.shape) > 2:
        raise GraphRefused("the twin's output is no table with a row for each row of a request")
    width = output.shape[1] if len(output.shape) == 2 else 1
    if not isinstance(width, int) or width < 1:
        raise GraphRefused("the twin's output has no fixed width")
    return width


def _check_description(description: Description, width: int) -> None:
    """Check that each score has its class."""
    classes, threshold = description.classes, description.threshold
    if not 0.0 <= description.margin < math.inf:
        raise GraphRefused(f"the twin's margin is {description.margin}")
    if description.scores is ScoreKind.VALUES:
        if classes is not None or threshold is not None:
            raise GraphRefused("the twin gives numbers, and has classes")
        return
    labels = [*(classes or ()), *((threshold.positive, threshold.negative) if threshold else ())]
    if not all(isinstance(label, str | int | float) for label in labels):
        raise GraphRefused("a class of the twin is neither a string nor a number")
    binary = description.scores is ScoreKind.DECISIONS and width == 1
    if len(classes or ()) != (2 if binary else width):
        raise GraphRefused(f"the twin gives {width} scores for {len(classes or ())} classes")
    if threshold is not None and not 0 <= threshold.index < width:
        raise GraphRefused("the twin's threshold is on a score that is not there")
