"""The comparison of an ONNX twin with its estimator on sample rows.

Labels must be equal on every row and of the same type. Probabilities and predictions of regressors must be equal to a
relative 1e-6 or an absolute 1e-9 (the resolution of float32, as for golden rows). A twin may leave a few rows to the
model. It must not answer a row that the model refuses.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from changeover.estimator.scoring import score
from changeover.exceptions import AskOriginal, RequestFaults, ScoringFailed, TooManyRows
from changeover.json_types import Json, JsonObject
from changeover.manifest.answer_comparison import ABSOLUTE, RELATIVE
from changeover.onnx_twin.description import ScoreKind
from changeover.onnx_twin.equivalence.edge_rows import at_edges
from changeover.onnx_twin.equivalence.probe_rows import MOST_BASE, Batch, Columns, derived, mixed
from changeover.onnx_twin.equivalence.threshold_rows import at_thresholds
from changeover.onnx_twin.exceptions import NoTwin
from changeover.onnx_twin.session import TwinRunner
from changeover.request.decode import decode
from changeover.request.tensors import LARGEST, tensors
from changeover.schema.schema import Schema

MOST_ROWS: Final = 1_000
BUDGET: Final = 2_000  # rows at thresholds
_MOST_LEFT: Final = 0.2
_LONGEST_ROW: Final = 300
_Mask = npt.NDArray[np.bool_]


@dataclass
class Proof:
    """The counts of compared rows: `rows` in all, `at_thresholds` of these, `left_to_model` without an answer.

    `largest_difference` is that of probabilities, or of a regressor's predictions.
    """

    rows: int = 0
    at_thresholds: int = 0
    left_to_model: int = 0
    refused_by_model: int = 0
    largest_difference: float = 0.0
    tried: dict[str, int] = field(default_factory=dict)

    def to_json(self) -> JsonObject:
        """The JSON form in a manifest."""
        return {
            "rows": self.rows,
            "rows_at_thresholds": self.at_thresholds,
            "rows_left_to_model": self.left_to_model,
            "largest_difference": self.largest_difference,
        }


@dataclass(frozen=True)
class _Asked:
    """The answers of the model: one label a row, probabilities of all or None, and the rows that it refused."""

    labels: list[Json]
    probabilities: list[Json] | None
    refused: _Mask


def prove(estimator: object, schema: Schema, twin: bytes, rows: Sequence[JsonObject], budget: int = BUDGET) -> Proof:
    """Compare `twin` with `estimator` on `rows` (as consumers send them) and on rows derived from them.

    `budget` is the number of rows at thresholds of trees, and again at numbers of other steps. Raises NoTwin naming the first row that differs.
    """
    try:
        decoded = decode(list[Json](rows[:MOST_ROWS]), schema, MOST_ROWS)
    except (RequestFaults, TooManyRows) as error:
        raise NoTwin(f"the rows to compare on do not fit the schema: {error}") from error
    if not decoded.rows:
        raise NoTwin("there is no row to compare on")
    known: Columns = {name: list(cells) for name, cells in decoded.columns.items()}
    runner, proof = TwinRunner(twin, schema), Proof()
    for batch in derived(schema, known, decoded.rows):
        _compare(estimator, schema, runner, batch, proof)
    if proof.left_to_model > _MOST_LEFT * proof.rows:
        raise NoTwin(f"the twin would leave {proof.left_to_model} of {proof.rows} rows to the model")
    base = {name: [*known[name], *cells] for name, cells in mixed(schema, known, decoded.rows).items()}
    for at in (at_thresholds, at_edges):
        for batch in at(estimator, schema, base, decoded.rows + MOST_BASE, budget):
            proof.at_thresholds += batch.rows
            _compare(estimator, schema, runner, batch, proof)
    return proof


def _compare(estimator: object, schema: Schema, runner: TwinRunner, batch: Batch, proof: Proof) -> None:
    try:
        numbers, texts = tensors(schema, batch.columns, batch.rows)
    except AskOriginal as error:
        raise NoTwin(f"{batch.what}: {error}") from error
    try:
        scores = runner.scores(numbers, texts)
    except Exception as error:  # onnxruntime's exceptions have no common base class
        raise NoTwin(f"{batch.what}: the twin cannot run: {' '.join(str(error).split())[:_LONGEST_ROW]}") from error
    if len(scores) != batch.rows:
        raise NoTwin(f"{batch.what}: the twin gives {len(scores)} answers for {batch.rows} rows")
    answers = _ask(estimator, schema, batch.columns, batch.rows)
    left = runner.doubtful(scores) | (np.abs(numbers) >= LARGEST).any(axis=1)
    compared = ~left & ~answers.refused
    proof.rows += batch.rows
    proof.left_to_model += int((left & ~answers.refused).sum())
    proof.refused_by_model += int(answers.refused.sum())
    proof.tried[batch.what] = proof.tried.get(batch.what, 0) + batch.rows
    for index in np.flatnonzero(answers.refused & ~left).tolist():
        raise NoTwin(f"{batch.what}: the twin answers what the model refuses: {_shown(batch, index)}")
    labels = runner.labels(scores)
    if runner.description.scores is ScoreKind.VALUES:
        if any(isinstance(label, int) for label in answers.labels):
            raise NoTwin("the model predicts whole numbers, the twin numbers with a fraction")
        _compare_numbers(batch, compared, answers.labels, scores, proof)
    else:
        for index in np.flatnonzero(compared).tolist():
            wanted, got = answers.labels[index], labels[index]
            if type(wanted) is not type(got) or wanted != got:
                raise NoTwin(
                    f"{batch.what}: the model says {wanted!r}, the twin {got!r} (its scores are "
                    f"{scores[index].tolist()}): {_shown(batch, index)}"
                )
    if runner.description.scores is ScoreKind.PROBABILITIES:
        if answers.probabilities is None:
            raise NoTwin("the twin gives probabilities, the model gives none")
        _compare_numbers(batch, compared, answers.probabilities, scores, proof)
    elif answers.probabilities is not None:
        raise NoTwin("the model gives probabilities, the twin gives none")


def _compare_numbers(
    batch: Batch, compared: _Mask, answers: list[Json], scores: npt.NDArray[np.float64], proof: Proof
) -> None:
    rows = np.flatnonzero(compared)
    if not len(rows):
        return
    expected = np.array([answers[index] for index in rows.tolist()], dtype=np.float64).reshape(len(rows), -1)
    actual = scores[rows]
    if expected.shape != actual.shape:
        raise NoTwin(f"{batch.what}: the model gives {expected.shape[1]} numbers a row, the twin {actual.shape[1]}")
    apart = np.abs(expected - actual)
    proof.largest_difference = max(proof.largest_difference, float(apart.max(initial=0.0)))
    wrong = apart > np.maximum(ABSOLUTE, RELATIVE * np.maximum(np.abs(expected), np.abs(actual)))
    for index in np.flatnonzero(wrong.any(axis=1)).tolist():
        raise NoTwin(
            f"{batch.what}: the model says {expected[index].tolist()}, the twin {actual[index].tolist()}: "
            f"{_shown(batch, int(rows[index]))}"
        )


def _ask(estimator: object, schema: Schema, columns: Columns, rows: int) -> _Asked:
    """Call the model; a batch that it refuses is halved down to single rows."""
    try:
        scores = score(estimator, schema, columns, rows)
    except ScoringFailed:
        if rows == 1:
            return _Asked([None], None, np.ones(1, dtype=bool))
        half = rows // 2
        first = _ask(estimator, schema, {name: cells[:half] for name, cells in columns.items()}, half)
        second = _ask(estimator, schema, {name: cells[half:] for name, cells in columns.items()}, rows - half)
        probabilities = None
        if first.probabilities is not None or second.probabilities is not None:
            probabilities = [*(first.probabilities or [None] * half), *(second.probabilities or [None] * (rows - half))]
        return _Asked([*first.labels, *second.labels], probabilities, np.concatenate([first.refused, second.refused]))
    return _Asked(scores.labels, scores.probabilities, np.zeros(rows, dtype=bool))


def _shown(batch: Batch, index: int) -> str:
    row = {name: cells[index] for name, cells in batch.columns.items()}
    return json.dumps(row, ensure_ascii=True)[:_LONGEST_ROW]
