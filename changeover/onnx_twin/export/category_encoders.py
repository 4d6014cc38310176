"""Converters of category encoders: graph nodes that compare each value with each category exactly.

A missing value is a category only if the encoder was fitted on one. Any other unknown value is no category.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from changeover.estimator.encoded import is_missing
from changeover.onnx_twin.exceptions import NoTwin
from changeover.onnx_twin.export.graph_builder import BOOLEAN, DOUBLE, Nodes
from changeover.request.tensors import MISSING_TEXT


def kept(model: Any) -> list[list[object]]:
    """The categories of each column that have an output column of a OneHotEncoder, in order."""
    if getattr(model, "_infrequent_enabled", False):
        raise NoTwin("a OneHotEncoder puts infrequent categories into one")
    dropped = model.drop_idx_ if model.drop_idx_ is not None else [None] * len(model.categories_)
    return [
        [value for index, value in enumerate(values.tolist()) if index != without]
        for values, without in zip(model.categories_, dropped, strict=True)
    ]


def one_hot(scope: Any, operator: Any, container: Any) -> None:
    """The graph of a OneHotEncoder: 1 if a value is the category, else 0."""
    nodes = Nodes(scope, container)
    parts, done = [], 0
    listed = kept(operator.raw_operator)
    for tensor in operator.inputs:
        width = tensor.get_second_dimension()
        hits = _hits(nodes, tensor, listed[done : done + width])
        if hits is not None:
            parts.append(nodes.cast(hits, DOUBLE))
        done += width
    if done != len(listed) or not parts:
        raise NoTwin("a OneHotEncoder gets other columns than it was fitted on")
    _joined(nodes, parts, operator.outputs[0].full_name)


def ordinal(scope: Any, operator: Any, container: Any) -> None:
    """The graph of an OrdinalEncoder: the index of a value's category; other values as the encoder defines."""
    model, nodes = operator.raw_operator, Nodes(scope, container)
    if getattr(model, "_infrequent_enabled", False):
        raise NoTwin("an OrdinalEncoder puts infrequent categories into one")
    listed = [values.tolist() for values in model.categories_]
    unknown = float("nan") if model.unknown_value is None else float(model.unknown_value)
    parts, done = [], 0
    for tensor in operator.inputs:
        width = tensor.get_second_dimension()
        categories = listed[done : done + width]
        hits = _hits(nodes, tensor, categories)
        if hits is None:
            raise NoTwin("an OrdinalEncoder has columns without categories")
        # indices count from 1, so that 0 is no category; a missing value is the last, with its own code
        numbered = np.zeros((sum(map(len, categories)), width))
        codes = np.full((1, width), -2.0)
        row = 0
        for column, values in enumerate(categories):
            for index, value in enumerate(values):
                numbered[row, column] = index + 1
                if is_missing(value):
                    codes[0, column] = index + 1
                row += 1
        number = nodes.add("MatMul", nodes.cast(hits, DOUBLE), nodes.constant(numbered))
        code = nodes.add("Sub", number, nodes.constant(1.0))
        if (codes > 0).any():
            missing = nodes.add("Equal", number, nodes.constant(codes))
            code = nodes.add("Where", missing, nodes.constant(float(model.encoded_missing_value)), code)
        none = nodes.add("Equal", number, nodes.constant(0.0))
        parts.append(nodes.add("Where", none, nodes.constant(unknown), code))
        done += width
    if done != len(listed):
        raise NoTwin("an OrdinalEncoder gets other columns than it was fitted on")
    _joined(nodes, parts, operator.outputs[0].full_name)


def _hits(nodes: Nodes, tensor: Any, listed: list[list[object]]) -> str | None:
    """Whether a row's value is the category, for all categories of all columns of one tensor, side by side."""
    flat = [value for values in listed for value in values]
    if not flat:
        return None
    columns = np.repeat(np.arange(len(listed), dtype=np.int64), [len(values) for values in listed])
    textual = "String" in type(tensor.type).__name__
    if any(isinstance(value, str) != textual and not is_missing(value) for value in flat):
        raise NoTwin("an encoder was fitted on strings and the schema has numbers, or the reverse")
    if textual:
        return _text_hits(nodes, tensor.full_name, columns, [MISSING_TEXT if is_missing(v) else str(v) for v in flat])
    gaps = np.array([is_missing(value) for value in flat])
    repeated = nodes.add("Gather", tensor.full_name, nodes.constant(columns), axis=1)
    hits = nodes.add("Equal", repeated, nodes.constant(np.array([flat], dtype=np.float64)))
    if not gaps.any():
        return hits
    allowed = nodes.cast(nodes.constant(gaps[None, :].astype(np.int64)), BOOLEAN)
    return nodes.add("Or", hits, nodes.add("And", nodes.add("IsNaN", repeated), allowed))


def _text_hits(nodes: Nodes, tensor: str, columns: npt.NDArray[np.int64], texts: list[str]) -> str:
    """Map each string to an integer once, the same in all columns, to compare integers in place of strings."""
    codes = {text: code for code, text in enumerate(dict.fromkeys(texts))}
    coded = nodes.add(
        "LabelEncoder",
        tensor,
        domain="ai.onnx.ml",
        keys_strings=list(codes),
        values_int64s=list(codes.values()),
        default_int64=-1,
    )
    repeated = nodes.add("Gather", coded, nodes.constant(columns), axis=1)
    wanted = np.array([[codes[text] for text in texts]], dtype=np.int64)
    return nodes.add("Equal", repeated, nodes.constant(wanted))


def _joined(nodes: Nodes, parts: list[str], into: str) -> None:
    if len(parts) == 1:
        nodes.add("Identity", parts[0], into=into)
    else:
        nodes.add("Concat", *parts, into=into, axis=1)
