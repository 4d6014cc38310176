"""The rewriting of a fitted estimator from column names to column indices of the twin's tensors.

Only parts that get the input itself are rebuilt, as shallow copies; an inner forest is shared, not copied.
"""

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline

from changeover.onnx_twin.exceptions import NoTwin

Widths = tuple[int, ...]  # of the tensors, side by side


class Reordered(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn brings no types
    """A transformer that reorders columns: skl2onnx assumes that all columns of a tensor are in order."""

    def __init__(self, order: Sequence[int] = ()) -> None:
        self.order = order

    def transform(self, table: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The columns of `table` in that order."""
        return table[:, np.asarray(self.order)]


def by_position(part: Any, places: Sequence[int], widths: Widths) -> Any:
    """Turn `part`, fitted on the columns at `places`, into an estimator of all columns.

    The columns are in tensors of `widths`. Raises NoTwin if the columns of a ColumnTransformer are unknown.
    """
    inside = unfrozen(part)
    if hasattr(inside, "steps"):
        return _pipeline(inside, places, widths)
    if hasattr(inside, "transformers_"):
        return _columns(inside, places, widths)
    if hasattr(inside, "transformer_list"):
        known = _without_names(inside)
        known.transformer_list = [
            (name, one if isinstance(one, str) else by_position(one, places, widths))
            for name, one in inside.transformer_list
        ]
        return known
    if hasattr(inside, "named_estimators_"):  # voting and stacking give all of them the same input
        known = _without_names(inside)
        known.estimators_ = [
            one if isinstance(one, str) else by_position(one, places, widths) for one in inside.estimators_
        ]
        known.flatten_transform = False  # concerns transform only, and skl2onnx supports no other value
        return known
    return _without_names(inside)


def unfrozen(part: Any) -> Any:
    """The estimator inside a FrozenEstimator."""
    while isinstance(part, FrozenEstimator):
        part = part.estimator
    return part


def _without_names(part: Any) -> Any:
    known = copy.copy(part)
    vars(known).pop("feature_names_in_", None)
    return known


def _pipeline(part: Any, places: Sequence[int], widths: Widths) -> Any:
    known = copy.copy(part)
    steps = [(name, unfrozen(step)) for name, step in part.steps if step is not None and not isinstance(step, str)]
    if not steps:
        raise NoTwin("a pipeline inside has no steps that do anything")
    known.steps = [(steps[0][0], by_position(steps[0][1], places, widths)), *steps[1:]]
    return known


def _columns(part: Any, places: Sequence[int], widths: Widths) -> Any:
    chosen: dict[str, list[int]] | None = getattr(part, "_transformer_to_input_indices", None)
    if chosen is None:
        raise NoTwin("the columns of a ColumnTransformer are unknown: it is not fitted")
    known = _without_names(part)
    known.transformers_ = []
    for name, inside, _ in part.transformers_:
        own = [places[place] for place in chosen.get(name, [])]
        known.transformers_.append((name, *_part_of_columns(inside, own, widths)))
    known.transformers = list(known.transformers_)
    return known


def _part_of_columns(inside: Any, own: list[int], widths: Widths) -> tuple[Any, list[int]]:
    """A part of a ColumnTransformer and the indices of its columns; it gets only these, counted from 0."""
    if not own or inside == "drop":
        return inside, own
    known = inside if isinstance(inside, str) else by_position(inside, range(len(own)), (len(own),))
    if not _is_all_of_one_in_disorder(own, widths):
        return known, own
    order = Reordered(np.argsort(np.argsort(own)).tolist())
    return order if isinstance(inside, str) else make_pipeline(order, known), sorted(own)


def _is_all_of_one_in_disorder(own: list[int], widths: Widths) -> bool:
    """Whether the columns are one whole tensor in another order; raises NoTwin if other columns are among them."""
    start = 0
    for width in widths:
        of_this = [place for place in own if start <= place < start + width]
        if len(of_this) == width and of_this != sorted(of_this):
            if len(own) > width:
                raise NoTwin("a part of a ColumnTransformer takes numbers and strings together, in another order")
            return True
        start += width
    return False
