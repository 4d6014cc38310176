"""Sample rows on both sides of a tree's thresholds, searched for at the model's input.

For each threshold, the search finds input values for which the trees compare the largest number that still goes left,
the number below it and the number above it. These are neighbours in float32 if the trees compare float32, else in
float64.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from changeover.estimator.inputs import features
from changeover.estimator.wrappers import FROZEN
from changeover.onnx_twin.equivalence.probe_rows import Batch, Columns, is_free, number_cell, spread_of
from changeover.onnx_twin.export.converters import is_of_trees
from changeover.onnx_twin.export.ensembles import ensemble_of
from changeover.onnx_twin.export.tree_arrays import Ensemble, Floats, Ints
from changeover.onnx_twin.export.unwrap import unwrap
from changeover.request.tensors import LARGEST
from changeover.schema.cell_parsers import Cell
from changeover.schema.schema import Schema

_HALVINGS: Final = 64
_SIDES: Final = 4  # below, the first at, the last at, above
_MOST_MODELS: Final = 10  # of the trees inside an ensemble of models
_MOST_TRIED: Final = 200  # free columns that are tested for the features they change


@dataclass(frozen=True)
class _Model:
    """A tree model and the steps before it."""

    inside: Any
    before: list[Any]
    ensemble: Ensemble
    schema: Schema

    def seen(self, columns: Columns) -> Floats:
        """The values that the trees compare, as float64, for rows at the model's input."""
        values: Any = features(self.inside, self.schema, columns)
        for step in self.before:
            values = step.transform(values)
        table = np.asarray(values.toarray() if hasattr(values, "toarray") else values, dtype=np.float64)
        return table.astype(np.float32).astype(np.float64) if self.ensemble.float32 else table

    def neighbours(self, thresholds: Floats) -> tuple[Floats, Floats]:
        """The largest number at or below each threshold, and the one below that, in the precision of the trees."""
        if not self.ensemble.float32:
            return thresholds, np.nextafter(thresholds, -np.inf)
        rounded = thresholds.astype(np.float32)
        at = np.where(rounded > thresholds, np.nextafter(rounded, np.float32(-np.inf)), rounded).astype(np.float32)
        return at.astype(np.float64), np.nextafter(at, np.float32(-np.inf)).astype(np.float64)


@dataclass(frozen=True)
class _Targets:
    """Thresholds of `feature`s, each with a given row that reaches it and the free column that changes it."""

    rows: Ints
    columns: list[str]
    feature: Ints
    threshold: Floats


def at_thresholds(estimator: object, schema: Schema, base: Columns, rows: int, budget: int) -> list[Batch]:
    """Batches of at most `budget` rows in all, four a threshold, for every inner tree model."""
    inside = unwrap(estimator).inside
    models = list(_models_of_trees(inside, []))[:_MOST_MODELS]
    batches = []
    for before, last in models:
        model = _Model(inside, before, ensemble_of(last), schema)
        batch = _at_thresholds_of(model, base, rows, budget // len(models) // _SIDES)
        if batch is not None:
            batches.append(batch)
    return batches


def _at_thresholds_of(model: _Model, base: Columns, rows: int, most: int) -> Batch | None:
    targets = _targets(model, base, rows, most)
    if not len(targets.rows):
        return None
    at, below = model.neighbours(targets.threshold)
    low, first = _crossing(model, base, targets, below)
    last_at, above = _crossing(model, base, targets, at)
    sides = np.stack([low, first, last_at, above], axis=1)
    columns = _at_rows(base, np.repeat(targets.rows, _SIDES))
    for index, value in enumerate(sides.reshape(-1).tolist()):
        name = targets.columns[index // _SIDES]
        columns[name][index] = number_cell(model.schema.by_name[name], value)
    return Batch("a row at a threshold", columns, sides.size)


def _models_of_trees(part: Any, before: list[Any]) -> Iterator[tuple[list[Any], Any]]:
    """Every inner tree model whose input comes from transformers alone, with these transformers."""
    if is_of_trees(part):
        yield before, part
    elif hasattr(part, "steps"):
        steps = [step for _, step in part.steps if step is not None and not isinstance(step, str)]
        yield from _models_of_trees(steps[-1], [*before, *steps[:-1]])
    elif hasattr(part, "calibrated_classifiers_"):
        for model in part.calibrated_classifiers_:
            yield from _models_of_trees(model.estimator, before)
    elif isinstance(part, FROZEN):
        yield from _models_of_trees(part.estimator, before)
    else:
        chosen = getattr(part, "estimators_features_", None)  # bagging: each gets some of the columns
        for index, model in enumerate(getattr(part, "estimators_", ())):
            steps = [] if chosen is None else [_Chosen(np.asarray(chosen[index]))]
            yield from _models_of_trees(model, [*before, *steps])


@dataclass(frozen=True)
class _Chosen:
    """A transformer that selects some of the columns."""

    indices: Ints

    def transform(self, table: Any) -> Floats:
        return np.asarray(table, dtype=np.float64)[:, self.indices]


def _at_rows(base: Columns, rows: Ints) -> Columns:
    indices = rows.tolist()
    return {name: [cells[index] for index in indices] for name, cells in base.items()}


def _targets(model: _Model, base: Columns, rows: int, most: int) -> _Targets:
    """At most `most` inner nodes, sampled from all nodes that a given row reaches."""
    seen = model.seen(base)
    movers = _movers(model, base)
    reached: list[tuple[int, int, int]] = []
    for index, tree in enumerate(model.ensemble.trees):
        at = np.zeros(rows, dtype=np.int64)
        row_of_node: dict[int, int] = {}
        moving = np.arange(rows)[tree.left[at] >= 0]
        while len(moving):
            nodes = at[moving]
            row_of_node.update(zip(nodes.tolist(), moving.tolist(), strict=True))
            values = seen[moving, tree.feature[nodes]]
            left = np.where(np.isnan(values), tree.nan_left[nodes], values <= tree.threshold[nodes])
            at[moving] = np.where(left, tree.left[nodes], tree.right[nodes])
            moving = moving[tree.left[at[moving]] >= 0]
        reached += [(index, node, row) for node, row in row_of_node.items() if int(tree.feature[node]) in movers]
    order = np.random.default_rng(0).permutation(len(reached))[:most].tolist()
    chosen = [reached[index] for index in order]
    trees = model.ensemble.trees
    features_ = [int(trees[tree].feature[node]) for tree, node, _ in chosen]
    return _Targets(
        np.array([row for _, _, row in chosen], dtype=np.int64),
        [movers[feature] for feature in features_],
        np.array(features_, dtype=np.int64),
        np.array([trees[tree].threshold[node] for tree, node, _ in chosen], dtype=np.float64),
    )


def _movers(model: _Model, base: Columns) -> dict[int, str]:
    """For each feature of the trees that free columns change, the column that changes it most."""
    free = [column for column in model.schema.columns if is_free(column)]
    free = free[:: max(1, len(free) // _MOST_TRIED)]
    trial = {name: cells[:1] * (2 * len(free)) for name, cells in base.items()}
    for index, column in enumerate(free):
        spread = spread_of(column, base[column.name])
        middle = next((float(c) for c in base[column.name] if isinstance(c, int | float) and c == c), 0.0)
        trial[column.name][2 * index] = number_cell(column, middle - 10 * spread)
        trial[column.name][2 * index + 1] = number_cell(column, middle + 10 * spread)
    if not free:
        return {}
    seen = model.seen(trial)
    moved = np.nan_to_num(np.abs(seen[1::2] - seen[::2]))
    most = moved.argmax(axis=0)
    return {
        feature: free[int(index)].name for feature, index in enumerate(most.tolist()) if moved[index, feature] > 0.0
    }


def _crossing(model: _Model, base: Columns, targets: _Targets, bounds: Floats) -> tuple[Floats, Floats]:
    """Neighbouring doubles at which the trees' values cross `bounds`.

    The first of the two is at or below the bound if the feature grows with the column, else above.
    """
    count = len(targets.rows)
    columns = _at_rows(base, targets.rows)
    low, high = _ordered(np.full(count, 1 - LARGEST)), _ordered(np.full(count, LARGEST - 1))
    starts_left = _is_left(model, columns, targets, bounds, _double(low))
    for _ in range(_HALVINGS):
        middle = low // 2 + high // 2 + (low & high & 1)
        left = _is_left(model, columns, targets, bounds, _double(middle))
        same = left == starts_left
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    return _double(low), _double(high)


def _is_left(
    model: _Model, columns: Columns, targets: _Targets, bounds: Floats, values: Floats
) -> npt.NDArray[np.bool_]:
    by_name = model.schema.by_name
    for index, (name, value) in enumerate(zip(targets.columns, values.tolist(), strict=True)):
        cell: Cell = number_cell(by_name[name], value)
        columns[name][index] = cell
    seen = model.seen(columns)
    left: npt.NDArray[np.bool_] = seen[np.arange(len(values)), targets.feature] <= bounds
    return left


def _ordered(values: Floats) -> Ints:
    """Doubles as integers in the same order, with neighbours one apart."""
    bits = values.view(np.int64)
    return np.where(bits < 0, np.iinfo(np.int64).min - bits, bits)


def _double(ordered: Ints) -> Floats:
    bits = np.where(ordered < 0, np.iinfo(np.int64).min - ordered, ordered)
    return np.ascontiguousarray(bits).view(np.float64)
