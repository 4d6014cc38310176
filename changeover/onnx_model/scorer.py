"""The scorer of an ONNX model: typed columns in, labels and probabilities out, by an onnxruntime session."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from changeover.estimator.scores import Runtime, Scores
from changeover.exceptions import NotFinite, ScoringFailed
from changeover.json_types import Json
from changeover.onnx_model.signature import BOOLEAN, DOUBLE, FLOAT, INT32, INT64, STRING, Input, signature_of
from changeover.onnx_twin.graph_check import CheckedGraph
from changeover.onnx_twin.graph_session import open_session, rows_at_once
from changeover.schema.cell_parsers import Cell
from changeover.schema.schema import Schema

_DTYPES: Final[dict[int, Any]] = {
    FLOAT: np.float32,
    DOUBLE: np.float64,
    INT32: np.int32,
    INT64: np.int64,
    STRING: np.object_,
    BOOLEAN: np.bool_,
}
_SUM_TOLERANCE: Final = 1e-3  # of float32 probabilities
Array = npt.NDArray[Any]


class OnnxModel:
    """A loaded ONNX model. Thread-safe. `schema`: its columns, in the order of the graph's."""

    def __init__(self, content: bytes, checked: CheckedGraph, schema: Schema, *, probabilities: bool) -> None:
        """Load a graph that `check_graph` has passed; raises GraphRefused or NoSignature.

        `probabilities`: whether its scores are probabilities, as its manifest says.
        """
        signature = signature_of(checked)
        self._signature, self._probabilities = signature, probabilities
        self._rows_at_once = rows_at_once(checked.cells_a_row)
        names = [column.name for column in schema.columns]
        self._columns: list[tuple[Input, list[str]]] = []
        for entry in signature.inputs:
            self._columns.append((entry, names[: entry.columns]))
            del names[: entry.columns]
        wanted = [signature.labels, signature.scores if probabilities or signature.labels is None else None]
        self._outputs = [name for name in wanted if name is not None]
        self._session = open_session(content)

    def score(self, columns: Mapping[str, Sequence[Cell]], rows: int) -> Scores:
        """The scores of typed rows; raises ScoringFailed."""
        classes = self._signature.classes if self._probabilities else None
        labels: list[Json] = []
        probabilities: list[Json] = []
        for start in range(0, rows, self._rows_at_once):
            part = slice(start, min(rows, start + self._rows_at_once))
            count = part.stop - part.start
            outputs = self._run({entry.name: _tensor(entry, names, columns, part) for entry, names in self._columns})
            if self._signature.labels is None:
                labels += _numbers(outputs[0], count)
                continue
            labels += _labels(outputs[0], count)
            if classes is not None:
                scores = outputs[1]
                probabilities += _from_maps(scores, classes, count) if self._signature.maps else _table(scores, count)
        return Scores(labels, None if classes is None else probabilities, classes, Runtime.ONNX)

    def _run(self, inputs: Mapping[str, Array]) -> list[Any]:
        try:
            outputs: list[Any] = self._session.run(self._outputs, inputs)
        except Exception as error:  # onnxruntime's exceptions have no common base class
            raise ScoringFailed(f"the model raised {type(error).__name__} in onnxruntime") from error
        return outputs


def are_probabilities(scores: Scores) -> bool:
    """Whether the scores of some rows are probabilities: none below 0, and a sum of 1 in each row."""
    table = np.array(scores.probabilities, dtype=np.float64)
    if table.ndim != 2 or not len(table):
        return False
    return bool((table >= 0.0).all() and (np.abs(table.sum(axis=1) - 1.0) < _SUM_TOLERANCE).all())


def _tensor(entry: Input, names: Sequence[str], columns: Mapping[str, Sequence[Cell]], part: slice) -> Array:
    count = part.stop - part.start
    tensor = np.empty((count, entry.columns), dtype=_DTYPES[entry.kind])
    for index, name in enumerate(names):
        tensor[:, index] = columns[name][part]
    return tensor[:, 0] if entry.width is None else tensor


def _finite(array: Array, count: int) -> Array:
    if len(array) != count:
        raise ScoringFailed(f"the model returned {len(array)} answers for {count} rows")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        bad = np.logical_not(np.isfinite(array.reshape(count, -1)).all(axis=1)).nonzero()[0].tolist()
        raise NotFinite("the model returned NaN or an infinite number, which has no JSON form", bad)
    return array


def _numbers(array: Array, count: int) -> list[Json]:
    """The answers of a regressor: a number for each row, or a list for several outputs."""
    array = _finite(array, count)
    numbers: list[Json] = (array.reshape(-1) if array.size == count else array).tolist()
    return numbers


def _labels(array: Array, count: int) -> list[Json]:
    labels: list[Json] = _finite(array.reshape(-1), count).tolist()
    return labels


def _table(array: Array, count: int) -> list[Json]:
    array = _finite(array, count)
    return [*array.reshape(count, -1).tolist()]


def _from_maps(maps: Sequence[Mapping[Any, float]], classes: Sequence[Json], count: int) -> list[Json]:
    try:
        table = np.array([[row[label] for label in classes] for row in maps], dtype=np.float64)
    except KeyError as error:
        raise ScoringFailed("the model returned other classes than it lists") from error
    return _table(table, count)
