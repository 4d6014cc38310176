"""Scores by an ONNX twin, and the size from which its session is not made in a process that answers requests."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from changeover.estimator.scores import Runtime, Scores
from changeover.exceptions import AskOriginal
from changeover.onnx_twin.description import ScoreKind
from changeover.onnx_twin.session import TwinRunner
from changeover.request.tensors import Numbers, Texts, tensors
from changeover.schema.cell_parsers import Cell
from changeover.schema.schema import Schema

# onnxruntime holds the interpreter's lock while it makes a session: for some 30 ms a megabyte of trees
LARGE_BYTES: Final = 2_000_000
Score = Callable[[Mapping[str, Sequence[Cell]], int], Scores]


def run_twin(twin: TwinRunner, inputs: tuple[Numbers, Texts | None], *, small: bool = False) -> Scores:
    """The scores of tensors, as `TwinRunner.run` takes them; raises AskOriginal for rows that it does not support."""
    labels, probabilities = twin.run(*inputs, small=small)
    description = twin.description
    classes = description.classes if description.scores is ScoreKind.PROBABILITIES else None
    return Scores(labels, probabilities, classes, Runtime.ONNX)


def score_by_twin(twin: TwinRunner, schema: Schema, columns: Mapping[str, Sequence[Cell]], rows: int) -> Scores:
    """The scores of typed columns; raises AskOriginal for rows that the twin does not support."""
    if not rows:
        raise AskOriginal("there are no rows")
    return run_twin(twin, tensors(schema, columns, rows))


def twin_or_model(twin: TwinRunner, schema: Schema, model: Score) -> Score:
    """A function that scores by the twin, and by the model if the twin does not support the rows."""

    def score(columns: Mapping[str, Sequence[Cell]], rows: int) -> Scores:
        try:
            return score_by_twin(twin, schema, columns, rows)
        except AskOriginal:
            return model(columns, rows)

    return score
