"""CSV bodies: the order of columns, quotes, missing values, and what is refused by its row and column."""

import pytest

from changeover.exceptions import NotCsv, RequestFaults, TooManyRows
from changeover.request.csv_columns import read_csv
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
COLUMNS = {"age": ["40", "25"], "income": ["52000.5", None], "plan": ["gold", None], "member": [True, False]}


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
    assert read_csv(text.encode(), SCHEMA, 2) == COLUMNS


def test_without_a_header_columns_come_in_the_order_of_the_schema() -> None:
    assert read_csv(b"40,52000.5,gold,True\n25,,,False\n", SCHEMA, 2, header=False) == COLUMNS


def test_quotes_hold_commas_quotes_and_lines() -> None:
    columns = read_csv(b'plan\n"a,b"\n"say ""no"""\n"two\nlines"\n', SCHEMA, 3)
    assert columns == {"plan": ["a,b", 'say "no"', "two\nlines"]}


def test_a_word_in_a_column_of_booleans_stays_for_the_checks_to_refuse() -> None:
    assert read_csv(b'member\nyes\n1\n""\n', SCHEMA, 3) == {"member": ["yes", "1", None]}


def test_rows_of_another_width_and_names_that_are_there_twice_are_named() -> None:
    with pytest.raises(RequestFaults) as caught:
        read_csv(b"age,plan,age\n1,a,2\n1,a\n1,a,2,3\n", SCHEMA, 3)
    assert [(error["row"], error["field"]) for error in caught.value.errors] == [(None, "age"), (1, None), (2, None)]
    assert "2 values for 3 columns" in str(caught.value.errors[1]["message"])


def test_more_rows_than_allowed_are_counted_and_refused() -> None:
    with pytest.raises(TooManyRows, match="has 5 rows, at most 3"):
        read_csv(b"age\n" + b"1\n" * 5, SCHEMA, 3)


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
        read_csv(body, SCHEMA, 3)
