"""Requests for one row in a form that is known: they are read as those in a form that is not."""

import json
from typing import Any

import pytest

from changeover.exceptions import NotJson, RequestFaults
from changeover.request.reader import RequestReader
from changeover.schema.cell_parsers import ColumnType
from changeover.schema.column import Column
from changeover.schema.schema import Schema
from predict_api.dialects.dialect import Ask, Call, PlainJson
from predict_api.dialects.open_inference import Wants, read
from predict_api.exceptions import InvalidCall

SCHEMA = Schema((Column("age", ColumnType.INTEGER), Column("plan", ColumnType.STRING)))
ONE_COLUMN = Schema((Column("age", ColumnType.INTEGER),))
LENGTH = "Inference-Header-Content-Length"
AGE = {"name": "age", "shape": [1], "datatype": "INT64", "data": [40]}
PLAN = {"name": "plan", "shape": [1], "datatype": "BYTES", "data": ["gold"]}
AGE_TEXT = b'{"inputs":[{"name":"age","shape":[1],"datatype":"INT64","data":[40]}]}'


def asked(body: bytes) -> Ask[Wants]:
    return read(Call(body, {}, {}), SCHEMA, 10)


def cells(ask: Ask[Wants]) -> dict[str, list[Any]]:
    if isinstance(ask.cells, PlainJson):
        plain = RequestReader(SCHEMA).read_plain(ask.cells.body, 10, ask.cells.names)
        if plain is not None:
            return plain.columns
        ask = ask.cells.otherwise()
    assert not isinstance(ask.cells, list | PlainJson)
    return {name: list(column) for name, column in ask.cells.items()}


def test_a_form_that_is_known_gives_other_cells_and_another_id() -> None:
    reader = RequestReader(SCHEMA)
    for index, plan in enumerate(["gold", "tin", None, "a]}", "\\ud83d\\ude00"]):
        tensors = [{**PLAN, "data": [plan]}, {**AGE, "data": [40 + index]}]
        body = {"id": f"r{index}", "inputs": tensors, "outputs": [{"name": "predict"}]}
        ask = asked(json.dumps(body).encode())
        if isinstance(ask.cells, PlainJson):
            read_now = reader.read_plain(ask.cells.body, 10, ask.cells.names)
            ask = ask if read_now is not None else ask.cells.otherwise()
            assert read_now is None or read_now.columns == {"age": [40 + index], "plan": [plan]}
        assert ask.wants == Wants(f"r{index}", ["predict"], frozenset())
        assert isinstance(ask.cells, PlainJson) == (plan in {"tin", "\\ud83d\\ude00"})
        if not isinstance(ask.cells, PlainJson):
            assert cells(ask) == {"age": [40 + index], "plan": [plan]}


def columns_of(body: bytes, headers: dict[str, str]) -> object:
    """The typed cells of a request for one row of ONE_COLUMN, or its error."""
    reader = RequestReader(ONE_COLUMN)
    try:
        ask = read(Call(body, headers, {}), ONE_COLUMN, 10)
        if isinstance(ask.cells, PlainJson):
            plain = reader.read_plain(ask.cells.body, 10, ask.cells.names)
            if plain is not None:
                return plain.columns
            ask = ask.cells.otherwise()
        assert not isinstance(ask.cells, list | PlainJson)
        return reader.read_columns(ask.cells, 10).columns
    except (NotJson, RequestFaults, InvalidCall) as error:
        return type(error), str(error)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"40", b"41"),
        (b"40", b"4 1"),
        (b"40", b""),
        (b"40", b" 7 "),
        (b"40", b'"\xff"'),
        (b"40", b'"\x00"'),
        (b"40", b"41],[0"),
        (b"40", b"41,42"),
        (b"40", b"41]}]}\n"),
        (b"40", b"41\n"),
        (b"40", b"[41]"),
        (b"40", b'41]}],"inputs":[{"name":"age","shape":[1],"datatype":"INT64","data":[42'),
        (b'"age"', b'"agf"'),
        (b"]}]}", b"]}],"),
        (b"]}]}", b"]}]}]"),
        (b'{"inputs', b'{"id":"\xff","inputs'),
        (b'{"inputs', b'{"id":"x","id":"y","inputs'),
        (b'{"inputs', b'{"id": "x", "inputs'),
    ],
)
def test_a_changed_request_is_read_as_if_its_form_was_not_known(old: bytes, new: bytes) -> None:
    for _ in range(2):
        known = read(Call(AGE_TEXT, {}, {}), ONE_COLUMN, 10)
    assert isinstance(known.cells, PlainJson)
    changed = AGE_TEXT.replace(old, new)
    expected = columns_of(changed, {LENGTH: str(len(changed))})  # with this header, no form is looked for
    assert [columns_of(changed, {}) for _ in range(2)] == [expected, expected]


@pytest.mark.parametrize(
    ("age", "plan"),
    [
        (b'41,"x', b'y"'),  # two values and a text over both cells
        (b"41,4", b""),
        (b"[41", b"42]"),
        (b'41,"a"', b" "),
        (b'"a\\"', b'b"'),
    ],
)
def test_cells_that_are_one_value_each_only_together_are_refused(age: bytes, plan: bytes) -> None:
    body = json.dumps({"inputs": [AGE, PLAN]}, separators=(",", ":")).encode()
    for _ in range(2):
        known = asked(body)
    assert isinstance(known.cells, PlainJson)
    changed = body.replace(b"40", age).replace(b'"gold"', plan)
    with pytest.raises((NotJson, InvalidCall, RequestFaults)):
        cells(asked(changed))


def test_two_forms_with_one_beginning_are_both_kept() -> None:
    one = {"inputs": [AGE, PLAN]}
    other = {"inputs": [AGE, {**PLAN, "shape": [1, 1]}]}
    for _ in range(2):
        asks = [asked(json.dumps(body).encode()) for body in (one, other)]
    assert all(isinstance(ask.cells, PlainJson) for ask in asks)


def test_no_form_is_learnt_of_a_request_whose_cells_are_not_all_found() -> None:
    body = json.dumps({"inputs": [AGE, PLAN]}).encode()
    escaped = json.dumps({"inputs": [AGE, PLAN], "id": 'a "quote"'}).encode()
    for unlike in (body.replace(b'"data": [40]', b'"data":  [40]'), body.replace(b"gold", b"g\\u006fld"), escaped):
        for _ in range(2):
            assert cells(asked(unlike)) == {"age": [40], "plan": ["gold"]}
