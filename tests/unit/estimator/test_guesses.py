"""Bytes without an example: what inner encoders tell of the fit, what is guessed, and the warning about it."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Binarizer, FunctionTransformer, KBinsDiscretizer, OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from changeover.estimator.guesses import guessed
from changeover.estimator.infer_schema import infer_schema
from changeover.exceptions import InvalidSchema
from changeover.schema.cell_parsers import ColumnType
from changeover.schema.column import Column, Missing

Y = [0, 1, 1, 0] * 4
NUMBERS = pd.DataFrame({"size": np.linspace(0, 1, 16), "rooms": np.arange(16)})


def encoded(values: "pd.Series[object]") -> Column:
    """The column of a model that encodes `values`, by its bytes alone."""
    frame = pd.DataFrame({"x": values})
    model = make_pipeline(OneHotEncoder(handle_unknown="ignore"), LogisticRegression()).fit(frame, Y)
    return infer_schema(model).by_name["x"]


@pytest.mark.parametrize(
    ("values", "kind", "dtype", "missing"),
    [
        (pd.Series([True, False, np.nan, True] * 4, dtype=object), ColumnType.BOOLEAN, "object", Missing.NAN),
        (pd.Series([True, False, None, True] * 4, dtype=object), ColumnType.BOOLEAN, "object", Missing.NONE),
        (pd.Series(["a", "b", None, "c"] * 4, dtype=object), ColumnType.STRING, "object", Missing.NONE),
        (pd.Series(["a", "b", np.nan, "c"] * 4, dtype=object), ColumnType.STRING, "", None),
        (pd.Series([1, 2, 3, 4] * 4, dtype="int8"), ColumnType.NUMBER, "int8", None),
        (pd.Series([2**53 + i for i in range(4)] * 4), ColumnType.INTEGER, "int64", None),
        (pd.Series([2**63 + i for i in range(4)] * 4, dtype="uint64"), ColumnType.INTEGER, "uint64", None),
        (pd.Series([2**53, 2**53 + 1, None, 5] * 4, dtype=object), ColumnType.INTEGER, "object", Missing.NONE),
        (pd.Series([0.1, 0.2, 0.3, 0.4] * 4, dtype="float32"), ColumnType.NUMBER, "float32", None),
        (pd.Series(pd.to_datetime(["2024-01-01", "2024-01-02"] * 8)), ColumnType.STRING, "datetime64[us]", None),
    ],
    ids=lambda value: None if isinstance(value, pd.Series) else str(value),
)
def test_an_encoder_tells_the_type_of_its_column(
    values: "pd.Series[object]", kind: ColumnType, dtype: str, missing: Missing | None
) -> None:
    column = encoded(values)
    assert (column.type, column.dtype, column.missing) == (kind, dtype, missing)


def test_two_kinds_of_missing_values_are_refused_by_name() -> None:
    with pytest.raises(InvalidSchema, match="column 'x' held None and NaN"):
        encoded(pd.Series(["a", None, np.nan, "c"] * 4, dtype=object))


@pytest.mark.parametrize(
    ("model", "named"),
    [
        (make_pipeline(FunctionTransformer(np.cumsum), DecisionTreeClassifier()), ["size", "rooms"]),
        (make_pipeline(Binarizer(threshold=0.2), DecisionTreeClassifier()), ["size", "rooms"]),
        (make_pipeline(KBinsDiscretizer(2), DecisionTreeClassifier()), ["size", "rooms"]),
        (make_pipeline(FunctionTransformer(np.log1p), DecisionTreeClassifier()), []),
        (make_pipeline(StandardScaler(), LogisticRegression()), []),
        (DecisionTreeClassifier(), []),
    ],
    ids=["a function", "a threshold", "bins", "a ufunc", "numbers alone", "a tree"],
)
def test_columns_whose_type_was_guessed_are_named_if_it_matters(model: object, named: list[str]) -> None:
    model.fit(NUMBERS, Y)  # type: ignore[attr-defined]
    sentence = guessed(model, infer_schema(model)) or ""
    assert [name for name in NUMBERS if f"'{name}'" in sentence] == named
    assert not sentence or "client.publish(model, example=frame)" in sentence
