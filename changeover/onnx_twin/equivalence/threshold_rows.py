"""Sample rows on both sides of the thresholds of trees."""

from typing import Final

import numpy as np

from changeover.onnx_twin.equivalence.crossings import SIDES, Targets, on_all_sides
from changeover.onnx_twin.equivalence.probe_rows import Batch, Columns
from changeover.onnx_twin.equivalence.step_input import StepInput, inner_steps
from changeover.onnx_twin.export.converters import is_of_trees
from changeover.onnx_twin.export.ensembles import ensemble_of
from changeover.onnx_twin.export.tree_arrays import Ensemble
from changeover.onnx_twin.export.unwrap import unwrap
from changeover.schema.schema import Schema

_MOST_MODELS: Final = 10  # of the trees inside an ensemble of models


def at_thresholds(estimator: object, schema: Schema, base: Columns, rows: int, budget: int) -> list[Batch]:
    """Batches of at most `budget` rows in all, four a threshold, for every inner tree model."""
    inside = unwrap(estimator).inside
    models = [(before, step) for before, step in inner_steps(inside, []) if is_of_trees(step)][:_MOST_MODELS]
    batches = []
    for before, model in models:
        ensemble = ensemble_of(model)
        step = StepInput(inside, before, model, schema, float32=ensemble.float32)
        targets = _targets(step, ensemble, base, rows, budget // len(models) // SIDES)
        if len(targets.rows):
            batches.append(on_all_sides(step, base, targets, "a row at a threshold"))
    return batches


def _targets(step: StepInput, ensemble: Ensemble, base: Columns, rows: int, most: int) -> Targets:
    """At most `most` inner nodes, sampled from all nodes that a given row reaches."""
    seen = step.of(base)
    movers = step.movers(base)
    reached: list[tuple[int, int, int]] = []
    for index, tree in enumerate(ensemble.trees):
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
    trees = ensemble.trees
    features = [int(trees[tree].feature[node]) for tree, node, _ in chosen]
    return Targets(
        np.array([row for _, _, row in chosen], dtype=np.int64),
        [movers[feature] for feature in features],
        np.array(features, dtype=np.int64),
        np.array([trees[tree].threshold[node] for tree, node, _ in chosen], dtype=np.float64),
    )
