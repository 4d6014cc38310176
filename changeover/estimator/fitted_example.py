"""An example in the form that the model was fitted on, and what the model itself says to its rows.

The model is asked with the rows as they are. Where it cannot answer these, the example is a raw table that a publisher
converts before the fit; then only its values are of use.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from changeover.estimator.inspection import input_names
from changeover.estimator.scores import Scores
from changeover.estimator.scoring import own_answers
from changeover.exceptions import ScoringFailed
from changeover.manifest.answer_comparison import same
from changeover.schema.cell_parsers import ColumnType
from changeover.schema.column import Column
from changeover.schema.dtypes import EXACT, category_base, is_integer
from changeover.schema.formats import PARSERS
from changeover.schema.schema import Container

_MOST_ROWS: Final = 200  # of the example that are tried
_MOST_COLUMNS: Final = 64  # that are tried one by one
_NO_NUMBER: Final = "could not convert string to float"  # what Python and numpy say
_ALONE: Final = 5  # rows that are tried alone where the model cannot answer all of them


@dataclass(frozen=True)
class FittedExample:
    """Inputs of a model as it takes them: a frame of its columns in order, or an array."""

    inputs: pd.DataFrame | npt.NDArray[Any]

    def rows(self, positions: Sequence[int]) -> "FittedExample":
        """The rows at `positions`, with the same dtypes."""
        inputs = self.inputs
        return FittedExample(
            inputs.iloc[list(positions)] if isinstance(inputs, pd.DataFrame) else inputs[list(positions)]
        )

    def followed_by(self, others: "FittedExample") -> "FittedExample":
        """These rows and then `others`, which have the same columns and dtypes."""
        if isinstance(self.inputs, pd.DataFrame) and isinstance(others.inputs, pd.DataFrame):
            return FittedExample(pd.concat([self.inputs, others.inputs]))
        return FittedExample(np.concatenate([self.inputs, others.inputs]))

    def sample(self) -> "FittedExample":
        """At most _MOST_ROWS rows, evenly spread."""
        return self.rows(range(len(self.inputs))[:: max(1, len(self.inputs) // _MOST_ROWS)][:_MOST_ROWS])

    def scores(self, estimator: object) -> Scores:
        """What the model says to all rows; raises ScoringFailed."""
        return own_answers(estimator, self.inputs, len(self.inputs))

    def answered(self, estimator: object) -> "FittedExample | None":
        """Rows that the model answers in this form: a sample, or a few of its rows, or None if it answers none."""
        few = self.sample()
        for tried in (few, *(few.rows([position]) for position in range(min(_ALONE, len(few.inputs))))):
            try:
                tried.scores(estimator)
            except ScoringFailed as error:
                if _NO_NUMBER in str(error.__cause__):
                    return None  # a raw table: some of its texts are numbers for the model, others are none
                continue
            return tried
        return None

    def column(self, position: int) -> "pd.Series[Any]":
        """The values of one column."""
        inputs = self.inputs
        return inputs.iloc[:, position] if isinstance(inputs, pd.DataFrame) else pd.Series(inputs[:, position])

    @property
    def array_dtype(self) -> np.dtype[Any] | None:
        """The dtype of an array, None for a frame."""
        return None if isinstance(self.inputs, pd.DataFrame) else self.inputs.dtype

    @property
    def container(self) -> Container:
        """What the model takes."""
        return Container.FRAME if isinstance(self.inputs, pd.DataFrame) else Container.ARRAY

    def indifferent(self, estimator: object, columns: Sequence[Column]) -> frozenset[str]:
        """The names of the columns whose other notation the model answers equally.

        That is float64 for integers, objects for truths, numbers for texts of digits. Their requests may be wider than
        the fit was: a fraction, a missing value, a number.
        """
        try:
            wanted = self.scores(estimator)
        except ScoringFailed:
            return frozenset()
        others: dict[int, pd.Series[Any]] = {}
        for position, column in enumerate(columns):
            other = _other_notation(column, self.column(position))
            if other is not None:
                others[position] = other
        if not others:
            return frozenset()
        if isinstance(self.inputs, pd.DataFrame):
            return self._indifferent(estimator, wanted, columns, others)
        equal = _answers_equally(estimator, np.column_stack([*others.values()]), wanted)
        return frozenset(column.name for column in columns) if len(others) == len(columns) and equal else frozenset()

    def _indifferent(
        self, estimator: object, wanted: Scores, columns: Sequence[Column], others: dict[int, "pd.Series[Any]"]
    ) -> frozenset[str]:
        if _answers_equally(estimator, self._with(others), wanted):
            return frozenset(columns[position].name for position in others)
        tried: Iterable[int] = list(others)[:_MOST_COLUMNS]
        return frozenset(
            columns[position].name
            for position in tried
            if _answers_equally(estimator, self._with({position: others[position]}), wanted)
        )

    def _with(self, others: dict[int, "pd.Series[Any]"]) -> pd.DataFrame:
        assert isinstance(self.inputs, pd.DataFrame)
        series = {
            position: others.get(position, self.inputs.iloc[:, position])
            for position in range(len(self.inputs.columns))
        }
        return pd.DataFrame(series, index=self.inputs.index).set_axis(self.inputs.columns, axis=1)


def _answers_equally(estimator: object, inputs: object, wanted: Scores) -> bool:
    try:
        scores = own_answers(estimator, inputs, len(wanted.labels))
    except ScoringFailed:
        return False
    return same(scores.labels, wanted.labels) and same(scores.probabilities, wanted.probabilities)


def _other_notation(column: Column, values: "pd.Series[Any]") -> "pd.Series[Any] | None":
    if category_base(column.dtype) is not None:
        return None
    if column.type is ColumnType.INTEGER:
        present = values[values.notna()]
        if len(present) and max(abs(int(present.max())), abs(int(present.min()))) >= EXACT:
            return None
        nullable = is_integer(column.dtype) and column.dtype[0] in "IU"
        return values.astype("Float64" if nullable else "float64")
    if column.dtype == "bool":
        return values.astype(object)
    if column.type is ColumnType.STRING and column.format is None and column.dtype in ("object", "str", "string", "U"):
        return _numbers(values)
    return None


def _numbers(texts: "pd.Series[Any]") -> "pd.Series[Any] | None":
    """The numbers that the texts say, or None unless all of them are numbers."""
    if not texts.notna().any():
        return None
    try:
        numbers = [PARSERS[None](text) if isinstance(text, str) else float("nan") for text in texts.tolist()]
    except ValueError:
        return None
    return pd.Series(numbers, index=texts.index, dtype="float64")


def fitted_example(estimator: object, example: object, names: Sequence[str]) -> FittedExample | None:
    """`example` as inputs with the columns `names`, or None if it does not have them.

    A frame without names of its own, as one made of an array, is an array, as is any other container.
    """
    if isinstance(example, Sequence) and example and isinstance(example[0], dict):
        example = pd.DataFrame(list(example))
    if isinstance(example, pd.Series):
        example = example.to_frame()
    if isinstance(example, pd.DataFrame):
        if input_names(estimator) is None and not all(isinstance(name, str) for name in example.columns):
            return _of_array(example.to_numpy(), names)
        labels = [str(name) for name in example.columns]
        if len(set(labels)) < len(labels) or not set(names) <= set(labels):
            return None
        return FittedExample(example.iloc[:, [labels.index(name) for name in names]])
    toarray = getattr(example, "toarray", None)
    return _of_array(np.asarray(example if toarray is None else toarray()), names)


def _of_array(array: npt.NDArray[Any], names: Sequence[str]) -> FittedExample | None:
    array = array.reshape(-1, 1) if array.ndim == 1 else array
    return FittedExample(array) if array.ndim == 2 and array.shape[1] == len(names) and len(array) else None
