"""CSV bodies: the order of columns, quotes, missing values, and what is refused by its row and column."""

import csv
import io

import pytest

from changeover.exceptions import NotCsv, RequestFaults, TooManyRows
from changeover.request.csv_columns import read_csv
from changeover.request.reader import RequestReader
from changeover.schema.cell_parsers import ColumnType
from changeover.schema.schema import Column, Schema

SCHEMA = Schema(
    (
        Column("age", ColumnType.INTEGER),
        Column("income", nullable=True),
        Column("plan", ColumnType.STRING, nullable=True),
        Column("member", ColumnType.BOOLEAN, nullable=True),
    )
)
Listed = dict[str, list[object]]
COLUMNS: Listed = {"age": [40, 25], "income": [52000.5, None], "plan": ["gold", None], "member": [True, False]}


def read(body: bytes, most: int, *, header: bool = True) -> Listed:
    """The cells of each column, None for a missing one."""
    columns = read_csv(body, SCHEMA, most, header=header)
    return {name: [None if cell != cell else cell for cell in cells] for name, cells in columns.items()}


@pytest.mark.parametrize(
    "text",
    [
        "age,income,plan,member\n40,52000.5,gold,True\n25,,,False\n",
        "plan,member,age,income\r\ngold,TRUE,40,52000.5\r\n,false,25,\r\n",
        '"age","income","plan","member"\n"40","52000.5","gold","true"\n"25","","","false"',
        "\ufeffage,income,plan,member\n\n40,52000.5,gold,true\n25,,,false\n\n",
        ",age,income,plan,member\n0,40,52000.5,gold,True\n1,25,,,False\n",  # with pandas' index
    ],
)
def test_columns_come_by_their_names(text: str) -> None:
    assert read(text.encode(), 2) == COLUMNS


def test_without_a_header_columns_come_in_the_order_of_the_schema() -> None:
    assert read(b"40,52000.5,gold,True\n25,,,False\n", 2, header=False) == COLUMNS


def test_quotes_hold_commas_quotes_and_lines() -> None:
    columns = read(b'plan\n"a,b"\n"say ""no"""\n"two\nlines"\n', 3)
    assert columns == {"plan": ["a,b", 'say "no"', "two\nlines"]}


def test_a_word_in_a_column_of_booleans_stays_for_the_checks_to_refuse() -> None:
    assert read(b'member\nyes\n1\n""\n', 3) == {"member": ["yes", "1", None]}


def test_rows_of_another_width_and_names_that_are_there_twice_are_named() -> None:
    with pytest.raises(RequestFaults) as caught:
        read(b"age,plan,age\n1,a,2\n1,a\n1,a,2,3\n", 3)
    assert [(error["row"], error["field"]) for error in caught.value.errors] == [(None, "age"), (1, None), (2, None)]
    assert "2 values for 3 columns" in str(caught.value.errors[1]["message"])


@pytest.mark.parametrize(
    "cells",
    [
        *(["1", "2.5", ""], ["1e5", " 7 ", "-0"], ["nan", "1", "2"], ["NaN", "", "2"], ["9007199254740993", "1", "2"]),
        *(
            ["1,2", "3", "4"],
            ["1", "[2]", "3"],
            ["null", "1", "2"],
            ['"1"', "1", "2"],
            ["true", "1", "2"],
            [".5", "1", "2"],
        ),
        *(
            ["1_0", "1", "2"],
            ["inf", "1", "2"],
            ["1e999", "1", "2"],
            ["0x1", "1", "2"],
            ["1", "2", "3 4"],
            [" ", "1", "1"],
        ),
    ],
)
@pytest.mark.parametrize("name", ["age", "income"])
def test_numbers_are_read_as_those_in_strings_of_json(name: str, cells: list[str]) -> None:
    text = io.StringIO()
    csv.writer(text).writerows([cell] for cell in [name, *cells])
    schema = Schema((SCHEMA.by_name[name],))
    outcomes = []
    for columns in (lambda: read_csv(text.getvalue().encode(), schema, 3), lambda: {name: cells}):
        try:
            typed = RequestReader(schema).read_columns(columns(), 3)
            outcomes.append([str(cell) for cell in typed.columns[name]])
        except RequestFaults as error:
            outcomes.append([str(error)])
    assert outcomes[0] == outcomes[1]


def test_more_rows_than_allowed_are_counted_and_refused() -> None:
    with pytest.raises(TooManyRows, match="has 5 rows, at most 3"):
        read(b"age\n" + b"1\n" * 5, 3)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "the body is empty"),
        (b"\n\n", "the body is empty"),
        (b"plan\n\xff\n", "not UTF-8"),
        (b'plan\n"open\n', "not CSV: unexpected end of data at line 2"),
        (b'plan\n"a"b\n', "not CSV: ',' expected"),
        (b"plan\n" + b"x" * 200_000, "not CSV: field larger"),
    ],
)
def test_what_is_no_csv_is_refused(body: bytes, message: str) -> None:
    with pytest.raises(NotCsv, match=message):
        read(body, 3)
