"""Large arrays: read in parts as they are read whole, and left to the strict path where that refuses them."""

import json

import pytest

from changeover.request.fast_reader import FastReader
from changeover.request.parts import LARGE, PART, first_of_row, parts
from changeover.schema.cell_parsers import ColumnType
from changeover.schema.column import Column
from changeover.schema.schema import Schema
from tests.unit.request.two_paths import COLUMNS, PLAIN, agree, lists, objects, split

MANY = [PLAIN | {"count": number, "name": None if number % 7 else f"n{number}"} for number in range(1000)]
SMALL_PART = 16 * 1024
NAMED = Schema((Column("a", ColumnType.NUMBER), Column("name", ColumnType.STRING)))


def test_a_large_array_is_read_in_parts_with_the_same_result(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("changeover.request.parts.PART", SMALL_PART)
    monkeypatch.setattr("changeover.request.fast_reader.LARGE", 2 * SMALL_PART)
    numbers = json.dumps([[number, number / 7] for number in range(1000)]).encode() + b" " * SMALL_PART
    for body, schema in (
        (json.dumps(MANY).encode(), Schema(COLUMNS)),
        (json.dumps(MANY, indent=1).encode(), Schema(COLUMNS)),
        (numbers, Schema((Column("x0", ColumnType.NUMBER), Column("x1", ColumnType.NUMBER)))),
    ):
        assert len(list(parts(body, first_of_row(body)))) > 1
        whole = agree(body, schema)
        assert whole is not None
        assert whole.rows == len(MANY)
    for make in (lists, objects, split):
        agree(make(MANY), Schema(COLUMNS))


@pytest.mark.parametrize("text", ["x},{y", 'x"},{"a": 1, "name": "y', "}, ", "],["])
def test_what_looks_like_the_end_of_a_row_within_a_string_is_a_part_of_it(text: str) -> None:
    body = json.dumps([{"a": 1, "name": text * (PART // 4)}] * 4).encode()
    rows = agree(body, Schema((Column("a", ColumnType.NUMBER), Column("name", ColumnType.STRING, max_length=10**6))))
    assert rows is None or rows.strings == [text * (PART // 4)] * 4


@pytest.mark.parametrize(
    "end", [",]", ", ]", "]]", "] 1", "", ',{"a": 1}]', ',{"a": "x", "name": "y"}]', ',{"a": 1, "name": 2}]']
)
def test_a_large_body_that_is_wrong_at_its_end_is_left_to_the_strict_path(end: str) -> None:
    rows = json.dumps([{"a": 1, "name": "x" * 50}] * (LARGE // 40))
    assert FastReader(NAMED).read(rows.encode()) is not None
    assert FastReader(NAMED).read((rows[:-1] + end).encode()) is None


@pytest.mark.parametrize("body", [b"", b"{}", b"[", b"[]", b"1", b'x[{"a"', b'"[{"'])
def test_other_bodies_have_no_rows_of_a_plain_array(body: bytes) -> None:
    assert first_of_row(body) == b""
