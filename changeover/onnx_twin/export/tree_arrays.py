"""The trees of scikit-learn's tree models as arrays, and the function of the sum of their leaves.

scikit-learn's trees compare float32(x) with a float64 threshold; trees over histograms compare float64 with float64.
Sums are in float64 and in the order of the trees. A graph from these arrays computes the same.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from changeover.onnx_twin.exceptions import NoTwin

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
CLOSE: Final = 1e-9  # sums in another order differ by much less


class Link(StrEnum):
    """The link function from the sum over the trees to the answer."""

    NONE = "none"
    COMPLEMENT = "complement"  # the sum is the second of two probabilities
    SIGMOID = "sigmoid"
    SOFTMAX = "softmax"
    EXP = "exp"


@dataclass(frozen=True)
class Tree:
    """A row goes left at an inner node if x[feature] <= threshold, or x is NaN and `nan_left`.

    `left` is -1 at a leaf; `weights` are added by a leaf: [nodes, targets].
    """

    feature: Ints
    threshold: Floats
    left: Ints
    right: Ints
    nan_left: npt.NDArray[np.bool_]
    weights: Floats


@dataclass(frozen=True)
class Ensemble:
    """`link(scale * (sum of trees / divisor + base))`; `margin` is 0 if equal to scikit-learn bit for bit.

    `float32`: the trees compare float32(x); `single`: they sum and link in float32, too.
    """

    trees: list[Tree]
    link: Link = Link.NONE
    base: Floats | None = None
    divisor: float | None = None
    scale: float | None = None
    float32: bool = True
    margin: float = CLOSE
    classes: int | None = None
    single: bool = False

    @property
    def targets(self) -> int:
        """The number of sums."""
        return int(self.trees[0].weights.shape[1])


def trees_of_sklearn(model: Any) -> Ensemble:
    """The trees of a fitted tree model; raises NoTwin for an unsupported one."""
    kind = type(model).__name__
    if getattr(model, "n_outputs_", 1) != 1:
        raise NoTwin(f"the {kind} has several outputs")
    if kind in ("DecisionTreeClassifier", "ExtraTreeClassifier"):
        return _voting(model, [model])
    if kind in ("RandomForestClassifier", "ExtraTreesClassifier"):
        return _voting(model, list(model.estimators_))
    if kind in ("DecisionTreeRegressor", "ExtraTreeRegressor"):
        return Ensemble([_tree(model, _single(model))], margin=0.0)
    if kind in ("RandomForestRegressor", "ExtraTreesRegressor"):
        trees = [_tree(tree, _single(tree)) for tree in model.estimators_]
        return Ensemble(trees, divisor=float(len(trees)), margin=0.0)
    if kind in ("GradientBoostingClassifier", "GradientBoostingRegressor"):
        return _boosted(model)
    if kind in ("HistGradientBoostingClassifier", "HistGradientBoostingRegressor"):
        return _histogram(model)
    if kind == "AdaBoostClassifier":
        return _adaptive(model)
    raise NoTwin(f"a {kind} is no model of trees that is known here")


def _single(model: Any) -> Floats:
    return np.asarray(model.tree_.value[:, 0, :1], dtype=np.float64)


def _tree(model: Any, weights: Floats) -> Tree:
    tree = model.tree_
    nan_left = getattr(tree, "missing_go_to_left", None)
    return Tree(
        feature=np.asarray(tree.feature, dtype=np.int64),
        threshold=np.asarray(tree.threshold, dtype=np.float64),
        left=np.asarray(tree.children_left, dtype=np.int64),
        right=np.asarray(tree.children_right, dtype=np.int64),
        nan_left=np.zeros(tree.node_count, dtype=bool) if nan_left is None else np.asarray(nan_left, dtype=bool),
        weights=weights,
    )


def _voting(model: Any, models: list[Any]) -> Ensemble:
    classes = len(model.classes_)
    trees = [_tree(tree, np.asarray(tree.tree_.value[:, 0, :classes], dtype=np.float64)) for tree in models]
    divisor = float(len(trees)) if len(trees) > 1 or hasattr(model, "estimators_") else None
    pure = all(np.isin(tree.weights[tree.left < 0], (0.0, 1.0)).all() for tree in trees)
    if classes != 2 or (len(trees) == 1 and not pure):
        return Ensemble(trees, divisor=divisor, margin=0.0, classes=classes)
    seconds = [Tree(t.feature, t.threshold, t.left, t.right, t.nan_left, t.weights[:, 1:]) for t in trees]
    return Ensemble(seconds, Link.COMPLEMENT, divisor=divisor, margin=0.0 if pure else CLOSE, classes=2)


def _boosted(model: Any) -> Ensemble:
    if type(model.init_).__name__ not in ("DummyClassifier", "DummyRegressor") and model.init != "zero":
        raise NoTwin(f"the {type(model).__name__} begins from another model ({type(model.init_).__name__})")
    nothing = np.zeros((1, model.n_features_in_), dtype=np.float32)
    base = np.asarray(model._raw_predict_init(nothing), dtype=np.float64)[0]  # noqa: SLF001  there is no public way
    several = model.estimators_.shape[1]
    trees = []
    for stage in model.estimators_:
        for index, tree in enumerate(stage):
            weights = np.zeros((tree.tree_.node_count, several))
            weights[:, index] = model.learning_rate * tree.tree_.value[:, 0, 0]
            trees.append(_tree(tree, weights))
    if not hasattr(model, "classes_"):
        return Ensemble(trees, base=base)
    link = Link.SIGMOID if several == 1 else Link.SOFTMAX
    scale = 2.0 if model.loss == "exponential" else None
    return Ensemble(trees, link, base=base, scale=scale, classes=len(model.classes_))


def _histogram(model: Any) -> Ensemble:
    if getattr(model, "is_categorical_", None) is not None:
        raise NoTwin(f"the {type(model).__name__} splits on sets of categories, which only it can")
    stages = model._predictors  # noqa: SLF001  there is no public way
    several = len(stages[0])
    trees = [_of_histogram(tree.nodes, index, several) for stage in stages for index, tree in enumerate(stage)]
    base = np.asarray(model._baseline_prediction, dtype=np.float64).reshape(-1)  # noqa: SLF001  there is no public way
    if hasattr(model, "classes_"):
        link = Link.SIGMOID if several == 1 else Link.SOFTMAX
        return Ensemble(trees, link, base=base, float32=False, classes=len(model.classes_))
    link = Link.EXP if model.loss in ("poisson", "gamma") else Link.NONE
    return Ensemble(trees, link, base=base, float32=False)


def _of_histogram(nodes: Any, target: int, several: int) -> Tree:
    leaf = nodes["is_leaf"].astype(bool)
    weights = np.zeros((len(nodes), several))
    weights[leaf, target] = nodes["value"][leaf]
    return Tree(
        feature=nodes["feature_idx"].astype(np.int64),
        threshold=nodes["num_threshold"].astype(np.float64),
        left=np.where(leaf, -1, nodes["left"].astype(np.int64)),
        right=np.where(leaf, -1, nodes["right"].astype(np.int64)),
        nan_left=nodes["missing_go_to_left"].astype(bool),
        weights=weights,
    )


def _adaptive(model: Any) -> Ensemble:
    """The votes of AdaBoost: each tree votes with its weight for one class and against the others."""
    classes = len(model.classes_)
    total = float(model.estimator_weights_.sum())
    trees, against = [], 0.0
    for tree, weight in zip(model.estimators_, model.estimator_weights_.tolist(), strict=False):
        if not hasattr(tree, "tree_"):
            raise NoTwin(f"the AdaBoostClassifier is made of {type(tree).__name__}, not of trees")
        indices = np.searchsorted(model.classes_, tree.classes_)
        voted = indices[np.argmax(tree.tree_.value[:, 0, : len(indices)], axis=1)]
        weights = np.zeros((tree.tree_.node_count, classes))
        weights[np.arange(len(voted)), voted] = weight + weight / (classes - 1)
        trees.append(_tree(tree, weights))
        against -= weight / (classes - 1)
    base = np.full(classes, against / total)
    return Ensemble(trees, Link.SOFTMAX, base=base, divisor=total, scale=1.0 / (classes - 1), classes=classes)
