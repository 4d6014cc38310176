"""The two tensors of an ONNX twin: float32 columns rounded as at fitting, and numbers that are no double left out."""

import json
from collections.abc import Callable

import numpy as np
import pytest

from changeover.request.fast_reader import FastReader
from changeover.request.tensors import LARGEST, as_fitted, tensors
from changeover.schema.cell_parsers import ColumnType
from changeover.schema.column import Column
from changeover.schema.schema import Schema
from tests.unit.request.two_paths import FORMS, Row, strict

SINGLE = Schema(
    (
        Column("double", dtype="float64"),
        Column("name", ColumnType.STRING),
        Column("single", nullable=True, dtype="float32"),
        Column("count", ColumnType.INTEGER, dtype="category[float32]"),
    )
)
ROWS: list[Row] = [
    {"double": 0.1, "name": "a", "single": 0.1, "count": 2**24 + 1},
    {"double": 1e-300, "name": "b", "single": None, "count": 3},
]
in_each_form = pytest.mark.parametrize("make", FORMS.values(), ids=FORMS)


@in_each_form
def test_the_numbers_of_a_float32_column_are_rounded_on_both_paths(make: Callable[[list[Row]], bytes]) -> None:
    expected = [[0.1, float(np.float32(0.1)), 2.0**24], [1e-300, np.nan, 3.0]]
    fast = FastReader(SINGLE).read(make(ROWS))
    assert fast is not None
    numbers, texts = fast.tensors()
    np.testing.assert_array_equal(numbers, expected)
    assert texts is not None
    decoded = strict(make(ROWS), SINGLE)
    np.testing.assert_array_equal(tensors(SINGLE, decoded.columns, 2)[0], expected)


def test_a_single_row_of_numbers_alone_is_rounded_and_its_cells_stay_as_sent() -> None:
    schema = Schema((Column("single", dtype="float32"), Column("double")))
    rows = FastReader(schema).read(json.dumps({"single": 0.1, "double": 0.1}).encode())
    assert rows is not None
    assert rows.tensors()[0].tolist() == [[float(np.float32(0.1)), 0.1]]
    assert rows.columns == {"single": [0.1], "double": [0.1]}


def test_a_schema_without_float32_columns_copies_no_numbers() -> None:
    numbers = np.array([[0.1, 0.2]])
    assert as_fitted(Schema((Column("a"), Column("b", dtype="float64"))), numbers) is numbers


@in_each_form
@pytest.mark.parametrize("kind", [ColumnType.NUMBER, ColumnType.INTEGER])
@pytest.mark.parametrize("number", [2**53, 2**53 + 1, -(2**53), -(2**63)])
def test_a_number_that_may_be_no_double_is_left_to_the_strict_path(
    make: Callable[[list[Row]], bytes], kind: ColumnType, number: int
) -> None:
    schema = Schema((Column("id", kind, dtype="int64"), Column("a", nullable=True)))
    reader = FastReader(schema)
    for rows in ([{"id": number, "a": 1.0}], [{"id": 1, "a": None}, {"id": number, "a": 2.0}]):
        assert reader.read(make(rows)) is None
    assert reader.read(make([{"id": 2**53 - 1, "a": None}])) is not None
    assert LARGEST == 2**53
