"""Sample rows on both sides of the numbers that steps hold: bin edges, thresholds, limits, quantiles, categories.

The answer of such a step may jump there, and a comparison of `>` and `>=` differs there alone. The numbers are read
from the step's parameters and fitted attributes, so that a step of any library is covered.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from sklearn.decomposition import PCA, IncrementalPCA, TruncatedSVD
from sklearn.feature_selection import SelectorMixin
from sklearn.preprocessing import MaxAbsScaler, RobustScaler, StandardScaler

from changeover.onnx_twin.equivalence.crossings import SIDES, Targets, on_all_sides
from changeover.onnx_twin.equivalence.probe_rows import Batch, Columns
from changeover.onnx_twin.equivalence.step_input import StepInput, inner_steps
from changeover.onnx_twin.export.converters import is_of_trees
from changeover.onnx_twin.export.unwrap import unwrap
from changeover.request.tensors import LARGEST
from changeover.schema.schema import Schema

_MOST_STEPS: Final = 20
_MOST_FEATURES: Final = 10_000  # of one step: its input for 400 rows is 32 MB
_PARAMETERS: Final = ("threshold", "binarize", "missing_values", "fill_value")  # for all features of a step
# their numbers are offsets and factors, at which nothing jumps, or decide which columns are kept
_SMOOTH: Final = (StandardScaler, RobustScaler, MaxAbsScaler, PCA, IncrementalPCA, TruncatedSVD, SelectorMixin)


def at_edges(estimator: object, schema: Schema, base: Columns, rows: int, budget: int) -> list[Batch]:
    """Batches of at most `budget` rows in all, four a number, for every inner step that is no tree model."""
    inside = unwrap(estimator).inside
    steps = [
        (StepInput(inside, before, step, schema), numbers)
        for before, step in inner_steps(inside, [])
        if not is_of_trees(step) and (numbers := held_numbers(step))
    ][:_MOST_STEPS]
    batches = []
    for step, numbers in steps:
        targets = _targets(step, numbers, base, rows, budget // len(steps) // SIDES)
        if len(targets.rows):
            what = f"a row at a number of the {type(step.step).__name__}"
            batches.append(on_all_sides(step, base, targets, what))
    return batches


def held_numbers(step: Any) -> list[tuple[int, float]]:
    """The numbers that a fitted step may compare its input with, each with the index of a feature of its input."""
    width = getattr(step, "n_features_in_", 0)
    if isinstance(step, _SMOOTH) or width > _MOST_FEATURES:
        return []
    found: dict[tuple[int, float], None] = {}
    fits = hasattr(step, "transform") and not hasattr(step, "predict")
    for name, value in sorted(getattr(step, "__dict__", {}).items()):
        if name in _PARAMETERS:
            numbers: Iterable[tuple[int, Any]] = ((feature, value) for feature in range(width))
        elif fits and name.endswith("_"):
            numbers = _by_feature(value, width)
        else:
            continue
        found.update(dict.fromkeys((feature, float(number)) for feature, number in numbers if _is_edge(number)))
    return list(found)


def _is_edge(number: Any) -> bool:
    is_number = isinstance(number, int | float | np.number) and not isinstance(number, bool)
    return bool(is_number and abs(number) < LARGEST)


def _by_feature(value: Any, width: int) -> Iterator[tuple[int, Any]]:
    """The entries of an attribute that has some for each feature: a list of arrays, or an array with a column each."""
    is_array = isinstance(value, np.ndarray) and value.dtype != object
    if is_array and value.ndim in (1, 2) and value.shape[-1] == width:
        yield from ((index % width, number) for index, number in enumerate(value.reshape(-1).tolist()))
    elif not is_array and isinstance(value, list | tuple | np.ndarray) and len(value) == width:
        for feature, entries in enumerate(value):
            yield from ((feature, number) for number in np.ravel(np.asarray(entries, dtype=object)).tolist())


def _targets(step: StepInput, numbers: list[tuple[int, float]], base: Columns, rows: int, most: int) -> Targets:
    """At most `most` of the numbers, sampled from those of features that a column changes, each with some row."""
    movers = step.movers(base)
    random = np.random.default_rng(0)
    moved = [(feature, number) for feature, number in numbers if feature in movers]
    chosen = [moved[index] for index in random.permutation(len(moved))[:most].tolist()]
    at: npt.NDArray[np.int64] = random.integers(rows, size=len(chosen))
    features = [feature for feature, _ in chosen]
    return Targets(
        at,
        [movers[feature] for feature in features],
        np.array(features, dtype=np.int64),
        np.array([number for _, number in chosen], dtype=np.float64),
    )
