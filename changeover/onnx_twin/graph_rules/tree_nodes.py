"""The check of trees: every branch leads to a node of its own tree, no path returns, every index is within its table.

onnxruntime follows a path until a leaf, and builds a tree by recursion. Its older releases read a row's number by
index without a check. The operators are described in the ONNX specification under ai.onnx.ml.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from changeover.onnx_twin.graph_rules.node import Ints, Node

DEEPEST: Final = 500  # needs half a megabyte of stack; scikit-learn's fully grown trees have less than a hundred levels
MOST_TARGETS: Final = 100_000
_LEAF: Final = b"LEAF"
_MODES: Final = (b"BRANCH_LEQ", b"BRANCH_LT", b"BRANCH_GTE", b"BRANCH_GT", b"BRANCH_EQ", b"BRANCH_NEQ", _LEAF)
_LAST_MODE: Final = 5  # of the newer operator; 6 tests membership of a set
_LARGEST_ID: Final = 2**31 - 1


def check_trees(node: Node, width: int) -> int:
    """Check a `TreeEnsemble`; returns the number of targets. `width` is that of its input."""
    targets = node.integer("n_targets", 0)
    node.check(0 < targets <= MOST_TARGETS, "has an unusable number of targets")
    node.check(0 <= node.integer("aggregate_function", 1) <= 3, "has an unknown aggregate function")
    node.check(0 <= node.integer("post_transform", 0) <= 4, "has an unknown transform")
    true, false = node.integers("nodes_truenodeids"), node.integers("nodes_falsenodeids")
    true_leaf, false_leaf = node.integers("nodes_trueleafs"), node.integers("nodes_falseleafs")
    count, leaf_targets = len(true), node.integers("leaf_targetids")
    modes = node.tensor("nodes_modes").reshape(-1)
    lengths = {
        *map(len, (false, true_leaf, false_leaf, modes)),
        *(node.length(name) for name in ("nodes_featureids", "nodes_splits")),
    }
    node.check(lengths == {count} and count > 0, "has lists of other lengths")
    for name in ("nodes_hitrates", "nodes_missing_value_tracks_true"):
        node.check(node.length(name) in (0, count), "has lists of other lengths")
    node.check(node.length("membership_values") == 0, "tests membership of a set")
    node.check(len(leaf_targets) == node.length("leaf_weights") > 0, "has lists of other lengths")
    node.check(int(modes.max()) <= _LAST_MODE, "has nodes of an unknown mode")
    _check_range(node, leaf_targets, targets)
    _check_range(node, node.integers("nodes_featureids"), width)
    for flags in (true_leaf, false_leaf):
        _check_range(node, flags, 2)
    for children, leaves in ((true, true_leaf), (false, false_leaf)):
        _check_range(node, children[leaves == 1], len(leaf_targets))
        _check_range(node, children[leaves == 0], count)
    roots = node.integers("tree_roots")
    _check_range(node, roots, count)
    _walk(node, roots, _joined(true, true_leaf == 0), _joined(false, false_leaf == 0))
    return targets


def check_old_trees(node: Node, width: int, targets: int, of: str) -> None:
    """Check a `TreeEnsembleClassifier` (`of` is "class") or a `TreeEnsembleRegressor` ("target")."""
    node.check(0 < targets <= MOST_TARGETS, "has an unusable number of targets")
    modes = node.texts("nodes_modes")
    count = len(modes)
    node.check(count > 0 and set(modes) <= set(_MODES), "has nodes of an unknown mode")
    names = ("nodes_treeids", "nodes_nodeids", "nodes_truenodeids", "nodes_falsenodeids", "nodes_featureids")
    trees, nodes, true, false, features = (node.integers(name) for name in names)
    lengths = {*map(len, (trees, nodes, true, false, features)), node.length("nodes_values", "nodes_values_as_tensor")}
    node.check(lengths == {count}, "has lists of other lengths")
    hitrates, tracks = ("nodes_hitrates", "nodes_hitrates_as_tensor"), ("nodes_missing_value_tracks_true",)
    node.check({node.length(*hitrates), node.length(*tracks)} <= {0, count}, "has lists of other lengths")
    base = node.length("base_values", "base_values_as_tensor")
    node.check(base in ({0, targets} | ({1} if of == "class" and targets <= 2 else set())), "has other base values")
    for identifiers in (trees, nodes):
        _check_range(node, identifiers, _LARGEST_ID)
    inner = np.array([mode != _LEAF for mode in modes])
    _check_range(node, features[inner], width)
    starts = np.flatnonzero(np.diff(trees, prepend=-1))
    node.check(len(np.unique(trees[starts])) == len(starts), "has a tree in parts")
    index = _Index(node, trees, nodes)
    left, right = np.full(count, -1), np.full(count, -1)
    left[inner], right[inner] = index.of(trees[inner], true[inner]), index.of(trees[inner], false[inner])
    _walk(node, starts, left, right)
    _check_leaves(node, index, inner, targets, of)


def _check_leaves(node: Node, index: "_Index", inner: npt.NDArray[np.bool_], targets: int, of: str) -> None:
    trees, nodes, ids = (node.integers(f"{of}_{name}") for name in ("treeids", "nodeids", "ids"))
    weights = node.length(f"{of}_weights", f"{of}_weights_as_tensor")
    node.check(len(trees) == len(nodes) == len(ids) == weights > 0, "has lists of other lengths")
    _check_range(node, ids, targets)
    node.check(not inner[index.of(trees, nodes)].any(), "gives a weight to a branch")


class _Index:
    """The position of each node by the numbers of its tree and its own."""

    def __init__(self, node: Node, trees: Ints, nodes: Ints) -> None:
        self._node = node
        keys = self._keys(trees, nodes)
        self._order = np.argsort(keys, kind="stable")
        self._sorted = keys[self._order]
        node.check(bool((np.diff(self._sorted) > 0).all()), "has a node twice")

    def of(self, trees: Ints, nodes: Ints) -> Ints:
        """The positions of nodes, which must be there."""
        for identifiers in (trees, nodes):
            _check_range(self._node, identifiers, _LARGEST_ID)
        keys = self._keys(trees, nodes)
        places = np.minimum(np.searchsorted(self._sorted, keys), len(self._sorted) - 1)
        self._node.check(bool((self._sorted[places] == keys).all()), "leads to a node that is not there")
        found: Ints = self._order[places]
        return found

    @staticmethod
    def _keys(trees: Ints, nodes: Ints) -> Ints:
        keys: Ints = trees << 31 | nodes
        return keys


def _joined(children: Ints, inner: npt.NDArray[np.bool_]) -> Ints:
    return np.where(inner, children, -1)


def _walk(node: Node, roots: Ints, left: Ints, right: Ints) -> None:
    """Follow all branches from the roots, level by level; -1 is no branch to follow."""
    parents = np.bincount(np.concatenate([roots, left[left >= 0], right[right >= 0]]), minlength=len(left))
    node.check(len(roots) > 0 and bool((parents == 1).all()), "has a node that is in no tree, or in two places")
    level, seen, steps = roots, 0, 0
    for depth in range(DEEPEST):
        seen += len(level)
        steps = max(steps, depth)
        below = np.concatenate([left[level], right[level]])
        level = below[below >= 0]
        if not len(level):
            break
    node.check(not len(level), f"has a tree of more than {DEEPEST} levels")
    node.check(seen == len(left), "has a path that returns to where it came from")
    node.work = len(roots) * (steps + 1)
    node.cells = 2 * len(roots)


def _check_range(node: Node, values: Ints, end: int) -> None:
    node.check(not len(values) or bool(values.min() >= 0 and values.max() < end), "has an index out of range")
