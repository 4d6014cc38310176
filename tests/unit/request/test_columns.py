"""Requests by column: lists and arrays give the same typed columns, and the same errors, as the rows in JSON."""

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from changeover.exceptions import NotJson, RequestFaults, TooManyRows
from changeover.request.columns import TypedColumns
from changeover.request.decode import Decoded
from changeover.request.reader import RequestReader
from changeover.request.tensors import tensors
from changeover.schema.cell_parsers import ColumnType
from changeover.schema.column import Column
from changeover.schema.schema import Extra, Schema
from tests.unit.request.two_paths import COLUMNS, ODD, PLAIN, Row, outcome

SCHEMA = Schema(COLUMNS)
READER = RequestReader(SCHEMA)
NUMBERS = Schema(
    (
        Column("any", ColumnType.NUMBER, nullable=True),
        Column("needed", ColumnType.NUMBER),
        Column("whole", ColumnType.INTEGER, nullable=True),
        Column("small", ColumnType.INTEGER, dtype="int8"),
        Column("flag", ColumnType.BOOLEAN),
    )
)
GOOD: dict[str, Any] = {"any": 1.5, "needed": 2.0, "whole": 3, "small": 4, "flag": True}


def by_column(rows: list[Row]) -> dict[str, list[Any]]:
    return {name: [row[name] for row in rows] for name in rows[0]}


def of_rows(rows: list[Row], reader: RequestReader = READER) -> Any:
    """The typed columns of rows in JSON, or their errors."""
    try:
        return reader.read(json.dumps(rows).encode(), 1000)
    except NotJson:
        pytest.skip("no JSON")
    except RequestFaults as error:
        return error.errors


def of_columns(columns: dict[str, Any], reader: RequestReader = READER) -> Any:
    try:
        return reader.read_columns(columns, 1000)
    except RequestFaults as error:
        return error.errors


def same(one: Any, other: Any) -> None:
    """Check that typed columns are the same bit for bit, or that errors are."""
    if isinstance(one, list):
        assert one == other
        return
    assert not isinstance(other, list), other
    assert one.rows == other.rows
    assert repr(dict(one.columns)) == repr(dict(other.columns))
    assert tensors_of(one) == tensors_of(other)


def tensors_of(rows: Any, schema: Schema = SCHEMA) -> Any:
    return outcome(lambda: tensors(schema, rows.columns, rows.rows) if isinstance(rows, Decoded) else rows.tensors())


@pytest.mark.parametrize("cell", ODD, ids=repr)
def test_lists_of_cells_are_read_as_rows_in_json(cell: Any) -> None:
    for column in SCHEMA.columns:
        for rows in ([{**PLAIN, column.name: cell}], [PLAIN, {**PLAIN, column.name: cell}, PLAIN]):
            same(of_rows(rows), of_columns(by_column(rows)))


def test_plain_lists_take_the_fast_path() -> None:
    assert isinstance(READER.read_columns(by_column([PLAIN, {**PLAIN, "age": None, "owner": None}]), 2), TypedColumns)


@pytest.mark.parametrize("dtype", ["?", "<i1", "<u1", "<i4", "<u8", ">i8", "<f2", "<f4", "<f8"])
def test_arrays_are_read_as_their_values(dtype: str) -> None:
    for name in ("any", "needed", "whole", "small", "flag"):
        array = np.array([0, 1, 1], dtype=dtype)
        columns = {key: [value] * 3 for key, value in GOOD.items()}
        reader = RequestReader(NUMBERS)
        expected = of_rows([{**GOOD, name: cell} for cell in array.tolist()], reader)
        taken = of_columns({**columns, name: array}, reader)
        if isinstance(expected, list):
            assert taken == expected
        else:
            assert isinstance(taken, TypedColumns)
            assert repr(taken.columns) == repr(dict(expected.columns))
            assert tensors_of(taken, NUMBERS) == tensors_of(expected, NUMBERS)


@pytest.mark.parametrize(
    ("name", "cell", "message"),
    [
        ("any", math.inf, "an infinite number is not allowed"),
        ("needed", math.nan, "a value is required"),
        ("needed", -math.inf, "an infinite number is not allowed"),
        ("any", 1e300, "the number is too large"),
        ("whole", 1.5, "1.5 is not an integer"),
        ("whole", 2.0**63, "does not fit into 64 bits"),
        ("small", 128.0, "does not fit into int8"),
        ("small", -129.0, "does not fit into int8"),
        ("flag", 1.0, "1.0 is not true or false"),
    ],
)
def test_each_bad_number_of_an_array_is_named(name: str, cell: float, message: str) -> None:
    columns = {key: np.array([value] * 3) for key, value in GOOD.items()}
    with pytest.raises(RequestFaults, match=message) as raised:
        RequestReader(NUMBERS).read_columns({**columns, name: np.array([columns[name][0], cell, cell])}, 3)
    first = {"row": 0, "field": name} if name == "flag" else {"row": 1, "field": name}
    assert {key: raised.value.errors[0][key] for key in first} == first
    assert raised.value.total == (3 if name == "flag" else 2)


def test_a_raw_nan_is_a_missing_value_and_large_integers_stay_exact() -> None:
    columns = {key: np.array([value]) for key, value in GOOD.items()}
    missing = RequestReader(NUMBERS).read_columns(
        {**columns, "any": np.array([np.nan]), "whole": np.array([np.nan])}, 1
    )
    assert repr([missing.columns["any"], missing.columns["whole"]]) == "[[nan], [nan]]"
    exact = RequestReader(NUMBERS).read_columns({**columns, "whole": np.array([2**62 + 1])}, 1)
    assert exact.columns["whole"] == [2**62 + 1]


def test_errors_are_listed_by_row_and_the_rest_is_counted() -> None:
    rows: list[Row] = [{**PLAIN, "height": "x", "rooms": 1.5} for _ in range(30)]
    with pytest.raises(RequestFaults) as by_row:
        READER.read(json.dumps(rows).encode(), 30)
    with pytest.raises(RequestFaults) as columns:
        READER.read_columns(by_column(rows), 30)
    assert columns.value.errors == by_row.value.errors
    assert columns.value.total == by_row.value.total == 60


def test_columns_that_do_not_fit_together_are_named() -> None:
    columns = by_column([PLAIN, PLAIN])
    assert [error["field"] for error in of_columns({name: columns[name] for name in list(columns)[2:]})] == [
        "age",
        "height",
    ]
    assert of_columns({**columns, "age": [1]})[0]["message"] == "the column has 1 values, the longest has 2"
    assert of_columns({**columns, "other": [1, 2]})[0]["field"] == "other"
    ignoring = RequestReader(replace(SCHEMA, extra=Extra.IGNORE))
    assert list(ignoring.read_columns({**columns, "other": [1, 2]}, 2).columns) == list(SCHEMA.by_name)
    with pytest.raises(TooManyRows):
        READER.read_columns(columns, 1)
    assert READER.read_columns({name: [] for name in columns}, 1).rows == 0


def test_columns_of_strings_alone_have_no_numbers() -> None:
    schema = Schema((Column("a", ColumnType.STRING), Column("b", ColumnType.STRING, nullable=True)))
    rows = RequestReader(schema).read_columns({"a": ["x", "y"], "b": np.array(["z", None], dtype=object)}, 2)
    assert isinstance(rows, TypedColumns)
    numbers, texts = rows.tensors()
    assert numbers.shape == (2, 0)
    assert texts is not None
    assert texts.tolist() == [["x", "z"], ["y", "\ufdd0"]]
