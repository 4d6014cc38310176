"""A fitted estimator that knows its input by names becomes one that knows it by places in a twin's tensors.

Only what is fed the input itself is rebuilt, by shallow copies: a forest inside is shared, not copied.
"""

import copy
from collections.abc import Sequence
from typing import Any

from sklearn.frozen import FrozenEstimator

from changeover.twin.exceptions import NoTwin


def by_position(part: Any, places: Sequence[int]) -> Any:
    """`part`, which was fitted on columns that now stand at `places`, as an estimator of all columns.

    Raises NoTwin if the columns of a ColumnTransformer cannot be told.
    """
    inside = unfrozen(part)
    if hasattr(inside, "steps"):
        return _pipeline(inside, places)
    if hasattr(inside, "transformers_"):
        return _columns(inside, places)
    if hasattr(inside, "transformer_list"):
        known = _without_names(inside)
        known.transformer_list = [
            (name, one if isinstance(one, str) else by_position(one, places)) for name, one in inside.transformer_list
        ]
        return known
    if hasattr(inside, "named_estimators_"):  # voting and stacking feed all of them the same
        known = _without_names(inside)
        known.estimators_ = [one if isinstance(one, str) else by_position(one, places) for one in inside.estimators_]
        known.flatten_transform = False  # about transform alone, and skl2onnx knows no other
        return known
    return _without_names(inside)


def unfrozen(part: Any) -> Any:
    """What is inside a FrozenEstimator."""
    while isinstance(part, FrozenEstimator):
        part = part.estimator
    return part


def _without_names(part: Any) -> Any:
    known = copy.copy(part)
    vars(known).pop("feature_names_in_", None)
    return known


def _pipeline(part: Any, places: Sequence[int]) -> Any:
    known = copy.copy(part)
    steps = [(name, unfrozen(step)) for name, step in part.steps if step is not None and not isinstance(step, str)]
    if not steps:
        raise NoTwin("a pipeline inside has no steps that do anything")
    known.steps = [(steps[0][0], by_position(steps[0][1], places)), *steps[1:]]
    return known


def _columns(part: Any, places: Sequence[int]) -> Any:
    chosen: dict[str, list[int]] | None = getattr(part, "_transformer_to_input_indices", None)
    if chosen is None:
        raise NoTwin("the columns of a ColumnTransformer cannot be told: it is not fitted")
    known = _without_names(part)
    known.transformers_ = []
    for name, inside, _ in part.transformers_:
        own = [places[place] for place in chosen.get(name, [])]
        if isinstance(inside, str) or not own:
            known.transformers_.append((name, inside, own))
        else:
            # what is inside sees its own columns only, from 0 on
            known.transformers_.append((name, by_position(inside, range(len(own))), own))
    known.transformers = list(known.transformers_)
    return known
