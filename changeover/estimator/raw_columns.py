"""The columns of a raw table, which a publisher converts before the fit: texts that are all numbers are numbers."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from changeover.estimator.encoded import Encoded
from changeover.estimator.fitted_columns import format_of_texts, of_encoder, with_categories
from changeover.estimator.training_frame import raw_values
from changeover.exceptions import InvalidSchema
from changeover.schema.cell_parsers import ColumnType
from changeover.schema.column import Column
from changeover.schema.dtypes import EXACT
from changeover.schema.formats import PARSERS, Format


def raw_column(name: str, known: Encoded, seen: Sequence[object]) -> Column:
    """The column by the facts of inner encoders and by raw values."""
    if known.two_gaps:
        raise InvalidSchema(
            f"column {name!r} held None and NaN, which the model tells apart, and JSON has one null: fit the model on a frame "
            f"in which only one of them stands for a missing value"
        )
    return with_categories(of_encoder(_without_categories(name, known, seen), known), known)


def _without_categories(name: str, known: Encoded, seen: Sequence[object]) -> Column:
    present = [value for value in seen if not is_gap(value)]
    categories = known.categories or None
    if (
        known.text
        or (known.text_unless_seen and not present)
        or (categories and all(isinstance(value, str) for value in categories))
    ):
        return Column(name, ColumnType.STRING, format=format_of_texts(present or categories or ()))
    if present:
        return _from_values(name, present)
    if categories and all(isinstance(value, bool) for value in categories):
        return Column(name, ColumnType.BOOLEAN)
    return Column(name, ColumnType.NUMBER)


def _from_values(name: str, present: Sequence[object]) -> Column:
    if all(isinstance(value, bool) for value in present):
        return Column(name, ColumnType.BOOLEAN)
    if any(isinstance(value, int) and abs(value) >= EXACT for value in present):
        return Column(name, ColumnType.INTEGER)
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in present):
        return Column(name, ColumnType.NUMBER)
    texts = [str(value) for value in present if isinstance(value, str | int | float) and not isinstance(value, bool)]
    if len(texts) < len(present):
        odd = next(value for value in present if not isinstance(value, str | int | float) or isinstance(value, bool))
        if isinstance(odd, bool):
            raise InvalidSchema(f"column {name!r} of the example mixes true/false with other values")
        raise InvalidSchema(
            f"column {name!r} of the example holds a {type(odd).__name__}: only numbers, true/false and strings can be "
            f"sent as JSON; turn it into one of them before the pipeline"
        )
    for written in (None, Format.PERCENT, Format.CURRENCY):
        if _all_are(texts, written):
            return Column(name, ColumnType.NUMBER, format=written)
    if all(isinstance(value, str) for value in present):
        return Column(name, ColumnType.STRING, format=format_of_texts(present))
    raise InvalidSchema(f"column {name!r} of the example mixes numbers with strings that are no numbers")


def also_of(series: "pd.Series[Any] | None", known: Encoded) -> Encoded:
    """The facts of a column, with the categories of pandas if no encoder has any."""
    if known.categories is not None or series is None or not isinstance(series.dtype, pd.CategoricalDtype):
        return known
    return replace(known, categories=tuple(raw_values(series.dtype.categories.to_series())))


def _all_are(texts: Sequence[str], written: Format | None) -> bool:
    parse = PARSERS[written]
    try:
        for text in texts:
            parse(text)
    except ValueError:
        return False
    return True


def is_gap(value: object) -> bool:
    """Whether a raw value is missing: None, or a text that says so."""
    return value is None or (isinstance(value, str) and value.strip().lower() in ("", "nan"))
