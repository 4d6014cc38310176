"""Sample rows on both sides of the numbers that a step compares with, searched for at the model's input.

For each number, the search finds input values for which the step gets the largest number at or below it, the number
below that and the number above it. These are neighbours in float32 if the step compares float32, else in float64.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from changeover.onnx_twin.equivalence.probe_rows import Batch, Columns, number_cell
from changeover.onnx_twin.equivalence.step_input import StepInput
from changeover.onnx_twin.export.tree_arrays import Floats, Ints
from changeover.request.tensors import LARGEST

_HALVINGS: Final = 64
SIDES: Final = 4  # below, the first at, the last at, above


@dataclass(frozen=True)
class Targets:
    """Thresholds of `feature`s, each with a given row that reaches it and the free column that changes it."""

    rows: Ints
    columns: list[str]
    feature: Ints
    threshold: Floats

    def only(self, chosen: npt.NDArray[np.bool_]) -> "Targets":
        """The targets where `chosen` is true."""
        columns = [name for name, is_chosen in zip(self.columns, chosen.tolist(), strict=True) if is_chosen]
        return Targets(self.rows[chosen], columns, self.feature[chosen], self.threshold[chosen])


def on_all_sides(step: StepInput, base: Columns, targets: Targets, what: str) -> Batch:
    """A batch of SIDES rows for each target, in that order."""
    at, below = step.neighbours(targets.threshold)
    sides = np.stack([below, at, at, np.nextafter(at, np.inf)], axis=1)
    searched = np.ones(len(sides), dtype=bool) if step.float32 else ~_is_got(step, base, targets, sides)
    if searched.any():
        some = targets.only(searched)
        low, first = _crossing(step, base, some, below[searched])
        last_at, above = _crossing(step, base, some, at[searched])
        sides[searched] = np.stack([low, first, last_at, above], axis=1)
    return Batch(what, _with_cells(step, base, targets, sides), sides.size)


def _with_cells(step: StepInput, base: Columns, targets: Targets, values: Floats) -> Columns:
    """The rows of the targets, each repeated for every one of its `values`, float64[targets, k]."""
    columns = _at_rows(base, np.repeat(targets.rows, values.shape[1]))
    for index, value in enumerate(values.reshape(-1).tolist()):
        name = targets.columns[index // values.shape[1]]
        columns[name][index] = number_cell(step.schema.by_name[name], value)
    return columns


def _is_got(step: StepInput, base: Columns, targets: Targets, values: Floats) -> npt.NDArray[np.bool_]:
    """Whether the step gets all `values` of a target as they are at the model's input: no search is needed."""
    seen = step.of(_with_cells(step, base, targets, values))
    got = seen[np.arange(values.size), np.repeat(targets.feature, values.shape[1])]
    is_got: npt.NDArray[np.bool_] = (got.reshape(values.shape) == values).all(axis=1)
    return is_got


def _at_rows(base: Columns, rows: Ints) -> Columns:
    indices = rows.tolist()
    return {name: [cells[index] for index in indices] for name, cells in base.items()}


def _crossing(step: StepInput, base: Columns, targets: Targets, bounds: Floats) -> tuple[Floats, Floats]:
    """Neighbouring doubles at which the step's numbers cross `bounds`.

    The first of the two is at or below the bound if the feature grows with the column, else above.
    """
    count = len(targets.rows)
    low, high = _ordered(np.full(count, 1 - LARGEST)), _ordered(np.full(count, LARGEST - 1))
    starts_left = _is_left(step, base, targets, bounds, _double(low))
    for _ in range(_HALVINGS):
        middle = low // 2 + high // 2 + (low & high & 1)
        left = _is_left(step, base, targets, bounds, _double(middle))
        same = left == starts_left
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    return _double(low), _double(high)


def _is_left(step: StepInput, base: Columns, targets: Targets, bounds: Floats, values: Floats) -> npt.NDArray[np.bool_]:
    seen = step.of(_with_cells(step, base, targets, values[:, None]))
    left: npt.NDArray[np.bool_] = seen[np.arange(len(values)), targets.feature] <= bounds
    return left


def _ordered(values: Floats) -> Ints:
    """Doubles as integers in the same order, with neighbours one apart."""
    bits = values.view(np.int64)
    return np.where(bits < 0, np.iinfo(np.int64).min - bits, bits)


def _double(ordered: Ints) -> Floats:
    bits = np.where(ordered < 0, np.iinfo(np.int64).min - ordered, ordered)
    return np.ascontiguousarray(bits).view(np.float64)
