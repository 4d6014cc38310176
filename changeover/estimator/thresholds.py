"""The numbers at which a fitted model's answer may jump, for each of its input columns.

Read are trees that get the model's own columns, and the steps that cut them: Binarizer and KBinsDiscretizer.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
from sklearn.preprocessing import Binarizer, KBinsDiscretizer

from changeover.estimator.inspection import resolve

_MOST_TREES: Final = 5
_DEEPEST: Final = 16


def thresholds_of(estimator: object, names: Sequence[str]) -> dict[str, list[float]]:
    """The thresholds of each of the columns `names` that a part compares directly, in ascending order."""
    found: dict[str, set[float]] = {}
    for name, threshold in _visit(estimator, list(names), _DEEPEST):
        if np.isfinite(threshold):
            found.setdefault(name, set()).add(float(threshold))
    return {name: sorted(values) for name, values in found.items()}


def cut_columns(estimator: object, names: Sequence[str]) -> list[str]:
    """Those of the columns `names` that a Binarizer or a KBinsDiscretizer compares as they are."""
    cut = {name for name, _ in _visit(estimator, list(names), _DEEPEST, trees=False)}
    return [name for name in names if name in cut]


def _visit(part: Any, names: list[str], deepest: int, *, trees: bool = True) -> Iterator[tuple[str, float]]:
    if deepest == 0:
        return
    inside: list[tuple[Any, list[str]]] = []
    if hasattr(part, "steps"):
        inside = [(step, names) for _, step in part.steps[:1]]
    elif hasattr(part, "transformers_"):
        inside = [(block, resolve(columns, names)) for _, block, columns in part.transformers_]
    elif hasattr(part, "transformer_list"):
        inside = [(block, names) for _, block in part.transformer_list]
    elif isinstance(part, Binarizer):
        yield from ((name, part.threshold) for name in names)
    elif isinstance(part, KBinsDiscretizer) and len(part.bin_edges_) == len(names):
        yield from ((name, edge) for name, edges in zip(names, part.bin_edges_, strict=True) for edge in edges)
    elif hasattr(part, "tree_") and not trees:
        return
    elif hasattr(part, "tree_"):
        tree = part.tree_
        inner = tree.children_left >= 0
        pairs = zip(tree.feature[inner].tolist(), tree.threshold[inner].tolist(), strict=True)
        yield from ((names[feature], threshold) for feature, threshold in pairs if feature < len(names))
    else:
        inside = [(member, names) for member in _members(part)]
    for block, columns in inside:
        if not isinstance(block, str | None):
            yield from _visit(block, columns, deepest - 1, trees=trees)


def _members(part: Any) -> list[Any]:
    """The parts that get the same input: the trees of a forest, the models of a vote, the model of a search."""
    if getattr(part, "estimators_features_", None) is not None:
        return []  # bagging over some of the columns
    members = [*np.ravel(np.asarray(getattr(part, "estimators_", []), dtype=object))][:_MOST_TREES]
    members += [getattr(part, name) for name in ("best_estimator_", "estimator_") if hasattr(part, name)]
    return members + [getattr(model, "estimator", None) for model in getattr(part, "calibrated_classifiers_", ())]
