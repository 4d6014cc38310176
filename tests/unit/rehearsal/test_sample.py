"""The sample of live requests, and its rows in the columns of another version."""

import math
from dataclasses import dataclass, field
from typing import Any

import pytest

from changeover.estimator.scores import Scores
from changeover.schema.cell_parsers import ColumnType
from changeover.schema.schema import Column, Schema
from predict_api.rehearsal.columns import obstacle, translated
from predict_api.rehearsal.sample import MOST_REQUESTS, MOST_ROWS, Sample

AMOUNT, CITY = Column("amount"), Column("city", ColumnType.STRING)
SCORES = Scores([], None, None)


@dataclass(frozen=True)
class Rows:
    rows: int
    columns: dict[str, list[Any]] = field(default_factory=dict)
    single: bool = False


def test_the_newest_requests_wait_and_are_taken_once() -> None:
    sample = Sample()
    for size in range(MOST_REQUESTS + 10):
        sample.add(Rows(size), SCORES, 0.001)
    taken = sample.taken()
    assert [rows.rows for rows, _ in taken] == list(range(MOST_REQUESTS + 9, 9, -1))
    assert sample.taken() == []


def test_a_large_request_is_left_out() -> None:
    sample = Sample()
    sample.add(Rows(MOST_ROWS + 1), SCORES, 0.001)
    assert sample.taken() == []


@pytest.mark.parametrize(
    ("new", "why"),
    [
        ((AMOUNT, CITY), ""),
        ((CITY,), ""),
        ((AMOUNT, Column("age", nullable=True)), ""),
        ((AMOUNT, Column("age")), "no column 'age'"),
        ((Column("amount", ColumnType.STRING),), "column 'amount' has another type"),
    ],
)
def test_rows_can_be_scored_with_another_schema_unless_it_needs_what_they_lack(
    new: tuple[Column, ...], why: str
) -> None:
    found = obstacle(Schema((AMOUNT, CITY)), Schema(new))
    assert why in found if why else found == ""


def test_columns_that_the_rows_lack_are_missing() -> None:
    rows = Rows(2, {"amount": [1.0, 2.0], "city": ["a", "b"]})
    new = Schema((CITY, Column("age", nullable=True), Column("street", ColumnType.STRING, nullable=True)))
    columns = translated(rows, new).columns
    assert (columns["city"], columns["street"]) == (["a", "b"], [None, None])
    assert all(math.isnan(cell) for cell in columns["age"])
    assert list(columns) == ["city", "age", "street"]
