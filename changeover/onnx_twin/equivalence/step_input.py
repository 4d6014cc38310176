"""The inner steps of an estimator, and the numbers that each gets for rows at the model's input."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from changeover.estimator.inputs import features
from changeover.estimator.wrappers import FROZEN
from changeover.onnx_twin.equivalence.probe_rows import Columns, is_free, number_cell, spread_of
from changeover.onnx_twin.export.converters import is_of_trees
from changeover.onnx_twin.export.tree_arrays import Floats, Ints
from changeover.schema.schema import Schema

_MOST_TRIED: Final = 200  # free columns that are tested for the features they change


@dataclass(frozen=True)
class StepInput:
    """The input of one inner `step` of the estimator `inside`, behind the transformers `before`.

    `float32`: the step rounds its input to float32.
    """

    inside: Any
    before: list[Any]
    step: Any
    schema: Schema
    float32: bool = False

    def of(self, columns: Columns) -> Floats:
        """The numbers that the step gets for rows at the model's input, as float64[rows, features]; NaN for strings."""
        values: Any = features(self.inside, self.schema, columns)
        for transformer in self.before:
            values = transformer.transform(values)
        numbers = _numbers_in(values)
        return numbers.astype(np.float32).astype(np.float64) if self.float32 else numbers

    def movers(self, base: Columns) -> dict[int, str]:
        """For each feature of the step that free columns change, the column that changes it most."""
        free = [column for column in self.schema.columns if is_free(column)]
        free = free[:: max(1, len(free) // _MOST_TRIED)]
        trial = {name: cells[:1] * (2 * len(free)) for name, cells in base.items()}
        for index, column in enumerate(free):
            spread = spread_of(column, base[column.name])
            middle = next((float(c) for c in base[column.name] if isinstance(c, int | float) and c == c), 0.0)
            trial[column.name][2 * index] = number_cell(column, middle - 10 * spread)
            trial[column.name][2 * index + 1] = number_cell(column, middle + 10 * spread)
        if not free:
            return {}
        seen = self.of(trial)
        moved = np.nan_to_num(np.abs(seen[1::2] - seen[::2]))
        most = moved.argmax(axis=0)
        return {
            feature: free[int(index)].name for feature, index in enumerate(most.tolist()) if moved[index, feature] > 0.0
        }

    def neighbours(self, thresholds: Floats) -> tuple[Floats, Floats]:
        """The largest number at or below each threshold, and the one below that, in the precision of the step."""
        if not self.float32:
            return thresholds, np.nextafter(thresholds, -np.inf)
        rounded = thresholds.astype(np.float32)
        at = np.where(rounded > thresholds, np.nextafter(rounded, np.float32(-np.inf)), rounded).astype(np.float32)
        return at.astype(np.float64), np.nextafter(at, np.float32(-np.inf)).astype(np.float64)


@dataclass(frozen=True)
class _Chosen:
    """A transformer that selects some of the columns."""

    indices: Ints

    def transform(self, table: Any) -> Any:
        return table.iloc[:, self.indices] if isinstance(table, pd.DataFrame) else table[:, self.indices]


def inner_steps(part: Any, before: list[Any]) -> Iterator[tuple[list[Any], Any]]:
    """Every inner step whose input comes from transformers alone, with these transformers.

    A tree model is one step. Steps around others are left out.
    """
    if is_of_trees(part):
        yield before, part
    elif hasattr(part, "steps"):
        steps = [step for _, step in part.steps if step is not None and not isinstance(step, str)]
        for index, step in enumerate(steps):
            yield from inner_steps(step, [*before, *steps[:index]])
    elif hasattr(part, "transformers_"):
        indices = getattr(part, "_transformer_to_input_indices", {})
        for name, inside, chosen in part.transformers_:
            if not isinstance(inside, str) and not (isinstance(chosen, str) or not len(indices.get(name, ()))):
                yield from inner_steps(inside, [*before, _Chosen(np.asarray(indices[name], dtype=np.int64))])
    elif hasattr(part, "transformer_list"):
        for _, inside in part.transformer_list:
            if not isinstance(inside, str):
                yield from inner_steps(inside, before)
    elif hasattr(part, "calibrated_classifiers_"):
        for model in part.calibrated_classifiers_:
            yield from inner_steps(model.estimator, before)
    elif isinstance(part, FROZEN):
        yield from inner_steps(part.estimator, before)
    elif hasattr(part, "estimators_"):
        chosen = getattr(part, "estimators_features_", None)  # bagging: each gets some of the columns
        for index, model in enumerate(part.estimators_):
            if not isinstance(model, str):
                steps = [] if chosen is None else [_Chosen(np.asarray(chosen[index]))]
                yield from inner_steps(model, [*before, *steps])
        if hasattr(part, "final_estimator_"):  # stacking: it gets the members' answers
            yield from inner_steps(part.final_estimator_, [*before, part])
    else:
        yield before, part


def _numbers_in(values: Any) -> Floats:
    """A table of any kind as float64, with NaN for whatever is no number."""
    if hasattr(values, "toarray"):
        values = values.toarray()
    if not isinstance(values, pd.DataFrame):
        array = np.asarray(values)
        if array.dtype.kind in "fiub":
            return array.astype(np.float64)
        values = pd.DataFrame(array)
    return np.column_stack([_numbers_of(values.iloc[:, index]) for index in range(values.shape[1])])


def _numbers_of(column: "pd.Series[Any]") -> npt.NDArray[np.float64]:
    if column.dtype == object:
        column = pd.to_numeric(column, errors="coerce")
    if not pd.api.types.is_numeric_dtype(column.dtype):
        return np.full(len(column), np.nan)
    return column.to_numpy(dtype=np.float64, na_value=np.nan)
