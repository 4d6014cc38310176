"""The function that all of bulk scoring shares: a record batch of rows in, a record batch of answers out.

It checks columns as `/predict` does. The version's verified ONNX twin scores in this process; rows that the twin leaves
to the model, and versions without a twin, are scored by a confined process. Nothing is unpickled here.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol

import numpy as np
import pyarrow as pa

from bulk_score.address import VersionAddress
from bulk_score.answers import answer_fields, array_of, chosen, missing, number_array, repeated
from bulk_score.confined import ConfinedModel
from bulk_score.exceptions import OtherAnswer
from bulk_score.settings import BulkSettings
from bulk_score.versions import artifact_of, manifest_of, twin_of
from changeover.estimator.scores import Scores
from changeover.exceptions import AskOriginal, ChangeoverError
from changeover.manifest.manifest import Manifest
from changeover.onnx_model.examine import TYPE
from changeover.onnx_model.scorer import OnnxModel
from changeover.onnx_twin.description import ScoreKind
from changeover.onnx_twin.graph_check import check_graph
from changeover.onnx_twin.session import TwinRunner
from changeover.request.arrow_columns import batch_cells
from changeover.request.cells import Columns
from changeover.request.columns import TypedColumns
from changeover.request.decode import Decoded
from changeover.request.fast_reader import TypedRows
from changeover.request.reader import RequestReader
from changeover.request.tensors import LARGEST, Numbers, Texts, tensors
from changeover.schema.cell_parsers import Cell
from changeover.schema.schema import Extra, Schema

_scorers: Final[dict[tuple[VersionAddress, tuple[str, ...]], "BatchScorer"]] = {}
_lock: Final = threading.Lock()
Rows = TypedColumns | TypedRows | Decoded  # as the reader of requests returns them


class Model(Protocol):
    """What scores typed columns without a twin."""

    def score(self, columns: Sequence[Sequence[Cell]], rows: int) -> Scores:
        """The scores of rows, a list of cells for each column in the schema's order."""


def scorer(address: VersionAddress, keep: Sequence[str] = ()) -> "BatchScorer":
    """The scorer of a version, made once a process; `keep` names columns to put before the answers.

    Raises DigestMismatch for wrong bytes, the errors of the source, NoTwin or GraphRefused.
    """
    key = (address, tuple(keep))
    with _lock:
        if key not in _scorers:
            _scorers[key] = BatchScorer(address, keep)
        return _scorers[key]


class BatchScorer:
    """The scorer of one version. Thread-safe."""

    def __init__(self, address: VersionAddress, keep: Sequence[str] = ()) -> None:
        self.manifest: Manifest = manifest_of(address)
        self.schema = Schema.from_json(self.manifest.schema)
        self._keep = tuple(keep)
        self._reader = RequestReader(self.schema)
        self.fields = answer_fields(self.manifest)
        content = partial(artifact_of, address, self.manifest)
        model: Model = (
            _OnnxFile(content(), self.manifest, self.schema)
            if self.manifest.estimator.get("type") == TYPE
            else ConfinedModel(self.manifest, content, BulkSettings.from_environment())
        )
        twin = twin_of(address, self.manifest)
        if not twin and isinstance(model, ConfinedModel):
            content()  # wrong bytes are an error now, not at the first row
        self._call = _Call(model, self.schema, self.fields)
        self._twin = _ByTwin(TwinRunner(twin, self.schema), self._call) if twin else None

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The kept columns of `batch`, and the answer to each of its rows.

        Raises RequestFaults or RowsNotAnswered, whose rows are those of `batch`, NotArrow, ScoringFailed, or an error of
        the confined process.
        """
        others = [name for name in batch.schema.names if name not in self._keep or name in self.schema.by_name]
        checked = batch if len(others) == batch.num_columns else batch.select(others)
        arrays = self.answers(batch_cells(checked, self.schema), batch.num_rows)
        kept = [batch.column(batch.schema.get_field_index(name)) for name in self._kept(batch.schema)]
        return pa.RecordBatch.from_arrays([*kept, *arrays], schema=self.output_schema(batch.schema))

    @property
    def forbids_others(self) -> bool:
        """Whether columns that the schema does not know are refused."""
        return self.schema.extra is Extra.FORBID

    def uses(self, name: str) -> bool:
        """Whether a column of this name is read."""
        return name in self._keep or name in self.schema.by_name

    def output_schema(self, given: pa.Schema) -> pa.Schema:
        """The schema of the answers to batches of the schema `given`."""
        return pa.schema([*(given.field(name) for name in self._kept(given)), *self.fields])

    def answers(self, cells: Columns, rows: int) -> list[pa.Array]:
        """The three columns of answers to columns of cells; raises as `__call__`."""
        if not rows:
            self._reader.read_columns(cells, 0)
            return [missing(0, field.type) for field in self.fields]
        typed = self._reader.read_columns(cells, rows)
        by = self._twin or self._call
        predictions, probabilities = by.answers(typed)
        if len(predictions) != rows:
            raise ChangeoverError(f"the model answered {len(predictions)} rows of {rows}")
        return [predictions, probabilities, repeated(self.manifest.version, rows)]

    def _kept(self, given: pa.Schema) -> list[str]:
        absent = [name for name in self._keep if name not in given.names]
        if absent:
            raise OtherAnswer(f"there is no column {absent[0]!r} to keep; there are {', '.join(given.names[:20])}")
        return list(self._keep)


@dataclass(frozen=True)
class _Call:
    """Answers by the model itself."""

    model: Model
    schema: Schema
    fields: list[pa.Field]

    def answers(self, rows: Rows) -> tuple[pa.Array, pa.Array]:
        scores = self.scores(rows)
        predictions = array_of(scores.labels, self.fields[0].type)
        if scores.probabilities is None:
            return predictions, missing(rows.rows, self.fields[1].type)
        return predictions, array_of(scores.probabilities, self.fields[1].type)

    def scores(self, rows: Rows) -> Scores:
        columns = rows.columns
        return self.model.score([columns[column.name] for column in self.schema.columns], rows.rows)


class _ByTwin:
    """Answers by the twin; those to the rows that it leaves to the model, by that."""

    def __init__(self, twin: TwinRunner, model: _Call) -> None:
        self._twin, self._model = twin, model
        self._kind = twin.description.scores

    def answers(self, rows: Rows) -> tuple[pa.Array, pa.Array]:
        try:
            numbers, texts = self._tensors(rows)
            scores = self._twin.scores(numbers, texts)
        except AskOriginal:
            return self._model.answers(rows)
        doubtful = self._twin.doubtful(scores)
        if isinstance(rows, Decoded):
            doubtful |= (np.abs(numbers) >= LARGEST).any(axis=1)
        left = doubtful.nonzero()[0]
        if not len(left):
            return self._arrays(scores, self._twin.choices(scores))
        of_model = self._model.scores(_some(rows, left, self._model.schema))
        scores = scores.copy()
        if self._kind is ScoreKind.PROBABILITIES:
            scores[left] = np.array(of_model.probabilities, dtype=np.float64)
        elif self._kind is ScoreKind.VALUES:
            scores[left] = np.array(of_model.labels, dtype=np.float64).reshape(len(left), -1)
        choices = self._twin.choices(scores)
        if choices is not None:
            choices[1][left] = [_position(choices[0], label) for label in of_model.labels]
        return self._arrays(scores, choices)

    def _arrays(self, scores: Numbers, choices: tuple[list[Any], Any] | None) -> tuple[pa.Array, pa.Array]:
        kind, probabilities = (field.type for field in self._model.fields[:2])
        predictions = number_array(scores, kind) if choices is None else chosen(*choices, kind)
        if self._kind is not ScoreKind.PROBABILITIES:
            return predictions, missing(len(scores), probabilities)
        return predictions, number_array(scores, probabilities)

    def _tensors(self, rows: Rows) -> tuple[Numbers, Texts | None]:
        if isinstance(rows, TypedColumns):
            return rows.tensors()
        return tensors(self._model.schema, rows.columns, rows.rows)


class _OnnxFile:
    """The model of a version that is an ONNX file, in this process."""

    def __init__(self, content: bytes, manifest: Manifest, schema: Schema) -> None:
        probabilities = manifest.estimator.get("predict_proba") is True
        self._names = [column.name for column in schema.columns]
        self._model = OnnxModel(content, check_graph(content), schema, probabilities=probabilities)

    def score(self, columns: Sequence[Sequence[Cell]], rows: int) -> Scores:
        """The scores of rows; raises ScoringFailed."""
        return self._model.score(dict(zip(self._names, columns, strict=True)), rows)


def _some(rows: Rows, indices: Any, schema: Schema) -> Rows:
    """The rows at `indices`."""
    wanted = indices.tolist()
    if isinstance(rows, TypedColumns):
        strings = [[cells[index] for index in wanted] for cells in rows.strings_by_column()]
        return TypedColumns(schema, rows.numbers[indices], strings)
    columns = {name: [cells[index] for index in wanted] for name, cells in rows.columns.items()}
    return Decoded(single=False, rows=len(wanted), columns=columns)


def _position(labels: Sequence[Any], label: object) -> int:
    try:
        return labels.index(label)
    except ValueError:
        raise OtherAnswer(f"the model answered {label!r}, which is none of its classes: publish it again") from None
