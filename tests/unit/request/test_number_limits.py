"""Numbers that no model can compute with are refused by row and field, in few rows and in many."""

import math

import pytest

from changeover.exceptions import RequestFaults
from changeover.request.decode import Decoded
from changeover.request.number_limits import refuse_what_is_too_large
from changeover.schema.cell_parsers import LARGEST, Cell


@pytest.mark.parametrize("rows", [1, 15, 16, 1000])
@pytest.mark.parametrize("value", [1e39, -1e39, 1e308, math.nextafter(LARGEST, math.inf)])
def test_a_number_that_is_too_large_is_named_by_row_and_field(rows: int, value: float) -> None:
    texts: list[Cell] = ["x"] * rows
    numbers: list[Cell] = [math.nan, *[1.0] * (rows - 1)]
    numbers[-1] = value
    with pytest.raises(RequestFaults) as caught:
        refuse_what_is_too_large(Decoded(False, rows, {"text": texts, "gaps": [math.nan] * rows, "a": numbers}))
    assert [(fault["row"], fault["field"]) for fault in caught.value.errors] == [(rows - 1, "a")]


@pytest.mark.parametrize("rows", [0, 1, 1000])
def test_what_is_within_the_bounds_passes(rows: int) -> None:
    columns: dict[str, list[Cell]] = {
        "a": [LARGEST] * rows,
        "b": [-LARGEST] * rows,
        "gaps": [math.nan] * rows,
        "whole": [2**63 - 1] * rows,
        "flag": [True] * rows,
        "text": [None] * rows,
    }
    refuse_what_is_too_large(Decoded(False, rows, columns))
