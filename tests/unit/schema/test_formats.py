"""The formats of numbers."""

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from changeover.schema.formats import PARSERS, currency, is_date, percent, plain


def refuses(parse: Callable[[str], float], text: str) -> bool:
    try:
        parse(text)
    except ValueError:
        return True
    return False


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("$6,882.34 ", 6882.34),
        ("($5,032.58)", -5032.58),
        ("(5,032.58)", -5032.58),
        ("$1,920", 1920.0),
        ("3709.93", 3709.93),
        ("-$12", -12.0),
        ("$-12.50", -12.5),
        ("+$.5", 0.5),
        ("( $ 1,234,567.8 )", -1234567.8),
        ("-1e3", -1000.0),
        ("€9", 9.0),
    ],
)
def test_an_amount_of_money_is_a_number(text: str, number: float) -> None:
    assert currency(text) == number


@pytest.mark.parametrize(
    "text", ["$", "()", "(5", "5)", "$1,23", "1,2345", "(-5)", "-$-5", "$5$", "5 USD", "$inf", "$nan", "$٣"]
)
def test_what_is_no_amount_of_money_is_refused(text: str) -> None:
    assert refuses(currency, text)


def test_an_amount_beyond_a_double_is_refused() -> None:
    assert refuses(currency, "$" + "9" * 400)


@pytest.mark.parametrize(("text", "number"), [("62.59%", 62.59), ("62.59", 62.59), (" 5 % ", 5.0), ("-3.1%", -3.1)])
def test_a_percentage_is_the_number_before_its_sign(text: str, number: float) -> None:
    assert percent(text) == number


@pytest.mark.parametrize("text", ["%", "5%%", "nan%", "%5", "five%", "1e999%"])
def test_what_is_no_percentage_is_refused(text: str) -> None:
    assert refuses(percent, text)


@pytest.mark.parametrize("text", ["", "  ", "nan", "NaN", " NAN "])
@pytest.mark.parametrize("parse", PARSERS.values())
def test_a_missing_number_is_read_in_every_format(parse: Callable[[str], float], text: str) -> None:
    assert math.isnan(parse(text))


@pytest.mark.parametrize("text", ["1_000", "inf", "-Infinity", "1e999", "٣", "0x10", "-nan", "1,5", "true"])
def test_what_only_a_programming_language_takes_for_a_number_is_refused(text: str) -> None:
    assert refuses(plain, text)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_double_survives_being_written(number: float) -> None:
    assert plain(repr(number)) == number
    assert percent(f"{number!r}%") == number


@given(st.integers(-(10**15), 10**15))
def test_every_amount_survives_being_written_with_commas_and_brackets(cents: int) -> None:
    amount = cents / 100
    assert currency(f"(${-amount:,.2f})" if amount < 0 else f"${amount:,.2f} ") == pytest.approx(amount)


@given(st.text(), st.sampled_from(list(PARSERS.values())))
def test_any_text_is_a_number_or_a_value_error(text: str, parse: Callable[[str], float]) -> None:
    try:
        number = parse(text)
    except ValueError:
        return
    assert isinstance(number, float)
    assert not math.isinf(number)


def test_a_date_is_a_day_of_the_calendar() -> None:
    assert all(is_date(text) for text in ("2024-02-29", "0001-01-01", "9999-12-31"))
    refused = (
        "2023-02-29",
        "2024-13-01",
        "20240229",
        "2024-W09-4",
        "2024-2-9",
        " 2024-02-29",
        "2024-02-29T00:00:00",
        "",
    )
    assert not any(is_date(text) for text in (*refused, "٢٠٢٤-٠٢-٢٩", "0000-01-01"))
