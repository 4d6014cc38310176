"""The short way reads what the careful way reads, cell for cell, or leaves the request to it."""

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from changeover.demo.bodies import body
from changeover.demo.train import schema_of_segmentation
from changeover.exceptions import AskOriginal, NotJson, RequestFaults
from changeover.request.decode import decode
from changeover.request.fast_reader import MOST_COLUMNS, TypedReader, TypedRows
from changeover.request.strict_json import parse
from changeover.request.tensors import MISSING_TEXT, Numbers, Texts, tensors
from changeover.schema.cell_parsers import Case, ColumnType
from changeover.schema.column import Column
from changeover.schema.formats import Format
from changeover.schema.schema import Extra, Schema

COLUMNS = (
    Column("age", ColumnType.NUMBER, nullable=True),
    Column("height", ColumnType.NUMBER),
    Column("paid", ColumnType.NUMBER, nullable=True, format=Format.CURRENCY),
    Column("level", ColumnType.NUMBER, enum=(1.0, 2.5)),
    Column("count", ColumnType.INTEGER, nullable=True),
    Column("rooms", ColumnType.INTEGER),
    Column("owner", ColumnType.BOOLEAN, nullable=True),
    Column("name", ColumnType.STRING, nullable=True),
    Column("day", ColumnType.STRING, categories=("Monday", "tuesday"), case=Case.FOLD),
    Column("since", ColumnType.STRING, format=Format.DATE),
    Column("kind", ColumnType.STRING, enum=("a", "b")),
    Column("größe in m.", ColumnType.NUMBER),
)
PLAIN: dict[str, Any] = {
    "age": 31,
    "height": "1.75",
    "paid": "$1,920",
    "level": 2.5,
    "count": 3,
    "rooms": "2",
    "owner": True,
    "name": "Zoë",
    "day": "MONDAY",
    "since": "2024-02-29",
    "kind": "a",
    "größe in m.": -0.0,
}
ODD = [None, "", " ", "nan", "NaN", "-nan", "null", "NULL", "Infinity", "-inf", "1e400", 1e39, -1e300, 2**53, 2**63]
ODD += [
    -(2**63),
    -(2**63) - 1,
    10**30,
    True,
    False,
    "true",
    0,
    1,
    -0.0,
    "1_000",
    " 7 ",
    "+7",
    "0x10",
    "٣",
    "5.",
    ".5",
    "1e3",
]
ODD += ["3.0", 3.0, 3.5, "3.5", "12,5", "62.59%", "(5,032.58)", "monday", "Monday", "TUESDAY", "other", "2024-02-30"]
ODD += ["c", MISSING_TEXT, "a:b", '":', "\u2028", "\ud7ff", [], [1], {}, {"a": 1}]


def careful(data: bytes, schema: Schema) -> object:
    try:
        return decode(parse(data), schema, 1000)
    except (NotJson, RequestFaults):
        return None


def told(make: Callable[[], tuple[Numbers, Texts | None]]) -> tuple[bytes, object] | None:
    """Two tensors, bit for bit; None where the model itself has to be asked."""
    try:
        numbers, texts = make()
    except AskOriginal:
        return None
    return numbers.tobytes(), None if texts is None else texts.tolist()


def agree(data: bytes, schema: Schema) -> TypedRows | None:
    """What the short way reads, compared with the careful one."""
    found = TypedReader(schema).read(data)
    if found is None:
        return None
    wanted = decode(parse(data), schema, 1000)
    assert (found.single, found.rows) == (wanted.single, wanted.rows)
    assert repr(found.columns) == repr(wanted.columns)  # kinds and the sign of zero, too
    assert told(found.tensors) == told(lambda: tensors(schema, wanted.columns, wanted.rows))
    return found


def test_a_plain_row_is_read_and_so_are_many() -> None:
    schema = Schema(COLUMNS)
    assert agree(json.dumps(PLAIN).encode(), schema) is not None
    many = agree(
        json.dumps([PLAIN, {**PLAIN, "age": "nan", "count": None, "owner": None, "name": None}]).encode(), schema
    )
    assert many is not None
    assert math.isnan(many.columns["age"][1])  # type: ignore[arg-type]
    assert many.columns["name"] == ["Zoë", None]


@pytest.mark.parametrize("name", ["single", "batch"])
def test_the_bodies_of_the_example_go_the_short_way(name: str) -> None:
    assert agree(body(name), schema_of_segmentation()) is not None


@pytest.mark.parametrize("column", [column.name for column in COLUMNS])
@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_an_odd_cell_is_read_alike_or_left(column: str, odd: object) -> None:
    schema = Schema(COLUMNS)
    agree(json.dumps({**PLAIN, column: odd}).encode(), schema)
    agree(json.dumps([PLAIN, {**PLAIN, column: odd}], ensure_ascii=False).encode(), schema)


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
        b'{"a": [1]}',
        b'{"columns": ["a"], "data": [[1]]}',
        b'[[{"a": 1}]]',
        b"[1]",
    ],
)
def test_what_is_not_plain_is_left_to_the_careful_way(data: bytes) -> None:
    assert TypedReader(Schema((Column("a", ColumnType.NUMBER),))).read(data) is None


def test_a_key_with_an_escape_is_the_same_key() -> None:
    assert agree(b'{"\\u0061": 1}', Schema((Column("a", ColumnType.NUMBER),))) is not None


def test_colons_in_texts_do_not_hide_a_key_that_comes_twice() -> None:
    schema = Schema((Column("a", ColumnType.STRING), Column("b", ColumnType.STRING)))
    assert agree(b'{"a": "x:y", "b": "http://c"}', schema) is not None
    assert TypedReader(schema).read(b'{"a": "x", "a" : "y", "b": "z"}') is None


@pytest.mark.parametrize(
    "schema",
    [
        Schema(tuple(Column(f"c{place}", ColumnType.NUMBER) for place in range(MOST_COLUMNS + 1))),
        Schema((Column("a", ColumnType.NUMBER),), extra=Extra.IGNORE),
        Schema((Column('with "quotes"', ColumnType.NUMBER),)),
        Schema((Column("back\\slash", ColumnType.NUMBER),)),
    ],
    ids=["many columns", "unknown fields are ignored", "a quote", "a backslash"],
)
def test_schemas_that_the_short_way_cannot_take_are_left(schema: Schema) -> None:
    row = {column.name: 1 for column in schema.columns}
    assert TypedReader(schema).read(json.dumps(row).encode()) is None
    assert careful(json.dumps(row).encode(), schema) is not None


def test_only_texts_and_only_one_number() -> None:
    texts = agree(b'[{"t": "x"}, {"t": "y"}]', Schema((Column("t", ColumnType.STRING),)))
    assert texts is not None
    assert texts.tensors()[0].shape == (2, 0)
    one = agree(b'{"n": 4}', Schema((Column("n", ColumnType.INTEGER),)))
    assert one is not None
    assert np.array_equal(one.tensors()[0], [[4.0]])


CELLS = st.one_of(
    st.sampled_from(ODD),
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-(2**65), 2**65),
    st.text(max_size=5),
    st.floats(allow_nan=False).map(repr),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from([column.name for column in COLUMNS]), CELLS, max_size=2), max_size=3))
def test_any_row_is_read_alike_or_left(changes: list[dict[str, Any]]) -> None:
    agree(json.dumps([PLAIN | change for change in changes]).encode(), Schema(COLUMNS))
