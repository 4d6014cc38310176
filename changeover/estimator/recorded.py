"""Golden rows with the model's own answers: recorded where the model was fitted, on the frame that it was fitted on.

The rows are then asked as a caller would send them, and a difference is an error that names row, column and values.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import pandas as pd

from changeover.estimator import golden_rows
from changeover.estimator.dict_inputs import takes_records
from changeover.estimator.fitted_example import FittedExample, fitted_example
from changeover.estimator.golden_choice import SPREAD_ROWS, chosen
from changeover.estimator.inputs import features
from changeover.estimator.inspection import takes_texts
from changeover.estimator.libraries.find import adapted
from changeover.estimator.scoring import own_answers
from changeover.estimator.training_frame import frame_of, rows_of
from changeover.exceptions import GoldenMismatch, NotJson, RequestFaults, ScoringFailed
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
    if takes_texts(model) or takes_records(model):
        return _of_list(model, schema, frame_of(example))
    whole = fitted_example(model, example, names)
    if whole is None or whole.answered(model) is None:
        return None
    examples = chosen(model, whole, names)
    sent = rows_of(_named(examples, names))
    fits = _fitting(schema)
    answers = _answers(model, examples, [position for position, row in enumerate(sent) if fits(row)])
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


def _of_list(model: object, schema: Schema, frame: pd.DataFrame) -> JsonObject | None:
    """The golden rows of a model that takes a list, of texts or of dicts without missing values."""
    frame = frame.set_axis(list(schema.by_name), axis=1) if len(frame.columns) == len(schema.columns) == 1 else frame
    if not set(schema.by_name) <= set(map(str, frame.columns)):
        return None
    some = frame[list(schema.by_name)].iloc[:: max(1, len(frame) // SPREAD_ROWS)]
    fits = _fitting(schema)
    rows = [row for row in rows_of(some) if fits(row)]
    inputs: list[object] = [{name: cell for name, cell in row.items() if cell is not None} for row in rows]
    if takes_texts(model):
        inputs = [row[schema.columns[0].name] for row in rows]
    try:
        scores = own_answers(model, inputs, len(rows)) if rows else None
    except ScoringFailed:
        return None
    return None if scores is None else {"rows": [*rows], "outputs": [*golden_rows.outputs_of(scores)]}


def _fitting(schema: Schema) -> Callable[[JsonObject], bool]:
    """The function that tells whether a row may be sent."""
    reader = RequestReader(schema)

    def fits(row: JsonObject) -> bool:
        try:
            reader.read(json.dumps(row).encode(), 1)
        except (RequestFaults, NotJson):
            return False
        return True

    return fits


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
