"""The `TreeEnsemble` node of ai.onnx.ml 5, with results equal to the model's bit for bit.

It is in float64, for xgboost in float32.

A leaf of that operator adds to one target only. A tree whose leaves add to several targets is written once a target.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from changeover.onnx_twin.exceptions import NoTwin
from changeover.onnx_twin.export.tree_arrays import Ensemble, Ints, Tree

VERSION: Final = 5
DOMAIN: Final = "ai.onnx.ml"
OPERATOR: Final = "TreeEnsemble"
MOST_NODES: Final = 20_000_000
_SUM, _NO_TRANSFORM, _LESS_OR_EQUAL = 1, 0, 0
_Values = npt.NDArray[Any]


class _Flat:
    """All trees in the operator's numbering: inner nodes and leaves are counted separately."""

    def __init__(self) -> None:
        self.parts: dict[str, list[_Values]] = {}
        self.roots: list[int] = []
        self.inner = self.leaves = 0

    def put(self, tree: Tree, targets: Ints) -> None:
        """Add a tree whose leaves each add to their entry of `targets`."""
        is_leaf = tree.left < 0
        inner, leaves = np.flatnonzero(~is_leaf), np.flatnonzero(is_leaf)
        at = np.empty(len(is_leaf), dtype=np.int64)
        at[inner] = self.inner + np.arange(len(inner))
        at[leaves] = self.leaves + np.arange(len(leaves))
        # a tree of a single leaf becomes a node whose branches both lead to the leaf
        nodes, left, right = (inner, tree.left[inner], tree.right[inner]) if len(inner) else (leaves, leaves, leaves)
        self.roots.append(self.inner)
        self._append("feature", np.maximum(tree.feature[nodes], 0))
        self._append("threshold", tree.threshold[nodes])
        self._append("nan", tree.nan_left[nodes].astype(np.int64))
        self._append("true", at[left])
        self._append("true_leaf", is_leaf[left].astype(np.int64))
        self._append("false", at[right])
        self._append("false_leaf", is_leaf[right].astype(np.int64))
        self._append("target", targets[leaves])
        self._append("weight", tree.weights[leaves, targets[leaves]])
        self.inner += len(nodes)
        self.leaves += len(leaves)

    def _append(self, name: str, values: _Values) -> None:
        self.parts.setdefault(name, []).append(values)

    def joined(self, name: str) -> _Values:
        return np.concatenate(self.parts[name])


def attributes(ensemble: Ensemble) -> dict[str, Any]:
    """The attributes of the `TreeEnsemble` for the sum over all trees; raises NoTwin if they are too large."""
    from onnx import numpy_helper

    flat, precision = _Flat(), np.float32 if ensemble.single else np.float64
    for tree in ensemble.trees:
        for targets in _targets(tree):
            flat.put(tree, targets)
            if flat.inner > MOST_NODES:
                raise NoTwin(f"the trees would be more than {MOST_NODES} nodes")
    return {
        "n_targets": ensemble.targets,
        "aggregate_function": _SUM,
        "post_transform": _NO_TRANSFORM,
        "tree_roots": flat.roots,
        "nodes_featureids": flat.joined("feature").tolist(),
        "nodes_splits": numpy_helper.from_array(flat.joined("threshold").astype(precision)),
        "nodes_modes": numpy_helper.from_array(np.full(flat.inner, _LESS_OR_EQUAL, dtype=np.uint8)),
        "nodes_truenodeids": flat.joined("true").tolist(),
        "nodes_trueleafs": flat.joined("true_leaf").tolist(),
        "nodes_falsenodeids": flat.joined("false").tolist(),
        "nodes_falseleafs": flat.joined("false_leaf").tolist(),
        "nodes_missing_value_tracks_true": flat.joined("nan").tolist(),
        "leaf_targetids": flat.joined("target").tolist(),
        "leaf_weights": numpy_helper.from_array(flat.joined("weight").astype(precision)),
    }


def _targets(tree: Tree) -> list[Ints]:
    """The copies of a tree that must be written, each as the target of every node.

    One copy if no leaf adds to several targets, as in a fully grown forest; else one for each target that a leaf adds
    to. Targets without a summand are left out.
    """
    adding = (tree.weights != 0) & (tree.left < 0)[:, None]
    if adding.sum(axis=1).max(initial=0) <= 1:
        return [np.argmax(adding, axis=1).astype(np.int64)]
    return [np.full(len(adding), target, dtype=np.int64) for target in np.flatnonzero(adding.any(axis=0)).tolist()]
