"""The rewriting of a fitted estimator from column names to column indices of the twin's tensors.

Only parts that get the input itself are rebuilt, as shallow copies; an inner forest is shared, not copied.
"""

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.pipeline import make_pipeline

from changeover.estimator.wrappers import FROZEN
from changeover.onnx_twin.exceptions import NoTwin

Widths = tuple[int, ...]  # of the tensors, side by side


class Reordered(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn brings no types
    """A transformer that reorders columns: skl2onnx assumes that all columns of a tensor are in order."""

    def __init__(self, order: Sequence[int] = ()) -> None:
        self.order = order

    def transform(self, table: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The columns of `table` in that order."""
        return table[:, np.asarray(self.order)]


def by_position(part: Any, indices: Sequence[int], widths: Widths) -> Any:
    """Turn `part`, fitted on the columns at `indices`, into an estimator of all columns.

    The columns are in tensors of `widths`. Raises NoTwin if the columns of a ColumnTransformer are unknown.
    """
    inside = unfrozen(part)
    if hasattr(inside, "steps"):
        return _pipeline(inside, indices, widths)
    if hasattr(inside, "transformers_"):
        return _columns(inside, indices, widths)
    if hasattr(inside, "transformer_list"):
        rebuilt = _without_names(inside)
        rebuilt.transformer_list = [
            (name, inner if isinstance(inner, str) else by_position(inner, indices, widths))
            for name, inner in inside.transformer_list
        ]
        return rebuilt
    if hasattr(inside, "named_estimators_"):  # voting and stacking give all of them the same input
        rebuilt = _without_names(inside)
        rebuilt.estimators_ = [
            inner if isinstance(inner, str) else by_position(inner, indices, widths) for inner in inside.estimators_
        ]
        rebuilt.flatten_transform = False  # concerns transform only, and skl2onnx supports no other value
        return rebuilt
    return _without_names(inside)


def unfrozen(part: Any) -> Any:
    """The estimator inside a FrozenEstimator."""
    while isinstance(part, FROZEN):
        part = part.estimator
    return part


def _without_names(part: Any) -> Any:
    rebuilt = copy.copy(part)
    vars(rebuilt).pop("feature_names_in_", None)
    return rebuilt


def _pipeline(part: Any, indices: Sequence[int], widths: Widths) -> Any:
    rebuilt = copy.copy(part)
    steps = [(name, unfrozen(step)) for name, step in part.steps if step is not None and not isinstance(step, str)]
    if not steps:
        raise NoTwin("a pipeline inside has no steps that do anything")
    rebuilt.steps = [(steps[0][0], by_position(steps[0][1], indices, widths)), *steps[1:]]
    return rebuilt


def _columns(part: Any, indices: Sequence[int], widths: Widths) -> Any:
    chosen: dict[str, list[int]] | None = getattr(part, "_transformer_to_input_indices", None)
    if chosen is None:
        raise NoTwin("the columns of a ColumnTransformer are unknown: it is not fitted")
    rebuilt = _without_names(part)
    rebuilt.transformers_ = []
    for name, inside, _ in part.transformers_:
        columns = [indices[index] for index in chosen.get(name, [])]
        rebuilt.transformers_.append((name, *_part_of_columns(inside, columns, widths)))
    rebuilt.transformers = list(rebuilt.transformers_)
    return rebuilt


def _part_of_columns(inside: Any, columns: list[int], widths: Widths) -> tuple[Any, list[int]]:
    """A part of a ColumnTransformer and the indices of its columns; it gets only these, counted from 0."""
    if not columns or inside == "drop":
        return inside, columns
    rebuilt = inside if isinstance(inside, str) else by_position(inside, range(len(columns)), (len(columns),))
    if not _is_whole_tensor_in_disorder(columns, widths):
        return rebuilt, columns
    order = Reordered(np.argsort(np.argsort(columns)).tolist())
    return order if isinstance(inside, str) else make_pipeline(order, rebuilt), sorted(columns)


def _is_whole_tensor_in_disorder(columns: list[int], widths: Widths) -> bool:
    """Whether the columns are one whole tensor in another order; raises NoTwin if other columns are among them."""
    start = 0
    for width in widths:
        of_tensor = [index for index in columns if start <= index < start + width]
        if len(of_tensor) == width and of_tensor != sorted(of_tensor):
            if len(columns) > width:
                raise NoTwin("a part of a ColumnTransformer takes numbers and strings together, in another order")
            return True
        start += width
    return False
