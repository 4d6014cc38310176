"""Number and date formats: plain, currency, percentage, dates. Client and server share this parser.

In a number column, a string is parsed as a number; "nan" in any case and "" are missing values.
"""

import math
import re
from collections.abc import Callable
from datetime import date, datetime
from enum import StrEnum
from typing import Final

import msgspec

# Possessive quantifiers throughout: no input makes the pattern backtrack, so its time is linear in the length.
_AMOUNT: Final = re.compile(
    r"(?P<open>\(\s*+)?+(?P<before>[+-])?+\s*+[$€£]?+\s*+(?P<after>[+-])?+"
    r"(?P<digits>(?:\d{1,3}+(?:,\d{3})++|\d++)(?:\.\d*+)?+|\.\d++)\s*+(?P<close>\))?+",
    re.ASCII,
)
_LONGEST_AMOUNT: Final = 64  # characters; the largest amount below 1e15 with signs, groups and cents takes 25
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TIME: Final = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)(?:[T ](?P<time>\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)(?P<offset>Z|[+-]\d\d:?\d\d)?)?",
    re.ASCII,
)
_MICROSECONDS: Final = 6  # the digits of a fraction that Python reads
_JSON_NUMBER: Final = msgspec.json.Decoder(float).decode  # a third of the time of float()
_NEVER_PLAIN: Final = ("$", "(", "€", "£")


class Format(StrEnum):
    """The notation of a column's numbers, beside plain numbers; DATE and DATE_TIME are for string columns."""

    CURRENCY = "currency"
    PERCENT = "percent"
    DATE = "date"
    DATE_TIME = "date-time"


def plain(text: str) -> float:
    """The number in `text`; NaN for a missing value ("nan" in any case, "", blanks).

    Raises ValueError for anything else, including infinities and numbers beyond a double.
    """
    try:
        return _JSON_NUMBER(text)
    except ValueError:  # another spelling of a number, or none
        pass
    if not text.strip():
        return math.nan
    number = float(text)
    if number - number == 0.0 and "_" not in text and text.isascii():  # Python takes underscores and other digits
        return number
    if text.strip().lower() == "nan":
        return math.nan
    raise ValueError(text)


def currency(text: str) -> float:
    """An amount of money: "$6,882.34 ", "3709.93"; parentheses make it negative: "($5,032.58)", "(5,032.58)".

    NaN and ValueError as in `plain`; ValueError also for an amount of more than 64 characters.
    """
    stripped = text.strip()
    if len(stripped) > _LONGEST_AMOUNT:
        raise ValueError(text)
    if not stripped.startswith(_NEVER_PLAIN):
        try:
            return plain(text)
        except ValueError:
            pass
    match = _AMOUNT.fullmatch(stripped)
    if match is None:
        raise ValueError(text)
    bracketed = match["open"] is not None
    signs = [sign for sign in (match["before"], match["after"]) if sign]
    if bracketed != (match["close"] is not None) or len(signs) + bracketed > 1:
        raise ValueError(text)
    amount = float(match["digits"].replace(",", ""))
    if math.isinf(amount):
        raise ValueError(text)
    return -amount if bracketed or signs == ["-"] else amount


def percent(text: str) -> float:
    """A percentage as the number before its sign: "62.59%" and "62.59" are 62.59. NaN and ValueError as in `plain`."""
    stripped = text.strip()
    if not stripped.endswith("%"):
        return plain(stripped)
    number = plain(stripped[:-1])
    if math.isnan(number):
        raise ValueError(text)
    return number


def is_date(text: str) -> bool:
    """Whether `text` is an RFC 3339 date: "2024-02-29"."""
    if _DATE.fullmatch(text) is None:
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def read_time(text: str) -> datetime | None:
    """The time that an ISO 8601 text says, with its offset if it has one, to the microsecond; None for another text.

    "2024-02-29", "2024-02-29T12:30", "2024-02-29 12:30:00.123456789+01:00": up to nine digits of a second.
    """
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    clock, dot, fraction = (match["time"] or "00:00").partition(".")
    try:
        return datetime.fromisoformat(
            f"{match['day']}T{clock}{dot}{fraction[:_MICROSECONDS].ljust(_MICROSECONDS * len(dot), '0')}{match['offset'] or ''}"
        )
    except ValueError:
        return None


def without_offset(text: str) -> tuple[str, int]:
    """A time in ISO 8601 without its offset, and the offset in minutes; 0 for a text without one."""
    match = _TIME.fullmatch(text)
    offset = match["offset"] if match else None
    if offset is None:
        return text, 0
    clock = text[: -len(offset)]
    if offset == "Z":
        return clock, 0
    minutes = 60 * int(offset[1:3]) + int(offset[-2:])
    return clock, -minutes if offset[0] == "-" else minutes


PARSERS: Final[dict[Format | None, Callable[[str], float]]] = {
    None: plain,
    Format.CURRENCY: currency,
    Format.PERCENT: percent,
}
EXAMPLES: Final[dict[Format, str]] = {Format.CURRENCY: "$6,882.34", Format.PERCENT: "62.59%"}
