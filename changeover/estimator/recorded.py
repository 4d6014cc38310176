"""Golden rows with the model's own answers: recorded where the model was fitted, on the frame that it was fitted on.

The rows are then asked as a caller would send them, and a difference is an error that names row, column and values.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pandas as pd

from changeover.estimator import golden_rows
from changeover.estimator.fitted_example import FittedExample, fitted_example
from changeover.estimator.golden_choice import chosen
from changeover.estimator.inputs import features
from changeover.estimator.libraries.find import adapted
from changeover.estimator.training_frame import rows_of
from changeover.exceptions import GoldenMismatch, RequestFaults, ScoringFailed
from changeover.json_types import Json, JsonObject
from changeover.request.reader import RequestReader
from changeover.schema.cell_parsers import shown
from changeover.schema.schema import Schema

_MOST_NAMED: Final = 5
_MOST_ROWS: Final = 1_000


def own_golden_rows(estimator: object, schema: Schema, example: object) -> JsonObject | None:
    """Golden rows chosen from `example`, with what `estimator` itself answers to them; None if it answers none.

    Rows that do not fit the schema, or that the model does not answer, are left out. Raises GoldenMismatch, naming row
    and column, if the rows as JSON get another answer; InvalidSchema for a value without a JSON form.
    """
    model = adapted(estimator)
    names = list(schema.by_name)
    whole = fitted_example(model, example, names)
    if whole is None or whole.answered(model) is None:
        return None
    examples = chosen(model, whole, names)
    sent = rows_of(_named(examples, names))
    answers = _answers(model, examples, [position for position, row in enumerate(sent) if _fits(row, schema)])
    if not answers:
        return None
    rows = [sent[position] for position in answers]
    golden: JsonObject = {"rows": [*rows], "outputs": [*answers.values()]}
    try:
        golden_rows.replay(estimator, schema, golden)
    except GoldenMismatch as error:
        originals = [examples.rows([position]) for position in answers]
        raise _named_mismatch(error, model, schema, rows, originals) from error
    return golden


def _named(part: FittedExample, names: Sequence[str]) -> pd.DataFrame:
    inputs = part.inputs
    return (
        inputs.set_axis(list(names), axis=1)
        if isinstance(inputs, pd.DataFrame)
        else pd.DataFrame(inputs, columns=list(names))
    )


def _fits(row: JsonObject, schema: Schema) -> bool:
    try:
        RequestReader(schema).read(json.dumps(row).encode(), 1)
    except (RequestFaults, ValueError):
        return False
    return True


def _answers(model: object, part: FittedExample, positions: Sequence[int]) -> Mapping[int, JsonObject]:
    """The model's answers to the rows at `positions`, together; without those rows that it does not answer."""
    kept = list(positions)
    try:
        scores = part.rows(kept).scores(model) if kept else None
    except ScoringFailed:
        kept = [position for position in kept if _is_answered(model, part.rows([position]))]
        scores = part.rows(kept).scores(model) if kept else None
    if scores is None:
        return {}
    return dict(zip(kept, golden_rows.outputs_of(scores), strict=True))


def _is_answered(model: object, row: FittedExample) -> bool:
    try:
        row.scores(model)
    except ScoringFailed:
        return False
    return True


def _named_mismatch(
    error: GoldenMismatch, model: object, schema: Schema, rows: Sequence[Json], originals: Sequence[FittedExample]
) -> GoldenMismatch:
    """The error with the columns whose values the model gets otherwise than in the example."""
    names: dict[str, str] = {}
    for row, original in zip(rows, originals, strict=True):
        read = RequestReader(schema).read(json.dumps(row).encode(), _MOST_ROWS)
        rebuilt = features(model, schema, read.columns)
        if not isinstance(rebuilt, pd.DataFrame) or not isinstance(original.inputs, pd.DataFrame):
            continue
        for name in schema.by_name:
            if name not in names and name in rebuilt.columns and name in original.inputs.columns:
                before, after = original.inputs[name], rebuilt[name]
                if str(before.dtype) != str(after.dtype) or not _same_value(before.iloc[0], after.iloc[0]):
                    names[name] = f"{before.iloc[0]!r} ({before.dtype}) became {after.iloc[0]!r} ({after.dtype})"
    told = "; ".join(f"column {name!r}: {what}" for name, what in list(names.items())[:_MOST_NAMED])
    more = (
        f". What the model got: {told}"
        if told
        else f". Columns: {', '.join(map(shown, list(schema.by_name)[:_MOST_NAMED]))}"
    )
    return GoldenMismatch(f"asked as JSON, the model answers otherwise than on the example: {error}{more}")


def _same_value(left: Any, right: Any) -> bool:
    if left is right or (left != left and right != right and type(left) is type(right)):
        return True
    return type(left) is type(right) and bool(left == right)
