"""Checks of arrays that compiled code indexes without bounds checks: sparse matrices, splines, SVMs and others."""

from typing import Any, Final

import numpy as np

from changeover.artifact.state.need import attribute, is_count, need

_MOST_DEGREE: Final = 1000  # of a spline
_TWISTER_WORDS: Final = 624


def _is_array(value: object, dimensions: int, kinds: str = "f") -> bool:
    return type(value) is np.ndarray and value.ndim == dimensions and value.dtype.kind in kinds


def check_sparse(matrix: Any) -> None:
    """Check a SciPy sparse matrix: its indices lie inside its shape, its pointers never decrease."""
    shape = attribute(matrix, "_shape")
    whole = type(shape) is tuple and 1 <= len(shape) <= 2 and all(is_count(length) for length in shape)
    need(whole, "", "is a sparse matrix without a shape")
    kind = matrix.format
    check = {"csr": _check_compressed, "csc": _check_compressed, "bsr": _check_blocks, "coo": _check_coordinates}.get(
        kind
    )
    need(check is not None, "", f"is a sparse matrix in the form {kind!r}: only csr, csc, bsr and coo are taken")
    assert check is not None
    check(matrix, shape if len(shape) == 2 else (1, shape[0]))


def _check_compressed(matrix: Any, shape: tuple[int, int]) -> None:
    rows, columns = shape if matrix.format == "csr" else shape[::-1]
    data = attribute(matrix, "data")
    need(_is_array(data, 1, "fiubc"), ".data", "is no array of numbers")
    _check_pointers(matrix, rows, columns, len(data))


def _check_blocks(matrix: Any, shape: tuple[int, int]) -> None:
    data = attribute(matrix, "data")
    need(_is_array(data, 3, "fiubc") and data.shape[1] and data.shape[2], ".data", "is no array of blocks")
    need(not shape[0] % data.shape[1] and not shape[1] % data.shape[2], ".data", "has blocks that do not fit the shape")
    _check_pointers(matrix, shape[0] // data.shape[1], shape[1] // data.shape[2], len(data))


def _check_pointers(matrix: Any, rows: int, columns: int, stored: int) -> None:
    pointers, indices = attribute(matrix, "indptr"), attribute(matrix, "indices")
    need(_is_array(pointers, 1, "i") and len(pointers) == rows + 1, ".indptr", f"does not have {rows + 1} places")
    need(pointers[0] == 0 and (pointers[1:] >= pointers[:-1]).all(), ".indptr", "goes back")
    need(_is_array(indices, 1, "i"), ".indices", "is no array of indices")
    need(pointers[-1] <= min(len(indices), stored), ".indptr", f"points outside the {stored} numbers that there are")
    inside = not len(indices) or (indices.min() >= 0 and indices.max() < columns)
    need(inside, ".indices", f"points outside the {columns} columns that there are")


def _check_coordinates(matrix: Any, shape: tuple[int, int]) -> None:
    data, axes = attribute(matrix, "data"), attribute(matrix, "coords")
    need(_is_array(data, 1, "fiubc"), ".data", "is no array of numbers")
    need(type(axes) is tuple and len(axes) == len(matrix.shape), ".coords", "does not have a list for each dimension")
    for indices, length in zip(axes, shape[-len(axes) :], strict=True):
        fits = _is_array(indices, 1, "i") and len(indices) == len(data)
        need(
            fits and (not len(indices) or (indices.min() >= 0 and indices.max() < length)),
            ".coords",
            "points outside the shape",
        )


def check_spline(spline: Any) -> None:
    """Check a SciPy B-spline: its knots never decrease, and it has enough coefficients."""
    knots, weights, degree = (vars(spline).get(f"_{name}", vars(spline).get(name)) for name in "tck")
    need(is_count(degree) and degree <= _MOST_DEGREE, ".k", "is no degree")
    need(_is_array(knots, 1) and len(knots) >= 2 * degree + 2, ".t", "has too few knots")
    need(np.isfinite(knots).all() and (knots[1:] >= knots[:-1]).all(), ".t", "has knots that go back")
    fits = type(weights) is np.ndarray and weights.dtype.kind in "fc" and weights.ndim >= 1
    need(fits and len(weights) >= len(knots) - degree - 1, ".c", "has too few coefficients")
    need(is_count(attribute(spline, "axis")) and spline.axis < weights.ndim, ".axis", "is no axis")


def check_neighbour_tree(tree: Any) -> None:
    """Check a k-d or ball tree: each node's points are in the data, and the last level has only leaves."""
    data, order, nodes, bounds, leaf_size, levels, count, *_, metric, weights = tree.__getstate__()
    need(_is_array(data, 2) and data.size, "", "is a tree of no points")
    points, columns = data.shape
    need(is_count(leaf_size, 1) and is_count(levels, 1) and levels < 60, "", "is a tree of an impossible size")
    need(count == 2**levels - 1 == len(nodes), "", "is a tree with another number of nodes than it says")
    need(_is_array(order, 1, "i") and len(order) == points, "", "is a tree that does not order its points")
    need(order.min() >= 0 and order.max() < points, "", f"is a tree that names a point outside its {points}")
    begin, end = nodes["idx_start"], nodes["idx_end"]
    inside = (begin >= 0).all() and (end >= begin).all() and (end <= points).all()
    need(inside, "", f"is a tree with a node outside its {points} points")
    need((nodes["is_leaf"][count // 2 :] != 0).all(), "", "is a tree that goes on below its last level")
    sides = 2 if "KDTree" in type(tree).__name__ else 1
    need(_is_array(bounds, 3) and bounds.shape == (sides, count, columns), "", "is a tree with bounds of other nodes")
    need(
        weights is None or (_is_array(weights, 1) and len(weights) == points),
        "",
        "is a tree with other weights than points",
    )
    _check_metric(metric, columns)


def _check_metric(metric: Any, columns: int) -> None:
    need(type(metric).__module__ == "sklearn.metrics._dist_metrics", "", "is a tree without a distance")
    _, vector, matrix = metric.__getstate__()[:3]
    name = type(metric).__name__
    if "SEuclidean" in name or ("Minkowski" in name and vector.size):
        need(vector.shape == (columns,), "", f"has a distance that is not of {columns} columns")
    if "Mahalanobis" in name:
        need(matrix.shape == (columns, columns), "", f"has a distance that is not of {columns} columns")


def check_classes_of_neighbours(estimator: Any) -> None:
    """Check a nearest-neighbour classifier: the class index of each point exists."""
    labels, classes = attribute(estimator, "_y"), attribute(estimator, "classes_")
    if _is_array(labels, 1, "i") and type(classes) is np.ndarray and len(labels):
        need(labels.min() >= 0 and labels.max() < len(classes), "._y", f"names a class outside the {len(classes)}")
        points = attribute(estimator, "_fit_X")
        need(getattr(points, "shape", (None,))[0] == len(labels), "._y", "has another number of points than the data")


def check_support_vectors(estimator: Any) -> None:
    """Check a libsvm model: vectors, coefficients and class counts agree in number."""
    counts = attribute(estimator, "_n_support")
    if counts is None:
        return
    support, vectors, weights, intercept = (
        attribute(estimator, name) for name in ("support_", "support_vectors_", "_dual_coef_", "_intercept_")
    )
    need(_is_array(counts, 1, "i") and len(counts) >= 2 and (counts >= 0).all(), "._n_support", "is no list of counts")
    need(_is_array(support, 1, "i"), ".support_", "is no list of indices")
    classes, count = len(counts), len(support)
    pairs = classes * (classes - 1) // 2
    classifies = attribute(estimator, "classes_") is not None
    total = int(counts.astype(np.int64).sum()) if classifies else int(counts[0])
    need(total == count, "._n_support", f"does not say that there are {count} support vectors")
    needs_rows = not (estimator.kernel == "precomputed" or callable(estimator.kernel))
    rows = getattr(vectors, "shape", (0, 0))
    if needs_rows:
        need(rows == (count, attribute(estimator, "n_features_in_")), ".support_vectors_", "is of another shape")
    else:
        fitted = attribute(estimator, "shape_fit_")
        length = fitted[0] if type(fitted) is tuple and fitted else 0
        inside = not count or (support.min() >= 0 and support.max() < length)
        need(inside, ".support_", f"names a row outside the {length} of the fit")
    need(getattr(weights, "shape", ()) == (classes - 1, count), "._dual_coef_", "is of another shape")
    if not isinstance(weights, np.ndarray):
        need(len(weights.data) == (classes - 1) * count, "._dual_coef_", "leaves numbers out")
    need(_is_array(intercept, 1) and len(intercept) == pairs, "._intercept_", f"does not have {pairs} numbers")
    slopes = [attribute(estimator, name) for name in ("_probA", "_probB")]
    for values in slopes:
        need(_is_array(values, 1) and len(values) in (0, pairs), "._probA", f"does not have {pairs} numbers")
    need(len(slopes[0]) == len(slopes[1]), "._probB", "is of another length than _probA")


def check_centres(estimator: Any) -> None:
    """Check cluster centres: each has one number a column. Prediction is limited to one thread."""
    centres, columns = attribute(estimator, "cluster_centers_"), attribute(estimator, "n_features_in_")
    if centres is None:
        return
    need(is_count(columns), ".n_features_in_", "is no number of columns")
    fits = _is_array(centres, 2) and centres.shape[0] and centres.shape[1] == columns
    need(fits, ".cluster_centers_", f"does not have {columns} columns")
    vars(estimator)["_n_threads"] = 1
    seen: set[int] = set()
    nodes = [attribute(estimator, "_bisecting_tree")]
    while nodes:
        node = nodes.pop()
        if node is None:
            continue
        need(id(node) not in seen and hasattr(node, "__dict__"), "._bisecting_tree", "comes back to itself")
        seen.add(id(node))
        centre = attribute(node, "center")
        need(
            _is_array(centre, 1) and len(centre) == columns,
            "._bisecting_tree",
            f"has a centre without {columns} columns",
        )
        nodes += [attribute(node, "left"), attribute(node, "right")]


def check_random(generator: Any) -> None:
    """Check a random generator: the position lies inside its state."""
    kind = generator if isinstance(generator, np.random.BitGenerator) else getattr(generator, "_bit_generator", None)
    if isinstance(kind, np.random.MT19937):
        need(0 <= kind.state["state"]["pos"] <= _TWISTER_WORDS, "", "is a random generator outside its state")
    elif isinstance(kind, np.random.Philox):
        need(0 <= kind.state["buffer_pos"] <= 4, "", "is a random generator outside its state")
