"""Checks of decision trees: child indices, node counts, and the columns that splits read.

scikit-learn's compiled code follows these numbers unchecked. A child index that points back is an endless loop, and one
outside the arrays reads other memory. Each check is a few operations on whole arrays.
"""

from typing import Any, Final

import numpy as np

from changeover.artifact.state.need import attribute, is_count, need
from changeover.exceptions import UnsafeState

_LEAF: Final = -1
_LARGEST: Final = 10_000_000  # columns, classes or outputs: far beyond MAX_COLUMNS


def make_tree(columns: object, classes: object, outputs: object) -> object:
    """`sklearn.tree._tree.Tree(columns, classes, outputs)`, which reads as many `classes` as `outputs` says."""
    from sklearn.tree._tree import Tree

    if not isinstance(classes, np.ndarray) or classes.ndim != 1 or classes.dtype.kind not in "iu":
        raise UnsafeState("", "has a tree without a list of its classes")
    need(is_count(columns) and int(columns) <= _LARGEST, "", "has a tree with an impossible number of columns")  # type: ignore[call-overload]
    need(is_count(outputs, 1) and outputs == len(classes), "", "has a tree with an impossible number of outputs")
    need(classes.min() >= 1 and classes.max() <= _LARGEST, "", "has a tree with an impossible number of classes")
    return Tree(columns, classes, outputs)


def check_tree_state(tree: Any, state: object) -> None:
    """Raise UnsafeState unless `state` may be given to `tree`, a `sklearn.tree._tree.Tree`."""
    if not isinstance(state, dict):
        raise UnsafeState("", "has a tree without a state")
    nodes, values = state.get("nodes"), state.get("values")
    if type(nodes) is not np.ndarray or type(values) is not np.ndarray or nodes.ndim != 1 or nodes.dtype.names is None:
        raise UnsafeState("", "has a tree without arrays of its nodes and values")
    need({"left_child", "right_child", "feature"} <= set(nodes.dtype.names), "", "has a tree of unknown nodes")
    count = len(nodes)
    need(state.get("node_count") == count and count >= 1, "", "has a tree with another number of nodes than it says")
    need(is_count(state.get("max_depth")) and state["max_depth"] < count, "", "has a tree deeper than its nodes reach")
    left, right = nodes["left_child"], nodes["right_child"]
    splits = left != _LEAF
    _check_children(left[splits], right[splits], np.flatnonzero(splits), count)
    columns = nodes["feature"][splits]
    inside = (columns >= 0).all() and (columns < tree.n_features).all()
    need(inside, "", f"has a tree that splits on a column it does not have (it has {tree.n_features})")


def _check_children(left: Any, right: Any, parents: Any, count: int) -> None:
    for children in (left, right):
        need(
            (children > parents).all(), "", "has a tree with a child that does not come after its parent: it would loop"
        )
        need((children < count).all(), "", f"has a tree with a child outside its {count} nodes")


def check_tree(tree: Any) -> None:
    """Refuse a compiled tree without nodes; `check_tree_state` has checked its state before."""
    need(tree.node_count >= 1, "", "is a tree without nodes")


def check_decision_tree(estimator: Any) -> None:
    """Check a tree estimator: it takes as many columns as its compiled tree."""
    from sklearn.tree._tree import Tree

    tree = attribute(estimator, "tree_")
    if tree is None:
        return
    need(isinstance(tree, Tree), ".tree_", "is no tree")
    columns = attribute(estimator, "n_features_in_")
    need(
        is_count(columns) and columns == tree.n_features,
        ".n_features_in_",
        f"is not {tree.n_features}, as its tree says",
    )


def check_boosting(estimator: Any) -> None:
    """Check gradient boosting: compiled code runs all its trees and writes one result column a class."""
    from sklearn.tree._classes import BaseDecisionTree

    stages = attribute(estimator, "estimators_")
    if stages is None:
        return
    need(type(stages) is np.ndarray and stages.ndim == 2 and stages.size, ".estimators_", "is no table of trees")
    columns, width = attribute(estimator, "n_features_in_"), stages.shape[1]
    for tree in stages.ravel():
        fits = (
            isinstance(tree, BaseDecisionTree)
            and attribute(tree, "n_features_in_") == columns
            and "tree_" in vars(tree)
        )
        need(fits and is_count(columns), ".estimators_", "holds what is no tree over the columns of the model")
        need(tree.tree_.n_outputs == 1, ".estimators_", "holds a tree with several outputs")
    count = attribute(estimator, "n_trees_per_iteration_")
    if count is None:  # until scikit-learn 1.3 the loss says it
        loss = attribute(estimator, "_loss")
        count = attribute(loss, "K") if hasattr(loss, "__dict__") else None
    need(is_count(count) and count == width, ".n_trees_per_iteration_", f"is not {width}, as its trees are")
    first = attribute(estimator, "init_")
    if width > 1 and not isinstance(first, str):
        classes = getattr(first, "classes_", None)
        fits = type(classes) is np.ndarray and len(classes) == width
        need(fits, ".init_", f"does not know the {width} classes of the model")


def check_predictor(predictor: Any) -> None:
    """Check one tree of histogram gradient boosting; `check_histogram_boosting` checks its columns."""
    from sklearn.ensemble._hist_gradient_boosting.common import PREDICTOR_RECORD_DTYPE

    nodes = attribute(predictor, "nodes")
    if type(nodes) is not np.ndarray or nodes.dtype != PREDICTOR_RECORD_DTYPE or nodes.ndim != 1 or not len(nodes):
        raise UnsafeState(".nodes", "is no array of nodes")
    splits = nodes["is_leaf"] == 0
    parents = np.flatnonzero(splits)
    left, right = (nodes[side][splits].astype(np.int64) for side in ("left", "right"))
    _check_children(left, right, parents, len(nodes))
    need((nodes["feature_idx"][splits] >= 0).all(), ".nodes", "splits on a column that does not exist")
    bitsets = attribute(predictor, "raw_left_cat_bitsets")
    fits = type(bitsets) is np.ndarray and bitsets.ndim == 2 and bitsets.shape[1] == 8 and bitsets.dtype == np.uint32
    need(fits, ".raw_left_cat_bitsets", "is no array of sets of categories")
    sets = nodes["bitset_idx"][splits & (nodes["is_categorical"] != 0)]
    need((sets < len(bitsets)).all(), ".nodes", f"names a set of categories outside the {len(bitsets)} that there are")


def check_histogram_boosting(estimator: Any) -> None:
    """Check histogram gradient boosting: its trees split on columns that the model has."""
    predictors = attribute(estimator, "_predictors")
    if predictors is None:
        return
    columns, mapper = attribute(estimator, "n_features_in_"), attribute(estimator, "_bin_mapper")
    known = attribute(mapper, "is_categorical_") if hasattr(mapper, "__dict__") else None
    need(is_count(columns), ".n_features_in_", "is no number of columns")
    fits = type(known) is np.ndarray and known.shape == (columns,) and known.dtype.kind in "bu"
    need(fits, "._bin_mapper.is_categorical_", f"does not say of each of {columns} columns what it holds")
    _check_preprocessor(estimator, columns)
    need(type(predictors) is list, "._predictors", "is no list")
    for stage in predictors:
        need(type(stage) in (list, tuple), "._predictors", "is no list of lists")
        for predictor in stage:
            need(type(predictor).__name__ == "TreePredictor", "._predictors", "holds what is no tree")
            nodes = attribute(predictor, "nodes")
            fits = type(nodes) is np.ndarray and nodes.dtype.names is not None and "feature_idx" in nodes.dtype.names
            need(
                fits and (nodes["feature_idx"] < columns).all(),
                "._predictors",
                "splits on a column that it does not have",
            )


def _check_preprocessor(estimator: Any, columns: int) -> None:
    """Check the built-in category encoder: it returns as many columns as it takes."""
    inside, where = attribute(estimator, "_preprocessor"), "._preprocessor"
    if inside is None:
        return
    categorical = attribute(estimator, "is_categorical_")
    need(type(inside).__name__ == "ColumnTransformer", where, "is no ColumnTransformer")
    need(type(categorical) is np.ndarray and categorical.dtype == bool, ".is_categorical_", "is no array of bools")
    need(categorical.shape == (columns,), ".is_categorical_", f"is not of {columns} columns")
    need(attribute(inside, "n_features_in_") == columns, where, f"does not take {columns} columns")
    parts = attribute(inside, "transformers_")
    need(type(parts) is list and len(parts) in (2, 3), where, "has other parts than an encoder and the numbers")
    expected = (("OrdinalEncoder", categorical), ("FunctionTransformer", ~categorical))
    for (_, part, chosen), (kind, mask) in zip(parts, expected, strict=False):
        fits = type(part).__name__ == kind and type(chosen) is np.ndarray and np.array_equal(chosen, mask)
        need(fits, where, "has other parts than an encoder and the numbers")
    called = getattr(attribute(parts[1][1], "func"), "func", None)
    need(getattr(called, "__name__", "") == "check_array", where, "changes the numbers")
