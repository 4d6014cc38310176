"""The runner of an ONNX twin: two tensors in, labels and probabilities out.

Its bytes are checked as data first (`twin_check.py`). A twin with a linear map is computed by numpy
(`linear_map.py`), every other by an onnxruntime session. A row is left to the model (AskOriginal) if its scores are too close to call, its
numbers are too large to be exact, or its answer is not finite.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from changeover.exceptions import AskOriginal
from changeover.json_types import Json
from changeover.onnx_twin.description import NUMBERS, TEXTS, Description, ScoreKind
from changeover.onnx_twin.graph_session import open_session, rows_at_once
from changeover.onnx_twin.linear_map import LinearScorer
from changeover.onnx_twin.twin_check import check_twin
from changeover.request.tensors import LARGEST, Numbers, Texts
from changeover.schema.schema import Schema

_SQUARES: Final = LARGEST**2
Answers = tuple[list[Json], list[Json] | None]


class TwinRunner:
    """A loaded ONNX twin. Thread-safe."""

    def __init__(self, twin: bytes, schema: Schema) -> None:
        """Load the bytes `twin`, whose digest is already verified, for the columns of `schema`; raises NoTwin."""
        checked = check_twin(twin, schema)
        self._description = checked.description
        self._linear = None if checked.linear is None else LinearScorer(checked.linear)
        self._input_names = checked.inputs
        self._outputs = list(checked.graph.outputs)
        self._rows_at_once = rows_at_once(checked.graph.cells_a_row)
        del checked  # several times the size of the twin, which the session will be again
        # a linear map needs the metadata alone: the session would only take memory
        self._session: Any = open_session(twin) if self._linear is None else None

    @property
    def description(self) -> Description:
        """The meaning of the scores."""
        return self._description

    def run(self, numbers: Numbers, texts: Texts | None = None, *, small: bool = False) -> Answers:
        """The label of each row, and its probabilities, one a class, where the model has them.

        `numbers` is float64[N, k], `texts` object[N, m], as returned by `changeover.request.tensors.tensors`; `small`:
        no number is 2^53 or more in size. Labels keep their type in JSON. Raises AskOriginal if any row must be left to
        the model.
        """
        # one pass without warnings; NaN and large numbers get a second check
        if not small and not np.vdot(numbers, numbers) < _SQUARES:
            _check_size(numbers)
        if len(numbers) == 1:
            linear = self._linear
            return self._one(linear.one(numbers, texts) if linear else self.scores(numbers, texts)[0].tolist())
        scores = self.scores(numbers, texts)
        doubtful = self.doubtful(scores)
        if doubtful.any():
            raise AskOriginal(f"{int(doubtful.sum())} of {len(scores)} rows are too close to call, or have no answer")
        return self.labels(scores), scores.tolist() if self._description.scores is ScoreKind.PROBABILITIES else None

    def scores(self, numbers: Numbers, texts: Texts | None) -> Numbers:
        """The output of the graph, or of the linear map, as float64[N, c]."""
        if self._linear is not None:
            return self._linear.many(numbers, texts)
        if len(numbers) > self._rows_at_once:
            starts = range(0, len(numbers), self._rows_at_once)
            parts = [slice(start, start + self._rows_at_once) for start in starts]
            return np.vstack([self._run(numbers[part], None if texts is None else texts[part]) for part in parts])
        return self._run(numbers, texts)

    def _run(self, numbers: Numbers, texts: Texts | None) -> Numbers:
        inputs: dict[str, object] = {}
        if NUMBERS in self._input_names:
            inputs[NUMBERS] = numbers
        if TEXTS in self._input_names:
            inputs[TEXTS] = texts
        scores: npt.NDArray[Any] = self._session.run(self._outputs, inputs)[0]
        if scores.dtype != np.float64:
            scores = scores.astype(np.float64)
        return scores if scores.ndim == 2 else scores.reshape(len(scores), -1)

    def doubtful(self, scores: Numbers) -> npt.NDArray[np.bool_]:
        """A mask of the rows to leave to the model: no finite answer, or too close to call."""
        doubt: npt.NDArray[np.bool_] = np.logical_not(np.isfinite(scores).all(axis=1))
        kind, margin, threshold = self._description.scores, self._description.margin, self._description.threshold
        if kind is ScoreKind.VALUES or not margin:
            return doubt
        if threshold is not None:
            return doubt | (np.abs(scores[:, threshold.index] - threshold.value) <= margin)
        if scores.shape[1] == 1:
            return doubt if kind is ScoreKind.PROBABILITIES else doubt | (np.abs(scores[:, 0]) <= margin)
        best = np.partition(scores, -2, axis=1)[:, -2:]
        return doubt | (best[:, 1] - best[:, 0] <= margin)

    def labels(self, scores: Numbers) -> list[Json]:
        """The label of each row, from the scores."""
        choices = self.choices(scores)
        if choices is None:
            values: list[Json] = (scores[:, 0] if scores.shape[1] == 1 else scores).tolist()
            return values
        labels, positions = choices
        return [labels[position] for position in positions.tolist()]

    def choices(self, scores: Numbers) -> tuple[list[Json], npt.NDArray[np.intp]] | None:
        """The labels that there are, and the position of each row's label among them; None for values."""
        description = self._description
        if description.classes is None:
            return None
        if (threshold := description.threshold) is not None:
            reached = (scores[:, threshold.index] >= threshold.value).astype(np.intp)
            return [threshold.negative, threshold.positive], reached
        if description.scores is ScoreKind.DECISIONS and scores.shape[1] == 1:
            return description.classes, (scores[:, 0] > 0).astype(np.intp)
        return description.classes, scores.argmax(axis=1)

    def _one(self, row: list[float]) -> Answers:
        """The answer to a single row of scores, without numpy: its calls would cost more than the arithmetic."""
        description = self._description
        if _is_doubtful(row, description):
            raise AskOriginal("the row is too close to call, or has no answer")
        if description.classes is None:
            return [row[0] if len(row) == 1 else list[Json](row)], None
        if (threshold := description.threshold) is not None:
            label = threshold.positive if row[threshold.index] >= threshold.value else threshold.negative
            return [label], [list[Json](row)]
        if description.scores is ScoreKind.DECISIONS:
            index = int(row[0] > 0) if len(row) == 1 else row.index(max(row))
            return [description.classes[index]], None
        return [description.classes[row.index(max(row))]], [list[Json](row)]


def _is_doubtful(row: Sequence[float], description: Description) -> bool:
    if any(value - value != 0.0 for value in row):
        return True
    margin = description.margin
    if description.scores is ScoreKind.VALUES or not margin:
        return False
    if description.threshold is not None:
        return abs(row[description.threshold.index] - description.threshold.value) <= margin
    if len(row) == 1:
        return description.scores is ScoreKind.DECISIONS and abs(row[0]) <= margin
    best, second = sorted(row)[:-3:-1]
    return best - second <= margin


def _check_size(numbers: Numbers) -> None:
    if (np.abs(numbers) >= LARGEST).any():
        raise AskOriginal(f"a number is {LARGEST:.0f} or more in size")
