"""An example of a model's inputs, in whichever form people hold their training data, as a frame of named columns.

A frame is taken as it is, its columns by their names; an array, a list of texts or a sparse matrix by place.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from changeover.exceptions import InvalidSchema
from changeover.schema import Schema

TEXT_COLUMN = "text"
_SEEN = 10_000


def frame_of(example: object) -> pd.DataFrame:
    """`example` as a frame, a row an observation: a frame, a series, an array, a sparse matrix or a list.

    Raises InvalidSchema for what is no table.
    """
    if isinstance(example, pd.DataFrame):
        return example
    if isinstance(example, pd.Series):
        return example.to_frame()
    if hasattr(example, "toarray"):
        example = example.toarray()
    if isinstance(example, Sequence) and not isinstance(example, str):
        if example and all(isinstance(row, dict) for row in example):
            return pd.DataFrame(list(example))
        if example and all(isinstance(row, str) for row in example):
            return pd.DataFrame({TEXT_COLUMN: list(example)})
    try:
        array = np.asarray(example)
    except ValueError as error:
        raise InvalidSchema(f"the example is no table: {error}") from error
    if array.ndim not in (1, 2) or (array.dtype.kind == "O" and array.ndim == 1 and not len(array)):
        raise InvalidSchema(f"the example is a {type(example).__name__}: give a frame of inputs, a row an observation")
    return pd.DataFrame(array)


def inputs_of(example: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """The columns of `example` that `schema` knows, by name; by place where they have no names and are as many."""
    known = [name for name in example.columns if str(name) in schema.by_name]
    named = all(isinstance(name, str) for name in example.columns)
    if len(known) < len(schema.columns) and not named and len(example.columns) == len(schema.columns):
        return example.set_axis(list(schema.by_name), axis=1)
    return example[known]


def text_column(example: pd.DataFrame | None) -> str:
    """The name of the one column of texts; raises InvalidSchema if the example has several that could be it."""
    if example is None:
        return TEXT_COLUMN
    names = list(example.columns)
    if TEXT_COLUMN in names:
        return TEXT_COLUMN
    if len(names) > 1:
        names = [name for place, name in enumerate(names) if _holds_texts(example.iloc[:, place])]
    if len(names) != 1:
        raise InvalidSchema(
            f"the model takes texts, and the example has {len(example.columns)} columns, {len(names)} of texts: give it "
            f"the one column that the model was fitted on"
        )
    return names[0] if isinstance(names[0], str) else TEXT_COLUMN


def _holds_texts(series: "pd.Series[str]") -> bool:
    present = series.head(_SEEN).dropna()
    return len(present) > 0 and all(isinstance(value, str) for value in present)
