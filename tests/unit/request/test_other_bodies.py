"""Rows as arrays, names in another Unicode normal form, and the envelopes of other servers."""

import json
import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from changeover.exceptions import RequestFaults, TooManyRows
from changeover.request.decode import Decoded, decode
from changeover.request.fast_reader import MOST_COLUMNS
from changeover.schema.cell_parsers import ColumnType
from changeover.schema.column import Column
from changeover.schema.schema import Extra, Schema
from tests.unit.request.two_paths import ODD, agree, arrays, strict

ARRAY = Schema((Column("x0"), Column("x1", ColumnType.STRING)))
NAMED = Schema((Column("a"), Column("b", ColumnType.STRING)))
CAFE = unicodedata.normalize("NFC", "café")
CAFE_APART = unicodedata.normalize("NFD", CAFE)


def errors_of(value: object, schema: Schema) -> list[tuple[object, object, str]]:
    with pytest.raises(RequestFaults) as caught:
        decode(value, schema, 1000)  # type: ignore[arg-type]
    return [(error["row"], error["field"], str(error["message"])) for error in caught.value.errors]


def test_rows_as_arrays_are_a_batch_for_a_model_that_was_fitted_on_an_array() -> None:
    expected = Decoded(False, 2, {"x0": [1.0, 2.0], "x1": ["x", "y"]})
    assert decode([[1, "x"], [2, "y"]], ARRAY, 10) == expected
    assert decode([[1, "x"], {"x1": "y", "x0": 2}], ARRAY, 10) == expected
    assert decode([[1, "x"], [2, "y"]], replace(ARRAY, extra=Extra.IGNORE), 10) == expected
    with pytest.raises(TooManyRows):
        decode([[1, "x"]] * 11, ARRAY, 10)


def test_a_row_as_an_array_has_a_value_for_each_column() -> None:
    for extra in Extra:
        assert errors_of([[1], [1, "x"], [1, "x", 2], []], replace(ARRAY, extra=extra)) == [
            (0, None, "the row has 1 value, the model takes 2"),
            (2, None, "the row has 3 values, the model takes 2"),
            (3, None, "the row has 0 values, the model takes 2"),
        ]
    assert errors_of([[1, "x"], ["one", 2]], ARRAY) == [
        (1, "x0", "'one' is not a number"),
        (1, "x1", "2 is not a string"),
    ]


def test_values_of_one_row_without_a_second_array_are_no_row() -> None:
    assert errors_of([1, 2], ARRAY)[0] == (0, None, "1 is not a row: an object or an array of 2 values was expected")


def test_a_model_with_named_columns_takes_no_rows_as_arrays() -> None:
    [(row, field, message)] = errors_of([[1, "x"]], NAMED)
    assert (row, field) == (0, None)
    assert "an object was expected, since the model's columns have names" in message


def test_rows_as_arrays_are_read_by_the_fast_path() -> None:
    rows = [{"x0": 1, "x1": "x"}, {"x0": "2.5", "x1": "y:z"}]
    batch = agree(arrays(rows, ARRAY), ARRAY)
    assert batch is not None
    assert batch.columns == {"x0": [1.0, 2.5], "x1": ["x", "y:z"]}
    assert not batch.single
    wide = Schema(tuple(Column(f"x{index}") for index in range(MOST_COLUMNS + 1)))
    assert agree(json.dumps([list(range(MOST_COLUMNS + 1))] * 2).encode(), wide) is not None


ANY_CELL = st.sampled_from(ODD) | st.integers(-(2**65), 2**65) | st.floats(allow_nan=False) | st.text(max_size=3)


@given(st.lists(st.lists(ANY_CELL, max_size=3) | st.dictionaries(st.text(max_size=2), ANY_CELL), max_size=3))
def test_any_rows_as_arrays_are_read_as_on_the_strict_path_or_left_to_it(rows: list[object]) -> None:
    agree(json.dumps(rows).encode(), ARRAY)
    agree(json.dumps(rows).encode(), NAMED)


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({"instances": [{"a": 1, "b": "x"}]}, "TensorFlow Serving's instances"),
        ({"signature_name": "serving_default", "instances": [[1, 2]]}, "TensorFlow Serving's instances"),
        ({"inputs": {"a": [1], "b": ["x"]}}, "inputs"),
        ({"inputs": [{"name": "a", "shape": [1], "datatype": "FP64", "data": [1]}]}, '{"a": [...]'),
        ({"dataframe_split": {"columns": ["a", "b"], "data": [[1, "x"]]}}, '{"columns": ..., "data": ...}'),
        ({"dataframe_records": [{"a": 1, "b": "x"}]}, "MLflow's dataframe_records"),
        ({"data": [[1, "x"]]}, "data"),
        ({"rows": [{"a": 1}]}, "rows"),
        ({"features": {"a": 1, "b": "x"}}, "features"),
        ({"input_data": {"columns": ["a", "b"], "index": [0], "data": [[1, "x"]]}}, "Azure"),
        ({"Inputs": {"data": []}}, "Azure"),
        ({"data": {"ndarray": [[1, 2]]}}, "Seldon"),
    ],
)
def test_the_envelope_of_another_server_is_named(body: object, names: str) -> None:
    for extra in Extra:
        [(row, _, message)] = errors_of(body, replace(NAMED, extra=extra))
        assert row is None
        assert names in message
        assert "alone" in message


def test_the_hint_for_a_split_frame_says_what_to_send() -> None:
    split = {"columns": ["a", "b"], "data": [[1, "x"]]}
    assert errors_of({"dataframe_split": split}, NAMED) == [
        (
            None,
            "dataframe_split",
            'the body is MLflow\'s dataframe_split: send its content, {"columns": ..., "data": ...}, alone',
        )
    ]
    assert decode(split, NAMED, 10).rows == 1  # type: ignore[arg-type]


def test_a_column_with_the_name_of_an_envelope_is_a_column() -> None:
    schema = Schema((Column("inputs"), Column("data")))
    assert decode({"inputs": [1], "data": [2]}, schema, 10).columns == {"inputs": [1.0], "data": [2.0]}
    assert errors_of({"inputs": [1]}, schema) == [(0, "data", "the field is missing")]
    assert errors_of({"instances": [1], "data": [1]}, schema)[0][1:] == ("inputs", "the field is missing")
    assert errors_of({"instances": 7}, NAMED)[0] == (0, "a", "the field is missing")


def test_a_name_in_another_unicode_normal_form_is_told_as_such() -> None:
    for known, sent in ((CAFE, CAFE_APART), (CAFE_APART, CAFE)):
        schema = Schema((Column(known),))
        says = "the model's column is spelt in another Unicode normal form"
        expected = [(0, known, "the field is missing"), (0, sent, f"the model has no such column: {says}")]
        assert [(row, field, message[: len(wanted)]) for (row, field, message), (*_, wanted) in zip(
            errors_of([{sent: 1}], schema), expected, strict=True
        )] == expected  # fmt: skip
        [*_, (_, field, message)] = errors_of({"columns": [sent], "data": []}, schema)
        assert field == sent
        assert says in message
        [(_, field, message)] = errors_of([{sent: 1}], replace(schema, extra=Extra.IGNORE))
        assert field == known
        assert "it was sent in another Unicode normal form" in message
    assert "NFC" in message
    assert strict(json.dumps({"x": 1}).encode(), Schema((Column(CAFE),))) is None


def test_a_name_that_is_only_unknown_is_told_as_such() -> None:
    schema = Schema((Column(CAFE),))
    assert errors_of([{"thé": 1}], schema) == [
        (0, CAFE, "the field is missing"),
        (0, "thé", "the model has no such column"),
    ]
