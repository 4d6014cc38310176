"""Single columns of an example frame: dtypes of pandas, days, ranges, missing values, open lists."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from pandas.api.types import pandas_dtype
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, OneHotEncoder

from changeover.estimator.infer_schema import infer_schema
from changeover.schema.cell_parsers import ColumnType
from changeover.schema.formats import Format
from changeover.schema.schema import Column

STRING, BOOLEAN = ColumnType.STRING, ColumnType.BOOLEAN
ROWS = 20
FRAME = pd.DataFrame({"n": np.linspace(-1, 1, ROWS), "s": ["u", "v", "w", "u"] * 5})


def fit(model: object, frame: object) -> object:
    return model.fit(frame, np.array([0, 1] * (ROWS // 2)))  # type: ignore[attr-defined]


def first_of(values: object) -> Column:
    """The column that is inferred for `values` in the example of a model that looks at another column only."""
    model = make_pipeline(FunctionTransformer(lambda frame: frame[["n"]]), LogisticRegression())
    frame = FRAME.assign(s=values)
    return infer_schema(fit(model, frame), frame).by_name["s"]


def seen(column: Column) -> tuple[object, ...]:
    return *(column.range or (None, None)), column.missing_seen


@pytest.mark.parametrize(
    ("values", "written"),
    [
        (pd.to_datetime(pd.Series([None, "2024-02-29"] + ["2020-01-01"] * (ROWS - 2))), Format.DATE_TIME),
        ([None, date(2024, 2, 29)] + [date(2020, 1, 1)] * (ROWS - 2), Format.DATE),
        ([None, "2024-02-29"] + ["2020-01-01"] * (ROWS - 2), Format.DATE),
    ],
    ids=["datetime64", "date", "texts"],
)
def test_days_are_strings_and_say_which_were_seen(values: object, written: Format) -> None:
    column = first_of(values)
    assert column == Column("s", STRING, nullable=True, format=written)
    assert seen(column) == ("2020-01-01", "2024-02-29", True)


@pytest.mark.parametrize("odd", ["2024-02-30", "20240229", "2024-W09-4", "soon"])
def test_texts_that_are_not_all_days_stay_texts(odd: str) -> None:
    assert first_of([odd] + ["2020-01-01"] * (ROWS - 1)).format is None


@pytest.mark.parametrize(
    ("dtype", "kind", "ends"),
    [
        ("int8", ColumnType.NUMBER, (0.0, 2.0)),
        ("uint64", ColumnType.NUMBER, (0.0, 2.0)),
        ("Int64", ColumnType.NUMBER, (0.0, 2.0)),
        ("float32", ColumnType.NUMBER, (0.0, 2.0)),
        ("Float64", ColumnType.NUMBER, (0.0, 2.0)),
        ("boolean", BOOLEAN, (None, None)),
        ("bool", BOOLEAN, (None, None)),
        ("string", ColumnType.NUMBER, (0.0, 2.0)),
        ("category", ColumnType.NUMBER, (0.0, 2.0)),
    ],
)
def test_every_dtype_of_pandas_has_its_type(dtype: str, kind: ColumnType, ends: tuple[object, ...]) -> None:
    values = pd.Series([0, 1] * (ROWS // 2)) if kind is BOOLEAN else pd.Series([0, 1, 2, 1] * (ROWS // 4))
    column = first_of(values.astype(pandas_dtype(dtype)))
    assert column.type is kind
    assert seen(column) == (*ends, False)


@pytest.mark.parametrize("dtype", ["Int64", "Float64", "boolean", "string", "category", "object"])
def test_missing_values_of_every_dtype_are_seen(dtype: str) -> None:
    column = first_of(pd.Series([None, True, False, True] * (ROWS // 4), dtype="boolean").astype(pandas_dtype(dtype)))
    assert column.missing_seen is True
    assert column.nullable


def test_the_range_is_that_of_the_numbers_as_they_are_read() -> None:
    raw = FRAME.assign(s=["($5,032.58)", "$6,882.34 ", "nan", "12"] * (ROWS // 4))
    money = infer_schema(fit(make_pipeline(SimpleImputer(), LogisticRegression()), FRAME.assign(s=1.5)), raw).by_name[
        "s"
    ]
    assert money.format is Format.CURRENCY
    assert seen(money) == (-5032.58, 6882.34, True)


def test_the_categories_of_pandas_are_an_open_list() -> None:
    column = first_of(pd.Categorical(["u", "v"] * (ROWS // 2), categories=["u", "v", "w"]))
    assert column == Column("s", STRING, nullable=True, categories=("u", "v", "w"))


def test_a_pipeline_without_an_example_gives_the_missing_values_and_the_range_of_its_fit() -> None:
    numbers = make_pipeline(SimpleImputer(), MinMaxScaler())
    model = make_pipeline(make_column_transformer((numbers, ["n"]), (OneHotEncoder(), ["s"])), LogisticRegression())
    columns = infer_schema(fit(model, FRAME.assign(s=["u", None, "w", "u"] * 5))).by_name
    assert seen(columns["n"]) == (-1.0, 1.0, None)
    assert seen(columns["s"]) == (None, None, True)
