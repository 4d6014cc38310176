"""Case folding of a column: training frame and request become the same strings, as the schema spells them."""

import pandas as pd
import pytest

from changeover.estimator.training_frame import read_frame
from changeover.exceptions import InvalidSchema
from changeover.request.decode import decode
from changeover.schema.cell_parsers import BadCell, Case, Cell, ColumnType
from changeover.schema.schema import Column, Schema

MONTHS = ("December", "May", "Straße")
OPEN = Column("month", ColumnType.STRING, nullable=True, categories=MONTHS, case=Case.FOLD)
CLOSED = Column("month", ColumnType.STRING, enum=MONTHS, case=Case.FOLD)


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("December", "December"),
        ("december", "December"),
        ("DECEMBER", "December"),
        ("dEcEmBeR", "December"),
        ("STRASSE", "Straße"),
        (None, None),
        ("", ""),
        ("Never Seen", "never seen"),
    ],
)
def test_a_string_in_any_case_is_read_as_its_category(sent: Cell, read: Cell) -> None:
    schema = Schema((OPEN,))
    assert decode({"month": sent}, schema, 1).columns == {"month": [read]}
    trained_on = read_frame(pd.DataFrame({"month": [sent]}, dtype=object), schema)["month"]
    assert trained_on.isna().all() if read is None else trained_on.tolist() == [read]


def test_a_closed_list_is_met_in_any_case_and_stays_closed() -> None:
    assert CLOSED.parse("mAY") == "May"
    with pytest.raises(BadCell, match="not one of the values"):
        CLOSED.parse("june")
    with pytest.raises(BadCell, match="is not a string"):
        CLOSED.parse(5)


def test_without_a_list_texts_that_differ_in_case_only_are_one() -> None:
    column = Column("a", ColumnType.STRING, case=Case.FOLD)
    assert column.parse("Asia") == column.parse("ASIA") == "asia"


def test_by_default_strings_that_differ_in_case_are_different() -> None:
    column = Column("a", ColumnType.STRING, categories=MONTHS)
    assert column.parse("may") == "may"
    assert "case" not in column.to_json()


def test_the_schema_with_case_folding_is_read_back() -> None:
    assert OPEN.to_json()["case"] == "fold"
    assert Column.from_json(OPEN.to_json(), strict=True) == OPEN


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"name": "a", "type": "string", "case": "lower"}, r"column 'a'\.case: 'lower' is not one of 'exact', 'fold'"),
        ({"name": "a", "case": "fold"}, "which only string columns have"),
        ({"name": "a", "type": "string", "case": "fold", "enum": ["US", "us"]}, "lists 'US' and 'us': keep one"),
    ],
)
def test_what_cannot_be_folded_is_refused_with_the_reason(body: object, why: str) -> None:
    with pytest.raises(InvalidSchema, match=why):
        Column.from_json(body)
