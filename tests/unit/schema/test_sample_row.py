"""Sample rows: for any schema, each value is valid for its column."""

import pytest

from changeover.request.decode import decode
from changeover.schema.cell_parsers import ColumnType
from changeover.schema.formats import Format
from changeover.schema.sample_row import made_up_row
from changeover.schema.schema import Column, Schema

SCHEMA = Schema(
    (
        Column("amount", format=Format.CURRENCY),
        Column("rooms", ColumnType.INTEGER, nullable=True),
        Column("member", ColumnType.BOOLEAN),
        Column("size", ColumnType.STRING, enum=("S", "M")),
        Column("city", ColumnType.STRING, categories=("Lima",)),
        Column("tier", ColumnType.INTEGER, enum=(3, 4)),
        Column("since", ColumnType.STRING, format=Format.DATE),
        Column("note", ColumnType.STRING),
    )
)


@pytest.mark.parametrize("number", [0, 1, 0.5])
def test_a_sample_row_is_valid_for_its_schema(number: float) -> None:
    row = made_up_row(SCHEMA, number)
    assert list(row) == list(SCHEMA.by_name)
    decoded = decode([dict(row)], SCHEMA, 1)
    assert {name: cells[0] for name, cells in decoded.columns.items()} == row
    assert (row["amount"], row["member"], row["rooms"]) == (number, bool(number), int(number))
    assert (row["size"], row["city"], row["tier"]) == ("S", "Lima", 3)
