"""Cells of columns whose dtype is known: truths as numbers, integers of a size, times, single precision."""

import pytest

from changeover.exceptions import InvalidSchema
from changeover.schema.cell_parsers import BadCell, ColumnType
from changeover.schema.column import Column
from changeover.schema.formats import Format

STRING, INTEGER = ColumnType.STRING, ColumnType.INTEGER


def time_column(dtype: str) -> Column:
    return Column("t", STRING, nullable=True, format=Format.DATE_TIME, dtype=dtype)


@pytest.mark.parametrize("kind", [ColumnType.NUMBER, INTEGER])
def test_true_and_false_are_one_and_zero_for_a_numeric_column(kind: ColumnType) -> None:
    for value, number in ((True, 1), (False, 0)):
        cell = Column("a", kind).parse(value)
        assert cell == number
        assert type(cell) is not bool


@pytest.mark.parametrize(
    ("dtype", "value", "fits"),
    [
        ("int8", 127, True),
        ("int8", 128, False),
        ("uint8", -1, False),
        ("uint64", 2**64 - 1, True),
        ("uint64", str(2**64 - 1), True),
        ("uint64", 2**64, False),
        ("Int64", 2**63, False),
        ("UInt64", 2**63, True),
        ("", 2**63, False),
    ],
)
def test_an_integer_fits_into_its_dtype_or_is_refused(dtype: str, value: object, fits: bool) -> None:
    column = Column("n", INTEGER, dtype=dtype)
    if fits:
        assert column.parse(value) == int(str(value))
        return
    with pytest.raises(BadCell, match=f"does not fit into {dtype or '64 bits'}"):
        column.parse(value)


@pytest.mark.parametrize(
    "text", ["2024-02-29", "2024-02-29T12:30", "2024-02-29 12:30:00", "2024-02-29T12:30:00.123456789"]
)
def test_a_time_without_a_zone_is_iso_8601(text: str) -> None:
    assert time_column("datetime64[us]").parse(text) == text
    with pytest.raises(BadCell, match="needs an offset"):
        time_column("datetime64[us, Europe/Berlin]").parse(text)


@pytest.mark.parametrize("text", ["2024-02-29T12:30Z", "2024-02-29 12:30:00.5+01:00", "2024-02-29T12:30:00-0330"])
def test_a_time_with_a_zone_has_an_offset(text: str) -> None:
    assert time_column("datetime64[ns, UTC]").parse(text) == text
    with pytest.raises(BadCell, match="takes no offset"):
        time_column("datetime64[ns]").parse(text)


@pytest.mark.parametrize("odd", ["2024-02-30", "20240229", "2024-02-29T25:00", "noon", "2024-02-29T", 20240229, True])
def test_what_is_no_time_is_refused(odd: object) -> None:
    with pytest.raises(BadCell, match="is not a time"):
        time_column("datetime64[us]").parse(odd)


def test_a_time_outside_the_years_of_nanoseconds_is_refused() -> None:
    assert time_column("datetime64[us]").parse("1500-01-01") == "1500-01-01"
    with pytest.raises(BadCell, match="outside the years 1678 to 2261"):
        time_column("datetime64[ns]").parse("1500-01-01")


def test_a_listed_number_of_single_precision_is_found_by_its_decimals() -> None:
    column = Column("f", enum=(0.10000000149011612,), dtype="float32")
    assert column.parse(0.1) == 0.10000000149011612
    with pytest.raises(BadCell, match="not one of"):
        column.parse(0.2)


def test_a_dtype_that_is_not_known_is_refused_by_name() -> None:
    with pytest.raises(InvalidSchema, match=r"column 'a' has the dtype 'complex128'"):
        Column("a", dtype="complex128")
