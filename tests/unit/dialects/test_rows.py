"""The fast path of the dialects' JSON gives the cells of the strict one, or leaves the body to it."""

import json
from typing import Any

import pytest

from changeover.exceptions import ChangeoverError, NotJson
from changeover.request.reader import RequestReader
from changeover.schema.cell_parsers import ColumnType
from changeover.schema.schema import Column, Schema
from predict_api.dialects import mlflow, tensorflow_serving
from predict_api.dialects.dialect import Ask, Call, PlainJson

SCHEMA = Schema(
    (
        Column("age", ColumnType.INTEGER),
        Column("income", ColumnType.NUMBER, nullable=True),
        Column("plan", ColumnType.STRING),
        Column("member", ColumnType.BOOLEAN),
    )
)
READER = RequestReader(SCHEMA)
ROW = {"age": 40, "income": 52000.5, "plan": "gold", "member": True}
OTHER = {"plan": "{basic}", "age": 25, "income": None, "member": False}
VALUES = [[*ROW.values()], [25, None, "basic", False]]
PLAIN: list[tuple[str, Any]] = [
    ("dataframe_records", [ROW, OTHER]),
    ("dataframe_split", {"columns": [*ROW], "index": [0, 1], "data": VALUES}),
    ("input_data", {"data": VALUES, "columns": [*ROW]}),
    ("instances", [ROW]),
    ("instances", VALUES),
    ("inputs", VALUES),
    ("inputs", [OTHER]),
    ("inputs", ROW),
    ("inputs", {name: [cell, cell] for name, cell in ROW.items()}),
]


def cells(ask: Ask[Any]) -> dict[str, list[Any]]:
    """The typed cells by the strict path."""
    assert not isinstance(ask.cells, PlainJson)
    read = READER.read_rows if isinstance(ask.cells, list) else READER.read_columns
    return {name: list(map(str, column)) for name, column in read(ask.cells, 100).columns.items()}  # type: ignore[operator]


@pytest.mark.parametrize(("member", "value"), PLAIN)
@pytest.mark.parametrize("written", [json.dumps, lambda body: f" \n{json.dumps(body, indent=1)}\r\n"])
def test_plain_json_is_read_fast_and_alike(member: str, value: Any, written: Any) -> None:
    ask = mlflow.read(Call(written({member: value}).encode(), {}, {}), SCHEMA, 100)
    assert isinstance(ask.cells, PlainJson)
    rows = READER.read_plain(ask.cells.body, 100, ask.cells.names)
    assert rows is not None
    assert {name: list(map(str, column)) for name, column in rows.columns.items()} == cells(ask.cells.otherwise())


@pytest.mark.parametrize(
    "body",
    [
        {"dataframe_split": ROW},
        {"dataframe_records": ROW},
        {"instances": ROW},
        {"instances": [ROW], "inputs": [ROW]},
        {"inputs": {"age": {"0": 40}, "income": {"0": 1}, "plan": {"0": "x"}, "member": {"0": True}}},
        {"dataframe_records": [{**ROW, "age": "x"}]},
        {"inputs": VALUES, "params": []},
        {"instances": [ROW, VALUES[0]]},
        {"instances": [VALUES[0], ROW]},
    ],
    ids=str,
)
def test_what_the_strict_path_refuses_is_not_read_fast(body: Any) -> None:
    with pytest.raises(ChangeoverError):
        refused(json.dumps(body).encode())


def refused(body: bytes) -> None:
    """Read `body` by the strict path, after the fast one has not handled it."""
    ask = mlflow.read(Call(body, {}, {}), SCHEMA, 100)
    if isinstance(ask.cells, PlainJson):
        assert READER.read_plain(ask.cells.body, 100) is None
        ask = ask.cells.otherwise()
    cells(ask)


def test_a_member_that_is_there_twice_is_not_read_fast() -> None:
    one = json.dumps({"inputs": [ROW]})[1:-1]
    with pytest.raises(NotJson, match="twice"):
        refused(f"{{{one}, {one}}}".encode())


@pytest.mark.parametrize(
    ("member", "value"), [(member, value) for member, value in PLAIN if member[:2] == "in" and "_" not in member]
)
def test_the_member_of_the_answer_does_not_depend_on_the_path(member: str, value: Any) -> None:
    ask = tensorflow_serving.read(Call(json.dumps({member: value}).encode(), {}, {"verb": "predict"}), SCHEMA, 100)
    assert isinstance(ask.cells, PlainJson)
    assert ask.wants == ask.cells.otherwise().wants
