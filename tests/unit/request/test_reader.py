"""The reader of request bodies: both paths, the limit of rows, and the limits of numbers."""

import json
import math

import pytest

from changeover.exceptions import RequestFaults, TooManyRows
from changeover.request.decode import Decoded
from changeover.request.fast_reader import TypedRows
from changeover.request.reader import RequestReader
from changeover.schema.cell_parsers import LARGEST_NUMBER, ColumnType
from changeover.schema.schema import Column, Schema

SCHEMA = Schema(
    (
        Column("a", nullable=True),
        Column("b", nullable=True),
        Column("n", ColumnType.INTEGER),
        Column("t", ColumnType.STRING, nullable=True),
    )
)
ROW = {"a": 1.5, "b": None, "n": 3, "t": None}


def body(*rows: dict[str, object]) -> bytes:
    return json.dumps(rows).encode()


def test_a_plain_body_takes_the_fast_path_and_another_one_the_strict_path() -> None:
    reader = RequestReader(SCHEMA)
    assert isinstance(reader.read(body(ROW), 1), TypedRows)
    assert isinstance(reader.read(body({**ROW, "a": " 1.5 "}), 1), Decoded)


@pytest.mark.parametrize("cell", [1.5, " 1.5 "], ids=["fast", "strict"])
def test_more_rows_than_allowed_are_refused_on_both_paths(cell: object) -> None:
    with pytest.raises(TooManyRows, match="has 3 rows, at most 2"):
        RequestReader(SCHEMA).read(body(*[{**ROW, "a": cell}] * 3), 2)


@pytest.mark.parametrize("rows", [1, 1000])
@pytest.mark.parametrize("value", [1e39, -1e39, 1e308, math.nextafter(LARGEST_NUMBER, math.inf)])
def test_a_number_that_is_too_large_is_named_by_row_and_field(rows: int, value: float) -> None:
    sent = [ROW] * (rows - 1) + [{**ROW, "b": value}]
    with pytest.raises(RequestFaults, match="the number is too large") as caught:
        RequestReader(SCHEMA).read(body(*sent), rows)
    assert [(error["row"], error["field"]) for error in caught.value.errors] == [(rows - 1, "b")]


def test_numbers_that_are_too_large_are_listed_by_row_then_by_column() -> None:
    large = {**ROW, "a": -1e39, "b": 1e39}
    with pytest.raises(RequestFaults) as caught:
        RequestReader(SCHEMA).read(body(ROW, large, large), 3)
    listed = [(error["row"], error["field"]) for error in caught.value.errors]
    assert listed == [(1, "a"), (1, "b"), (2, "a"), (2, "b")]


@pytest.mark.parametrize("rows", [1, 1000])
def test_numbers_within_the_limits_are_read(rows: int) -> None:
    within = {"a": LARGEST_NUMBER, "b": -LARGEST_NUMBER, "n": 2**63 - 1, "t": "x"}
    decoded = RequestReader(SCHEMA).read(body(*[within] * rows), rows)
    assert {name: cells[0] for name, cells in decoded.columns.items()} == within
