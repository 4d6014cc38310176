"""The fast reader: the same cells as the strict path in rows and in the split form, or none."""

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from changeover.demo.bodies import body
from changeover.demo.train import schema_of_segmentation
from changeover.request.fast_reader import MOST_COLUMNS, FastReader
from changeover.request.strict_json import parse
from changeover.schema.cell_parsers import ColumnType
from changeover.schema.column import Column
from changeover.schema.schema import Extra, Schema
from tests.unit.request.two_paths import COLUMNS, FORMS, ODD, PLAIN, Row, agree, lists, objects, split, strict

in_each_form = pytest.mark.parametrize("make", FORMS.values(), ids=FORMS)


def test_one_plain_row_and_several_are_read() -> None:
    schema = Schema(COLUMNS)
    assert agree(json.dumps(PLAIN).encode(), schema) is not None
    rows = [PLAIN, {**PLAIN, "age": "nan", "count": None, "owner": None, "name": None}]
    for data in (*(make(rows) for make in FORMS.values()), split(rows, reverse=True)):
        batch = agree(data, schema)
        assert batch is not None
        assert math.isnan(batch.columns["age"][1])  # type: ignore[arg-type]
        assert batch.columns["name"] == ["Zoë", None]
    for make in FORMS.values():
        assert agree(make(rows[:1]), schema) is not None


@pytest.mark.parametrize("name", ["single", "batch"])
def test_the_bodies_of_the_example_are_read_in_each_form(name: str) -> None:
    schema = schema_of_segmentation()
    assert agree(body(name), schema) is not None
    rows: Any = parse(body(name))
    for make in FORMS.values():
        assert agree(make(rows if isinstance(rows, list) else [rows]), schema) is not None


@pytest.mark.parametrize("orient", ["records", "split", "columns", "list"])
def test_the_forms_that_pandas_writes_are_read(orient: str) -> None:
    frame = pd.DataFrame({"a": [1.5, math.nan], "b": ["x", "y:z"], "c": [3, 4]}, index=["first", "second"])
    schema = Schema((Column("c", ColumnType.INTEGER), Column("a", nullable=True), Column("b", ColumnType.STRING)))
    for labelled in (frame, frame.reset_index(drop=True)):
        written = labelled.to_dict("list") if orient == "list" else json.loads(labelled.to_json(orient=orient))
        rows = agree(json.dumps(written).replace("NaN", "null").encode(), schema)
        assert rows is not None
        assert (rows.columns["b"], rows.columns["c"]) == (["x", "y:z"], [3, 4])


def test_the_split_form_is_read_for_more_columns_than_rows_may_have() -> None:
    row = {f"c{index}": index for index in range(MOST_COLUMNS + 1)}
    assert agree(split([row] * 2), Schema(tuple(map(Column, row)))) is not None


@pytest.mark.parametrize("column", [column.name for column in COLUMNS])
@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_any_cell_is_read_as_on_the_strict_path_or_left_to_it(column: str, odd: object) -> None:
    schema = Schema(COLUMNS)
    rows = [PLAIN, {**PLAIN, column: odd}]
    agree(json.dumps(rows[1]).encode(), schema)
    agree(json.dumps(rows, ensure_ascii=False).encode(), schema)
    for make in (split, lists, objects):
        agree(make(rows[1:]), schema)
        agree(make(rows), schema)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"[{}]",
        b"\xef\xbb\xbf{}",
        b'{"a": 1, "a": 2}',
        b'[{"a": 1}, {"a": 2, "a": 3}]',
        b'{"a": 1, "b": 2}',
        b'{"a": 1} 2',
        b'{"a": 1,}',
        b'{"a": "\\ud800"}',
        b'{"a": []}',
        b'{"a": {}}',
        b'{"a": [[1]]}',
        b'{"a": ["x"]}',
        b'{"a": [1], "b": [1]}',
        b'{"a": [1], "a": [1]}',
        b'{"a": {"0": 1, "0": 2}}',
        b'{"a": {"0": 1}, "a": {"0": 1}}',
        b'{"a": {"\\ud800": 1}}',
        b'{"a": [1]} 2',
        b'[[{"a": 1}]]',
        b"[1]",
        b'{"columns": ["a"], "data": []}',
        b'{"columns": ["a"], "data": [1]}',
        b'{"columns": ["a"], "data": [[]]}',
        b'{"columns": ["a"], "data": [[1, 2]]}',
        b'{"columns": ["a"], "data": [[1], {"a": 1}]}',
        b'{"columns": ["a"], "data": [[1]}',
        b'{"columns": ["a"], "data": [[1]]} 2',
        b'{"columns": ["a"], "data": [["x"]]}',
        b'{"columns": ["a"], "data": [[null]]}',
        b'{"columns": ["a"], "data": [[1]], "data": [[2]]}',
        b'{"columns": ["a"], "data": [[1]], "name": "x"}',
        b'{"columns": ["b"], "data": [[1]]}',
        b'{"columns": ["a", "a"], "data": [[1, 1]]}',
        b'{"columns": ["a", "b"], "data": [[1, 1]]}',
        b'{"columns": [], "data": [[]]}',
        b'{"columns": "a", "data": [[1]]}',
        b'{"columns": ["a"]}',
        b'{"columns": ["a"], "index": [[1]], "data": [[1]]}',
        b'{"columns": ["a"], "index": ["\\ud800"], "data": [[1]]}',
        b'{"columns": ["a"], "index": [1e999], "data": [[1]]}',
        b'{"columns": ["a"], "index": [' + b"9" * 400 + b'], "data": [[1]]}',
        b'{"columns": ["a"], "index": [{"a": 1, "a": 2}], "data": [[1]]}',
    ],
)
def test_every_other_body_is_left_to_the_strict_path(data: bytes) -> None:
    assert FastReader(Schema((Column("a", ColumnType.NUMBER),))).read(data) is None


@pytest.mark.parametrize("name", ["columns", "data", "index"])
def test_a_model_with_a_column_of_a_split_forms_key_has_no_split_form(name: str) -> None:
    schema = Schema((Column(name), Column("b")))
    assert agree(json.dumps({name: 1, "b": 2}).encode(), schema) is not None
    assert FastReader(schema).read(split([{name: 1, "b": 2}])) is None


def test_a_key_with_an_escape_is_the_same_key() -> None:
    schema = Schema((Column("a", ColumnType.NUMBER),))
    assert agree(b'{"\\u0061": 1}', schema) is not None
    assert agree(b'{"columns": ["\\u0061"], "d\\u0061ta": [[1]]}', schema) is not None


def test_colons_in_strings_do_not_hide_a_key_that_comes_twice() -> None:
    schema = Schema((Column("a", ColumnType.STRING), Column("b", ColumnType.STRING)))
    assert agree(b'{"a": "x:y", "b": "http://c"}', schema) is not None
    assert agree(b'{"columns": ["a", "b"], "data": [["x:y", "http://c"]]}', schema) is not None
    assert FastReader(schema).read(b'{"a": "x", "a" : "y", "b": "z"}') is None
    assert FastReader(schema).read(b'{"columns": ["a", "b"], "data": [["x:y", ""]], "data" : [["", ""]]}') is None


@pytest.mark.parametrize(
    "schema",
    [
        Schema(tuple(Column(f"c{index}", ColumnType.NUMBER) for index in range(MOST_COLUMNS + 1))),
        Schema((Column("a", ColumnType.NUMBER),), extra=Extra.IGNORE),
        Schema((Column('with "quotes"', ColumnType.NUMBER),)),
        Schema((Column("back\\slash", ColumnType.NUMBER),)),
    ],
    ids=["many columns", "unknown fields are ignored", "a quote", "a backslash"],
)
def test_rows_of_other_schemas_are_left_to_the_strict_path(schema: Schema) -> None:
    row = {column.name: 1 for column in schema.columns}
    assert FastReader(schema).read(json.dumps(row).encode()) is None
    assert strict(json.dumps(row).encode(), schema) is not None
    agree(split([row]), schema)


@in_each_form
def test_string_columns_alone_and_a_single_column_are_read(make: Callable[[list[Row]], bytes]) -> None:
    strings = agree(make([{"t": "x"}, {"t": "y"}]), Schema((Column("t", ColumnType.STRING),)))
    assert strings is not None
    assert strings.tensors()[0].shape == (2, 0)
    number = agree(make([{"n": 4}]), Schema((Column("n", ColumnType.INTEGER),)))
    assert number is not None
    assert np.array_equal(number.tensors()[0], [[4.0]])


CELLS = st.one_of(
    st.sampled_from(ODD),
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-(2**65), 2**65),
    st.text(max_size=5),
    st.floats(allow_nan=False).map(repr),
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.dictionaries(st.sampled_from([column.name for column in COLUMNS]), CELLS, max_size=2), max_size=3),
    st.permutations([column.name for column in COLUMNS]),
    st.none() | st.lists(CELLS, max_size=3),
)
def test_any_rows_are_read_as_on_the_strict_path_or_left_to_it(
    changes: list[Row], order: list[str], index: list[object] | None
) -> None:
    rows = [PLAIN | change for change in changes]
    agree(json.dumps(rows).encode(), Schema(COLUMNS))
    for make in (lists, objects):
        agree(make(rows or [PLAIN]), Schema(COLUMNS))
    ordered = [{name: row[name] for name in order} for row in rows or [PLAIN]]
    agree(split(ordered, **({} if index is None else {"index": index})), Schema(COLUMNS))


@pytest.mark.parametrize(
    "value",
    [
        {"a": [1, 2], "b": ["x"]},
        {"a": [1], "b": {"0": "x"}},
        {"a": {"0": 1}, "b": ["0"]},
        {"a": [1], "b": "x"},
        {"a": {"0": 1, "1": 2}, "b": {"0": "x"}},
        {"a": {"0": 1, "1": 2}, "b": {"1": "x", "0": "y"}},
        {"a": {"0": 1}, "b": {"1": "x"}},
        {"a": [1, 2]},
    ],
)
def test_columns_that_do_not_fit_together_are_left_to_the_strict_path(value: object) -> None:
    schema = Schema((Column("a"), Column("b", ColumnType.STRING)))
    assert FastReader(schema).read(json.dumps(value).encode()) is None


NEARLY = [
    '{"columns":', '["a","b"]', '["b","a"]', '["a","a"]', '["a"]', ',"data":', ',"index":', ',"data" :', "[[1,2]]", "[[1]]",
    '[["1",null],[2,3]]', "[]", "[1e400]", '["\\ud800"]', "}", ",", '":', "[0]", '{"a":1,"b":2}', "null", "\n",
    '{"a":', '"b":', ',"b":', ',"b" :', '{"0":1}', '{"0":1,"1":2}', '{"1":1,"0":2}', '{"0":1,"0":2}', "[1]", "1",
]  # fmt: skip


@settings(deadline=None)
@given(st.lists(st.sampled_from(NEARLY), max_size=9))
@example(['{"a":', '{"0":1,"1":2}', ',"b":', '{"1":1,"0":2}', "}"])
@example(['{"a":', '{"0":1}', ',"b":', "[1]", "}"])
@example(['{"columns":', '["b","a"]', ',"index":', "[0]", ',"data" :', "[[1,2]]", "}"])
@example(['{"columns":', '["a","b"]', ',"data":', "[[1,2]]", ',"data":', "[[1,2]]", "}"])
def test_any_body_that_is_nearly_a_column_form_is_read_as_on_the_strict_path_or_left_to_it(parts: list[str]) -> None:
    agree("".join(parts).encode(), Schema((Column("a"), Column("b", nullable=True))))


def read_row(row: Row) -> None:
    """Read a row by columns of one cell, and compare it with the strict path."""
    rows = FastReader(Schema(COLUMNS)).read_row({name: (cell,) for name, cell in row.items()})
    if rows is None:
        return
    decoded = strict(json.dumps([row]).encode(), Schema(COLUMNS))
    assert decoded is not None
    assert (rows.rows, rows.single) == (1, False)
    assert repr(rows.columns) == repr(decoded.columns)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from([column.name for column in COLUMNS]), CELLS, max_size=3))
def test_any_row_by_columns_is_read_as_on_the_strict_path_or_left_to_it(change: Row) -> None:
    read_row(PLAIN | change)


@pytest.mark.parametrize("column", [column.name for column in COLUMNS])
def test_every_odd_cell_of_a_row_by_columns_is_read_as_on_the_strict_path_or_left_to_it(column: str) -> None:
    for odd in ODD:
        read_row(PLAIN | {column: odd})


def test_a_plain_row_by_columns_is_read_and_others_are_not() -> None:
    reader = FastReader(Schema(COLUMNS))
    row = {name: (cell,) for name, cell in PLAIN.items()}
    assert reader.read_row(row) is not None
    assert reader.read_row(row | {"age": (1, 2)}) is None
    assert reader.read_row(row | {"more": (1,)}) is None
    assert reader.read_row({name: cells for name, cells in row.items() if name != "age"}) is None
