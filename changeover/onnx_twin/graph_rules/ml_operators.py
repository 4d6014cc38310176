"""The operators of ai.onnx.ml that a graph may have, and the shapes of their outputs.

Their kernels in older releases of onnxruntime take the lengths of their lists for granted, so each is checked here.
"""

from collections.abc import Sequence
from typing import Final

from changeover.onnx_twin.graph_rules.node import Node, Rule
from changeover.onnx_twin.graph_rules.tree_nodes import MOST_TARGETS, check_old_trees, check_trees
from changeover.onnx_twin.graph_rules.values import Dim, Shape, Value, as_dim, cells, fixed

_LABELS: Final = ("classlabels_strings", "classlabels_ints")
_TREE_LABELS: Final = ("classlabels_strings", "classlabels_int64s")


def _same(node: Node) -> Sequence[Value]:
    node.count(1, 1)
    return [Value(node.input(0).shape)]


def _table(node: Node) -> tuple[Dim, int]:
    """The rows and the width of the only input."""
    node.count(1, 1)
    shape = node.input(0).shape
    node.check(len(shape) == 2, "gets no table")
    return shape[0], fixed(shape[1], f"the width of the input of a {node.operator}")


def _extracted(node: Node) -> Sequence[Value]:
    """ArrayFeatureExtractor."""
    node.count(2, 2)
    value, indices = node.input(0), node.input(1)
    # older releases of onnxruntime let negative indices read before the table
    node.check(indices.natural, "gets indices that may be negative")
    node.check(bool(value.shape), "gets no table")
    before: Shape = value.shape[:-1] or (1,)
    return [Value((*before, as_dim(cells(indices.shape))), natural=value.natural)]


def _joined(node: Node) -> Sequence[Value]:
    """FeatureVectorizer."""
    tables = [value.shape for value in node.inputs()]
    node.check(bool(tables) and all(len(shape) == 2 and shape[0] == tables[0][0] for shape in tables), "gets no tables")
    widths = [fixed(shape[1], "the width of a table") for shape in tables]
    node.check(node.integers("inputdimensions").tolist() == widths, "has other widths than its inputs")
    return [Value((tables[0][0], sum(widths)))]


def _imputer(node: Node) -> Sequence[Value]:
    rows, width = _table(node)
    node.check(
        node.length("imputed_value_floats", "imputed_value_int64s") in (1, width), "has other values than columns"
    )
    return [Value((rows, width))]


def _scaler(node: Node) -> Sequence[Value]:
    rows, width = _table(node)
    for name in ("offset", "scale"):
        node.check(node.length(name) in (1, width), "has other values than columns")
    return [Value((rows, width))]


def _encoder(node: Node) -> Sequence[Value]:
    """LabelEncoder."""
    kinds = ("strings", "int64s", "floats", "tensor")
    keys = node.length("classes_strings", *(f"keys_{kind}" for kind in kinds))
    values = node.length(*(f"values_{kind}" for kind in kinds))
    node.check(keys > 0 and (node.has("classes_strings") or keys == values), "has other keys than values")
    return _same(node)


def _one_hot(node: Node) -> Sequence[Value]:
    node.count(1, 1)
    shape = node.input(0).shape
    return [Value((*shape, node.length("cats_int64s", "cats_strings")))]


def _linear_classifier(node: Node) -> Sequence[Value]:
    rows, width = _table(node)
    labels, sums = node.length(*_LABELS), node.length("intercepts")
    node.check(0 < sums <= MOST_TARGETS and labels in ((1, 2) if sums == 1 else (sums,)), "has other labels than sums")
    node.check(node.length("coefficients") == sums * width, "has other coefficients than columns")
    node.work = sums * width
    return [Value((rows,)), Value((rows, labels))]


def _linear_regressor(node: Node) -> Sequence[Value]:
    rows, width = _table(node)
    targets = node.integer("targets", 1)
    node.check(0 < targets <= MOST_TARGETS, "has an unusable number of targets")
    node.check(node.length("intercepts") in (0, targets), "has other intercepts than targets")
    node.check(node.length("coefficients") == targets * width, "has other coefficients than columns")
    node.work = targets * width
    return [Value((rows, targets))]


def _support_vectors(node: Node, count: int, width: int) -> None:
    node.check(count > 0 and node.length("support_vectors") == count * width, "has other support vectors than columns")
    node.check(node.length("kernel_params") in (0, 3), "has other kernel parameters")
    node.work = node.length("support_vectors") + node.length("coefficients")
    node.cells = count


def _svm_classifier(node: Node) -> Sequence[Value]:
    rows, width = _table(node)
    labels, by_class = node.length(*_LABELS), node.integers("vectors_per_class")
    pairs = labels * (labels - 1) // 2
    node.check(1 < labels < 1000 and len(by_class) == labels and bool((by_class >= 0).all()), "has other classes")
    count = int(by_class.sum())
    _support_vectors(node, count, width)
    node.check(node.length("coefficients") == (labels - 1) * count, "has other coefficients than support vectors")
    probabilities = node.length("prob_a")
    node.check(node.length("rho") == pairs and probabilities == node.length("prob_b"), "has other pairs of classes")
    node.check(probabilities in (0, pairs), "has other pairs of classes")
    node.cells += labels**2
    scores = labels if probabilities or labels == 2 else pairs
    return [Value((rows,)), Value((rows, scores))]


def _svm_regressor(node: Node) -> Sequence[Value]:
    rows, width = _table(node)
    count = node.integer("n_supports", 0)
    _support_vectors(node, count, width)
    node.check(node.length("coefficients") == count, "has other coefficients than support vectors")
    node.check(node.length("rho") == 1, "has other intercepts than one")
    return [Value((rows, 1))]


def _trees(node: Node) -> Sequence[Value]:
    rows, width = _table(node)
    return [Value((rows, check_trees(node, width)))]


def _tree_classifier(node: Node) -> Sequence[Value]:
    rows, width = _table(node)
    labels = node.length(*_TREE_LABELS)
    check_old_trees(node, width, labels, "class")
    return [Value((rows,)), Value((rows, labels))]


def _tree_regressor(node: Node) -> Sequence[Value]:
    rows, width = _table(node)
    targets = node.integer("n_targets", 1)
    check_old_trees(node, width, targets, "target")
    return [Value((rows, targets))]


def _zip_map(node: Node) -> Sequence[Value]:
    rows, width = _table(node)
    node.check(node.length(*_TREE_LABELS) == width, "has other labels than columns")
    return [Value((rows,), maps=True)]


RULES: Final[dict[str, Rule]] = {
    **dict.fromkeys(("Binarizer", "Normalizer"), _same),
    "ArrayFeatureExtractor": _extracted,
    "FeatureVectorizer": _joined,
    "Imputer": _imputer,
    "Scaler": _scaler,
    "LabelEncoder": _encoder,
    "OneHotEncoder": _one_hot,
    "LinearClassifier": _linear_classifier,
    "LinearRegressor": _linear_regressor,
    "SVMClassifier": _svm_classifier,
    "SVMRegressor": _svm_regressor,
    "TreeEnsemble": _trees,
    "TreeEnsembleClassifier": _tree_classifier,
    "TreeEnsembleRegressor": _tree_regressor,
    "ZipMap": _zip_map,
}
