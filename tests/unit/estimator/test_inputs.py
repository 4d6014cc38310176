"""Typed columns: a raw training frame and a request with the same rows give the same values."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from changeover.estimator.training_frame import read_frame, rows_of, typed_frame
from changeover.exceptions import InvalidSchema, RequestFaults
from changeover.request.decode import decode
from changeover.schema.cell_parsers import ColumnType
from changeover.schema.formats import Format
from changeover.schema.schema import Column, Schema

SCHEMA = Schema(
    (
        Column("money", nullable=True, format=Format.CURRENCY),
        Column("share", nullable=True, format=Format.PERCENT),
        Column("word", ColumnType.STRING, nullable=True),
        Column("count", ColumnType.INTEGER),
        Column("gappy", ColumnType.INTEGER, nullable=True),
        Column("flag", ColumnType.BOOLEAN),
        Column("maybe", ColumnType.BOOLEAN, nullable=True),
    )
)
RAW = pd.DataFrame(
    {
        "target": [0, 1, 0],
        "flag": [True, False, True],
        "maybe": [True, None, False],
        "count": [1, 2, 2**62 + 1],
        "gappy": [1.0, np.nan, 3.0],
        "word": ["u", None, "nan"],
        "share": ["62.59%", "", "45.85"],
        "money": ["$6,882.34 ", "($5,032.58)", None],
    },
    index=[10, 20, 30],
)


def test_a_raw_frame_becomes_typed_by_the_parser_of_requests() -> None:
    typed = read_frame(RAW, SCHEMA)
    assert typed.index.tolist() == [10, 20, 30]
    assert [str(kind) for kind in typed.dtypes] == ["float64", "float64", "str", "int64", "float64", "bool", "object"]
    assert typed["money"].tolist()[:2] == [6882.34, -5032.58]
    assert typed.isna().sum().tolist() == [1, 1, 1, 0, 1, 0, 1]
    assert typed["count"].tolist() == [1, 2, 2**62 + 1]


def test_a_request_with_the_rows_of_a_frame_becomes_the_same_frame() -> None:
    rows = rows_of(RAW.drop(columns="target"))
    decoded = decode(list(rows), SCHEMA, 10)
    pd.testing.assert_frame_equal(
        typed_frame(SCHEMA, decoded.columns), read_frame(RAW, SCHEMA).reset_index(drop=True), check_exact=True
    )


def test_a_column_of_missing_values_only_keeps_its_type() -> None:
    raw = pd.DataFrame({"word": [None, np.nan], "money": [None, "nan"]})
    schema = Schema((SCHEMA.by_name["word"], SCHEMA.by_name["money"]))
    assert [str(kind) for kind in read_frame(raw, schema).dtypes] == ["str", "float64"]


def test_what_does_not_fit_is_named_by_position_and_column() -> None:
    bad = RAW.assign(count=["1", "x", "2"]).drop(columns="flag")
    with pytest.raises(RequestFaults) as caught:
        read_frame(bad, SCHEMA)
    assert caught.value.errors == [
        {"row": 1, "field": "count", "message": "'x' is not a number"},
        {"row": None, "field": "flag", "message": "the frame has no such column"},
    ]


def test_every_missing_value_of_pandas_is_a_missing_value() -> None:
    raw = pd.DataFrame({"money": pd.array([1.5, pd.NA], dtype="Float64"), "word": pd.Categorical(["u", None])})
    schema = Schema((SCHEMA.by_name["word"], SCHEMA.by_name["money"]))
    typed = read_frame(raw, schema)
    assert typed.isna().sum().tolist() == [1, 1]
    assert rows_of(raw) == [{"money": 1.5, "word": "u"}, {"money": None, "word": None}]


def test_rows_that_json_cannot_say_are_refused() -> None:
    with pytest.raises(InvalidSchema, match="holds a Timedelta"):
        rows_of(pd.DataFrame({"when": pd.to_timedelta([1], unit="h")}))


def test_a_day_is_its_text_in_training_as_in_a_request() -> None:
    schema = Schema((Column("day", ColumnType.STRING, nullable=True, format=Format.DATE),))
    for values in (pd.to_datetime(pd.Series(["2024-02-29", None])), pd.Series([date(2024, 2, 29), None])):
        raw = pd.DataFrame({"day": values})
        assert rows_of(raw) == [{"day": "2024-02-29"}, {"day": None}]
        assert read_frame(raw, schema)["day"].tolist()[0] == "2024-02-29"
        assert read_frame(raw, schema).equals(typed_frame(schema, decode(rows_of(raw), schema, 2).columns))  # type: ignore[arg-type]
    with pytest.raises(RequestFaults, match="day of the calendar"):
        read_frame(pd.DataFrame({"day": ["2024-02-30"]}), schema)
