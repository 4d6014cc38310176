"""Converters of steps that cut numbers into bins: at a bin's edge, they compare as scikit-learn does."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from sklearn.preprocessing import Binarizer, KBinsDiscretizer

from changeover.onnx_twin.exceptions import NoTwin
from changeover.onnx_twin.export.graph_builder import DOUBLE, FLOAT, Nodes

_LEAST: Final = float(np.finfo(np.float64).min)


def shape_of_binarizer(operator: Any) -> None:
    """The shape calculator of a Binarizer, as skl2onnx calls it."""
    _set_shape(operator, operator.raw_operator.n_features_in_)


def binarizer(scope: Any, operator: Any, container: Any) -> None:
    """The graph of a Binarizer: 1 above the threshold, 0 at it and below."""
    model: Binarizer = operator.raw_operator
    nodes = Nodes(scope, container)
    above = nodes.add("Greater", together(nodes, operator), nodes.constant(float(model.threshold)))
    nodes.cast(above, DOUBLE, into=operator.outputs[0].full_name)


def shape_of_bins(operator: Any) -> None:
    """The shape calculator of a KBinsDiscretizer, as skl2onnx calls it."""
    model = operator.raw_operator
    _set_shape(operator, model.n_features_in_ if model.encode == "ordinal" else int(sum(model.n_bins_)))


def bins(scope: Any, operator: Any, container: Any) -> None:
    """The graph of a KBinsDiscretizer in all its encodings: a number at an edge is in the bin above it.

    The outer edges do not count: the first and the last bin have no end. A bin's number is the count of inner edges at
    or below x.
    """
    model: KBinsDiscretizer = operator.raw_operator
    nodes = Nodes(scope, container)
    inner = [np.asarray(edges, dtype=np.float64)[1:-1] for edges in model.bin_edges_]
    if not any(map(len, inner)):
        raise NoTwin("a KBinsDiscretizer has one bin for each column")
    values = together(nodes, operator)
    if model.dtype is not None and np.dtype(model.dtype) == np.float32:
        values = nodes.cast(nodes.cast(values, FLOAT), DOUBLE)
    into = operator.outputs[0].full_name
    if model.encode == "ordinal":
        columns = _repeated(inner, 0)
        reached = _compared(nodes, "GreaterOrEqual", values, columns, np.concatenate(inner))
        counted = (columns[:, None] == np.arange(len(inner))).astype(np.float64)
        nodes.add("MatMul", nodes.cast(reached, DOUBLE), nodes.constant(counted), into=into)
        return
    columns = _repeated(inner, 1)
    lower = np.concatenate([[_LEAST, *edges] for edges in inner])
    upper = np.concatenate([[*edges, -_LEAST] for edges in inner])
    from_lower = _compared(nodes, "GreaterOrEqual", values, columns, lower)
    to_upper = _compared(nodes, "Less", values, columns, upper)
    nodes.cast(nodes.add("And", from_lower, to_upper), DOUBLE, into=into)


def _repeated(inner: Sequence[npt.NDArray[np.float64]], more: int) -> npt.NDArray[np.int64]:
    """The index of each column, once for each of its inner edges and `more` times."""
    return np.repeat(np.arange(len(inner), dtype=np.int64), [len(edges) + more for edges in inner])


def _compared(
    nodes: Nodes, operator: str, values: str, columns: npt.NDArray[np.int64], edges: npt.NDArray[np.float64]
) -> str:
    repeated = nodes.add("Gather", values, nodes.constant(columns), axis=1)
    return nodes.add(operator, repeated, nodes.constant(edges[None, :]))


def together(nodes: Nodes, operator: Any) -> str:
    """All inputs of a step as one tensor of float64."""
    if any("String" in type(tensor.type).__name__ for tensor in operator.inputs):
        raise NoTwin(f"a {type(operator.raw_operator).__name__} gets strings")
    parts = [nodes.cast(tensor.full_name, DOUBLE) for tensor in operator.inputs]
    return parts[0] if len(parts) == 1 else nodes.add("Concat", *parts, axis=1)


def _set_shape(operator: Any, width: int) -> None:
    from skl2onnx.common.data_types import DoubleTensorType

    operator.outputs[0].type = DoubleTensorType([operator.inputs[0].get_first_dimension(), width])
