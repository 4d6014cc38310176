"""The reference of a publish: bins and counts of a table of inputs, and of the model's answers to them.

No row leaves this process: only edges of bins, counts, and the values of columns with few categories.
"""

from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace

from changeover.exceptions import ChangeoverError
from changeover.manifest.manifest import Draft

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from changeover.drift.reference import Predictions
    from changeover.schema.cell_parsers import Cell
    from changeover.schema.schema import Column, Schema

MOST_ROWS: Final = 20_000  # evenly spread: more would not make the reference sharper
_SCORED: Final = 1_000  # rows, for the bins of answers alone


class InvalidReference(ChangeoverError):
    """A reference whose predictions do not fit its rows, or that has no schema to be read by."""


def with_reference(
    draft: Draft, estimator: object | None, table: object, predictions: object = None, *, by_example: bool = False
) -> Draft:
    """`draft` with a reference from `table`, a row an observation, by the columns of its schema.

    `predictions` are answers to these rows: labels or numbers, or probabilities in the order of the classes (rows, classes).
    Without them the reference has the bins of the answers of `estimator` and no counts. Raises InvalidReference.
    """
    from changeover.drift.making import make_predictions, make_reference
    from changeover.estimator.training_frame import frame_of, inputs_of
    from changeover.schema.schema import Schema

    if draft.schema is None:
        raise InvalidReference("`reference` needs a schema: give an example, or a schema in the draft")
    schema = Schema.from_json(draft.schema)
    frame = inputs_of(frame_of(table), schema)
    step = -(-len(frame) // MOST_ROWS) or 1
    sample = frame.iloc[::step]
    positions = {str(label): position for position, label in enumerate(sample.columns)}
    columns = {
        name: _cells(sample.iloc[:, positions[name]], column)
        for name, column in schema.by_name.items()
        if name in positions
    }
    answers: Predictions | None
    if predictions is None:
        answers = _bins_of_answers(estimator, schema, columns, min(len(sample), _SCORED))
    else:
        labels, probabilities, classes = _given(estimator, predictions, len(frame))
        answers = make_predictions(
            labels[::step], None if probabilities is None else probabilities[::step], classes, len(sample)
        )
    reference = make_reference(schema, columns, len(sample), answers, "example" if by_example else "reference")
    return replace(draft, reference=reference.to_json())


def _cells(series: "pd.Series[Any]", column: "Column") -> "list[Cell]":
    """The typed cells of a column, as a request would have them; a value that no request may have is left out."""
    from dataclasses import replace as replace_member

    from changeover.estimator.training_frame import raw_values
    from changeover.schema.cell_parsers import BadCell, ColumnType

    if column.type is ColumnType.NUMBER and column.format is None and series.dtype.kind in "iuf":
        numbers: list[Cell] = series.to_numpy(dtype="float64", na_value=float("nan")).tolist()
        return numbers
    parse = replace_member(column, nullable=True, enum=None).parse
    cells: list[Cell] = []
    for value in raw_values(series):
        try:
            cells.append(parse(value))
        except BadCell:
            continue
    return cells


def _bins_of_answers(
    estimator: object | None, schema: "Schema", columns: "dict[str, list[Cell]]", rows: int
) -> "Predictions | None":
    """The bins of the model's answers to the first `rows` rows, without counts; None if it does not answer them."""
    from changeover.drift.making import make_predictions
    from changeover.estimator.scoring import score
    from changeover.exceptions import ScoringFailed

    if estimator is None or columns.keys() != schema.by_name.keys() or min(map(len, columns.values())) < rows:
        return None
    try:
        scores = score(estimator, schema, {name: cells[:rows] for name, cells in columns.items()}, rows)
    except ScoringFailed:
        return None
    return make_predictions(scores.labels, scores.probabilities, scores.classes, 0)


def _given(
    estimator: object | None, predictions: object, rows: int
) -> "tuple[Sequence[Any], Sequence[Sequence[float]] | None, Sequence[Any] | None]":
    """Labels, probabilities and classes of the given predictions; raises InvalidReference."""
    import numpy as np

    from changeover.estimator.scoring import classes_of

    array = np.asarray(predictions)
    if array.ndim not in (1, 2) or len(array) != rows:
        raise InvalidReference(
            f"reference_predictions has the shape {array.shape}, the reference has {rows} rows: give an answer, or the "
            f"probabilities of all classes, for each"
        )
    classes = None if estimator is None else classes_of(estimator)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim == 1:
        return array.tolist(), None, classes
    if classes is None or array.shape[1] != len(classes):
        raise InvalidReference(
            f"reference_predictions has {array.shape[1]} columns, the model has "
            f"{'no classes that are known here' if classes is None else f'{len(classes)} classes'}: give an answer for each row"
        )
    return [classes[index] for index in array.argmax(axis=1)], array.tolist(), classes
