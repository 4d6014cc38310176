"""The inference of a schema from an example frame and a fitted pipeline.

A schema attached to the estimator (`changeover.schema.schema.attach`) wins. Otherwise the names are those of the fit
(or x0..xn-1), the types come from the example, if any, and from the encoders. Calls of the model show which columns are
nullable.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
import pandas as pd

from changeover.estimator import without_vectorizer
from changeover.estimator.dict_inputs import keys_of_records, takes_records
from changeover.estimator.encoded import Encoded
from changeover.estimator.fitted_columns import (
    MOST_CATEGORIES,
    fitted_column,
    in_wider_notation,
    typed_as,
    widens_with_gaps,
)
from changeover.estimator.fitted_example import FittedExample, fitted_example
from changeover.estimator.infer_nullable import probe_missing
from changeover.estimator.inspection import (
    category_types,
    encoded_columns,
    input_count,
    input_names,
    takes_texts,
    without_blanks,
)
from changeover.estimator.libraries.find import adapted, example_of
from changeover.estimator.raw_columns import also_of, is_gap, raw_column
from changeover.estimator.scoring import score
from changeover.estimator.training_frame import frame_of, raw_values, text_column
from changeover.exceptions import InvalidSchema, ScoringFailed
from changeover.schema.cell_parsers import BadCell, Cell, ColumnType
from changeover.schema.formats import Format
from changeover.schema.sample_row import made_up
from changeover.schema.schema import Column, Schema, attached

MOST_EXAMPLE_ROWS: Final = 10_000


def infer_schema(estimator: object, example: object = None) -> Schema:
    """The schema of a fitted `estimator`, with the help of an `example` of its inputs: a frame, an array, a list.

    Columns of the example that the estimator was not fitted on, such as the target, are left out. An example that the
    model can answer as it is has the types of the fit; another one is a raw table, whose texts are read as numbers where
    all of them are. Raises InvalidSchema if the columns cannot be inferred, or if the attached schema is invalid.
    """
    schema = attached(estimator)
    if schema is not None:
        return as_fitted(estimator, schema, example)
    estimator = adapted(estimator)
    frame = example_of(estimator) if example is None else frame_of(example)
    if takes_texts(estimator):
        return Schema((Column(text_column(frame), ColumnType.STRING),))
    missing = None if frame is not None else without_vectorizer.reason(estimator)
    if missing is not None:
        raise InvalidSchema(missing)
    keys = keys_of_records(estimator, () if frame is None else [str(name) for name in frame.columns])
    names = list(keys) if keys else _names(estimator, frame)
    encoded = keys or encoded_columns(estimator, names)
    fitted = None if example is None or keys else fitted_example(estimator, example, names)
    if fitted is not None and (answered := fitted.answered(estimator)) is not None:
        schema = _of_fitted(estimator, names, encoded, fitted, answered)
        _refuse_lost_categories(estimator, schema)
        return schema
    columns: list[Column] = []
    typical: dict[str, Cell] = {}
    for position, name in enumerate(names):
        known = encoded.get(name, Encoded())
        series = None if frame is None else _series(frame, name, None if keys else position)
        seen = [] if series is None else raw_values(series)
        column = _with_seen(raw_column(name, also_of(series, known), seen), known, seen)
        columns.append(column)
        typical[name] = _typical(column, seen)
    schema = Schema(tuple(columns))
    _refuse_lost_categories(estimator, schema)
    return _with_nullable(estimator, schema, typical)


def _ends(series: "pd.Series[Any]") -> list[object]:
    """Values of a column that have its least and its greatest one, and a missing one if there is any."""
    present = series[series.notna()]
    if series.dtype.kind not in "iuf" or not isinstance(series.dtype, np.dtype) or not len(present):
        return raw_values(series)
    ends: list[object] = [present.min().item(), present.max().item()]
    return ends if len(present) == len(series) else [*ends, None]


def as_fitted(estimator: object, schema: Schema, example: object = None) -> Schema:
    """`schema`, written by hand, with the dtypes and the container of an `example` that the model answers as it is.

    What the schema says of dtypes and of values stays.
    """
    model = adapted(estimator)
    if example is None or takes_texts(model) or takes_records(model):
        return schema
    fitted = fitted_example(model, example, list(schema.by_name))
    if fitted is None or fitted.answered(model) is None:
        return schema
    columns = [
        typed_as(column, fitted_column(column.name, fitted.column(index), Encoded(), fitted.array_dtype))
        for index, column in enumerate(schema.columns)
    ]
    return replace(schema, columns=tuple(columns), container=schema.container or fitted.container)


def _of_fitted(
    estimator: object,
    names: Sequence[str],
    encoded: Mapping[str, Encoded],
    fitted: FittedExample,
    answered: FittedExample,
) -> Schema:
    """The schema by an example that the model answers as it is; `answered` are rows of it that the model answers."""
    columns: list[Column] = []
    for position, name in enumerate(names):
        series, known = fitted.column(position).head(MOST_EXAMPLE_ROWS), encoded.get(name, Encoded())
        columns.append(fitted_column(name, series, known, fitted.array_dtype))
    indifferent = answered.indifferent(estimator, columns)
    typical: dict[str, Cell] = {}
    rigid: set[str] = set()
    for position, name in enumerate(names):
        known = encoded.get(name, Encoded())
        column = columns[position]
        if name not in indifferent and widens_with_gaps(column):
            rigid.add(name)
        if name in indifferent and not (column.type is ColumnType.STRING and known.text):
            column = in_wider_notation(column)
        seen = _ends(fitted.column(position).head(MOST_EXAMPLE_ROWS))
        columns[position] = _with_seen(column, known, seen)
        typical[name] = _typical(columns[position], raw_values(answered.column(position)) or seen)
    schema = _with_nullable(estimator, Schema(tuple(columns), container=fitted.container), typical)
    return replace(
        schema, columns=tuple(replace(c, nullable=c.nullable and c.name not in rigid) for c in schema.columns)
    )


def _names(estimator: object, example: pd.DataFrame | None) -> list[str]:
    names, count = input_names(estimator), input_count(estimator)
    if names is None and count is None and example is None:
        raise InvalidSchema(
            f"the {type(estimator).__name__} does not say which columns it takes: fit it first, give an example frame, "
            f"or publish a schema"
        )
    if example is None:
        return names if names is not None else [f"x{position}" for position in range(count or 0)]
    columns = [str(name) for name in example.columns]
    if names is not None:
        own = {without_blanks(name): name for name in columns}
        names = [name if name in columns else own.get(name, name) for name in names]
        missing = [name for name in names if name not in columns]
        if missing:
            raise InvalidSchema(f"the example frame lacks columns that the model was fitted on: {missing[:20]}")
        return names
    if count is not None and len(columns) != count:
        raise InvalidSchema(
            f"the example frame has {len(columns)} columns, the model was fitted on {count} without names"
        )
    # a frame made from an array is named 0, 1, 2 ...
    return columns if all(isinstance(name, str) for name in example.columns) else [f"x{i}" for i in range(len(columns))]


def _refuse_lost_categories(estimator: object, schema: Schema) -> None:
    lost = [name for name, kept in category_types(estimator, list(schema.by_name)).items() if kept is None]
    lost = [name for name in lost if not 0 < len(schema.by_name[name].categories or ()) < MOST_CATEGORIES]
    if lost:
        raise InvalidSchema(
            f"the model takes categories by their order and does not keep those of {lost[:20]}: give the frame that it "
            f"was fitted on as the example (less than {MOST_CATEGORIES} categories a column), or encode them in the "
            f"pipeline; xgboost keeps ASCII texts and whole numbers from 3.1 on"
        )


def _series(example: pd.DataFrame, name: str, position: int | None) -> "pd.Series[Any] | None":
    """The column by name, else by `position`; None if neither exists."""
    columns = [str(column) for column in example.columns]
    index = columns.index(name) if name in columns and len(set(columns)) == len(columns) else position
    return None if index is None else example.iloc[:, index].head(MOST_EXAMPLE_ROWS)


def _with_seen(column: Column, known: Encoded, seen: Sequence[object]) -> Column:
    """`column` with facts of the training data: range of numbers and dates, missing values."""
    missing = known.missing
    if seen and not missing:
        missing = any(value is None if column.type is ColumnType.STRING else is_gap(value) for value in seen)
    if column.type in (ColumnType.NUMBER, ColumnType.INTEGER):
        cells = [cell for cell in map(_parsed(column), seen) if isinstance(cell, int | float)]
        ends = known.ends if not cells else (min(cells), max(cells))
        return replace(column, missing_seen=missing, range=ends)
    column = _as_long_as(column, seen)
    times = column.format in (Format.DATE, Format.DATE_TIME)
    days = [value for value in seen if isinstance(value, str)] if times else []
    return replace(column, missing_seen=missing, range=(min(days), max(days)) if days else None)


def _as_long_as(column: Column, seen: Sequence[object]) -> Column:
    """`column`, whose strings may be four times as long as any in `seen`."""
    longest = max((len(value) for value in seen if isinstance(value, str)), default=0)
    if column.type is not ColumnType.STRING or 4 * longest <= column.longest:
        return column
    return replace(column, max_length=4 * longest)


def _parsed(column: Column) -> Callable[[object], Cell]:
    """The parser of `column` for training data; None for missing and unparsable values."""
    parse = replace(column, nullable=True, enum=None).parse

    def parsed(value: object) -> Cell:
        try:
            cell = parse(value)
        except BadCell:
            return None
        return None if cell != cell else cell

    return parsed


def _typical(column: Column, seen: Sequence[object]) -> Cell:
    """A typical value of a column, which the model should answer."""
    for value in seen:
        if not is_gap(value):
            try:
                return column.parse(value)
            except BadCell:
                continue
    return made_up(column)


def _with_nullable(estimator: object, schema: Schema, typical: dict[str, Cell]) -> Schema:
    """`schema` where each column is nullable whose missing value the model answers."""
    free = replace(schema, columns=tuple(replace(column, nullable=True) for column in schema.columns))

    def answers(row: dict[str, Cell]) -> bool:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                score(estimator, free, {name: [cell] for name, cell in row.items()}, 1)
        except ScoringFailed:
            return False
        return True

    rigid = {c.name for c in schema.columns if c.type is ColumnType.INTEGER and widens_with_gaps(c)}
    nullable = probe_missing(schema, typical, answers) - rigid
    return replace(
        schema, columns=tuple(replace(column, nullable=column.name in nullable) for column in schema.columns)
    )
