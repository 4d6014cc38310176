"""Parsers of single cells: one for each kind of column, made once and called for every value.

`changeover/schema/column.py` holds the kind of each column.
"""

import math
from collections.abc import Callable, Collection
from enum import StrEnum
from typing import Final

from changeover.schema.dtypes import holds, integers_of, is_single, single, time_of
from changeover.schema.formats import EXAMPLES, PARSERS, Format, is_date, read_time

Cell = float | int | bool | str | None
Parser = Callable[[object], Cell]
_LONGEST_SHOWN: Final = 40
_STRINGS: Final = {
    None: "a string",
    Format.DATE: "a date, a string such as '2024-02-29'",
    Format.DATE_TIME: "a time, a string such as '2024-02-29T12:30:00'",
}
LARGEST_NUMBER: Final = 3.4028234663852886e38  # the largest float32; `changeover/request/reader.py` refuses more
_MOST_DIGITS: Final = 20  # the range of uint64


class ColumnType(StrEnum):
    """The types of columns, named as in JSON Schema."""

    NUMBER = "number"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    STRING = "string"


class Case(StrEnum):
    """Whether strings of a column that differ only in case are different values."""

    EXACT = "exact"
    FOLD = "fold"


class BadCell(ValueError):
    """A value that does not fit its column; the message is for the caller."""


def cell_parser(
    kind: ColumnType,
    *,
    nullable: bool,
    enum: Collection[Cell] | None = None,
    enum_is_public: bool = False,
    written: Format | None = None,
    folded_to: Collection[Cell] | None = None,
    dtype: str = "",
    longest: int | None = None,
) -> Parser:
    """Make the function that turns a JSON value into a cell, or raises BadCell.

    Numbers become float and integers int; a missing one is NaN. Booleans and strings stay; a missing one is None.
    `enum` lists all allowed values; a missing value is allowed too. An error message names some of them only if
    `enum_is_public`. `written` is the format of a number, or DATE for a string. With `folded_to`, a string becomes the
    entry that equals it up to case; any other string is casefolded. `dtype` bounds integers and times, and `longest` the characters of a string.
    """
    parse: Parser
    if kind is ColumnType.NUMBER:
        parse = _number(nullable, written)
    elif kind is ColumnType.INTEGER:
        parse = _integer(nullable, written, dtype)
    elif kind is ColumnType.BOOLEAN:
        parse = _exactly(bool, "true or false", nullable)
    else:
        parse = _exactly(str, _STRINGS[written], nullable)
        if longest is not None:
            parse = _bounded(parse, longest)
        if written is Format.DATE:
            parse = _date(parse)
        if written is Format.DATE_TIME:
            parse = _date_time(parse, dtype)
        if folded_to is not None:
            parse = _folded(parse, folded_to)
    if enum is None:
        return parse
    return _one_of(_to_single(parse) if is_single(dtype) else parse, enum, enum_is_public=enum_is_public)


def _number(nullable: bool, written: Format | None) -> Callable[[object], float]:
    read = PARSERS[written]
    expected = "a number" if written is None else f"a number or {written.value} such as {EXAMPLES[written]!r}"

    def parse(value: object) -> float:
        kind = type(value)
        try:
            if kind is str:
                number = read(value)  # type: ignore[arg-type]
            elif kind is float or kind is int or kind is bool:
                number = float(value)  # type: ignore[arg-type]
            elif value is None:
                number = math.nan
            else:
                raise ValueError(value)
        except (ValueError, OverflowError):
            raise BadCell(f"{shown(value)} is not {expected}") from None
        if number - number == 0.0:  # finite
            return number
        if number == number:  # an infinity; NaN differs from itself
            raise BadCell("an infinite number is not allowed")
        if nullable:
            return number
        raise BadCell("a value is required: this column takes no missing ones")

    return parse


def _to_single(parse: Parser) -> Parser:
    """The parser of numbers that the model gets in single precision: a listed 0.1 is the single nearest to it."""

    def parse_single(value: object) -> Cell:
        cell = parse(value)
        return single(cell) if isinstance(cell, float) else cell

    return parse_single


def _integer(nullable: bool, written: Format | None, dtype: str) -> Callable[[object], float]:
    parse_number, fitting = _number(nullable, written), integers_of(dtype)

    def parse(value: object) -> float:
        number: float
        if type(value) is int:
            number = value
        else:
            number = parse_number(value)
            if number != number:  # NaN: missing, and allowed
                return number
            if type(value) is str and (digits := value.strip().lstrip("+-")).isdecimal():
                number = _exact_integer(digits, negative=value.lstrip().startswith("-"))
            elif not number.is_integer():
                raise BadCell(f"{shown(value)} is not an integer")
            else:
                number = int(number)
        if number in fitting:
            return number
        raise BadCell(f"the integer does not fit into {holds(dtype)}")

    return parse


def _exact_integer(digits: str, *, negative: bool) -> int:
    """The exact integer of decimal digits: a double rounds beyond 15. Raises BadCell past 64 bits."""
    significant = digits.lstrip("0") or "0"
    if len(significant) > _MOST_DIGITS:  # Python refuses to parse more than 4300 digits
        raise BadCell("the integer does not fit into 64 bits")
    return -int(significant) if negative else int(significant)


def _exactly(wanted: type, name: str, nullable: bool) -> Parser:
    def parse(value: object) -> Cell:
        if type(value) is wanted:
            return value  # type: ignore[return-value]
        if value is None:
            if nullable:
                return None
            raise BadCell("a value is required: this column takes no missing ones")
        raise BadCell(f"{shown(value)} is not {name}")

    return parse


def _bounded(parse: Parser, longest: int) -> Parser:
    def parse_bounded(value: object) -> Cell:
        cell = parse(value)
        if isinstance(cell, str) and len(cell) > longest:
            raise BadCell(f"a string of {len(cell)} characters is too long: at most {longest} are taken")
        return cell

    return parse_bounded


def _date(parse: Parser) -> Parser:
    def parse_date(value: object) -> Cell:
        cell = parse(value)
        if cell is None or is_date(str(cell)):
            return cell
        raise BadCell(f"{shown(value)} is not a date: a day of the calendar such as '2024-02-29' was expected")

    return parse_date


def _date_time(parse: Parser, dtype: str) -> Parser:
    zoned, first, last = time_of(dtype)
    example = "'2024-02-29T12:30:00+01:00'" if zoned else "'2024-02-29' or '2024-02-29T12:30:00'"

    def parse_date_time(value: object) -> Cell:
        cell = parse(value)
        if cell is None:
            return None
        time = read_time(str(cell))
        if time is None:
            raise BadCell(f"{shown(value)} is not a time: one such as {example} was expected (ISO 8601)")
        if zoned != (time.tzinfo is not None):
            needs = "needs an offset" if zoned else "takes no offset, since the column has no zone"
            raise BadCell(f"{shown(value)} {needs}: a time such as {example} was expected")
        if not first <= time.year <= last:
            raise BadCell(f"{shown(value)} is outside the years {first} to {last}, which the column holds")
        return cell

    return parse_date_time


def _folded(parse: Parser, listed: Collection[Cell]) -> Parser:
    exact = frozenset(listed)
    spelt: dict[str, Cell] = {str(value).casefold(): value for value in listed}

    def parse_folded(value: object) -> Cell:
        cell = parse(value)
        if cell in exact or not isinstance(cell, str):
            return cell
        folded = cell.casefold()
        return spelt.get(folded, folded)

    return parse_folded


def _one_of(parse: Parser, enum: Collection[Cell], *, enum_is_public: bool) -> Parser:
    allowed = frozenset(enum)
    listed = "the values that this column takes, which are not public"
    if enum_is_public:
        listed = ", ".join(shown(value) for value in list(enum)[:10]) + (", ..." if len(allowed) > 10 else "")

    def parse_one_of(value: object) -> Cell:
        cell = parse(value)
        if cell in allowed or cell is None or cell != cell:  # NaN: missing, and allowed
            return cell
        raise BadCell(f"{shown(value)} is not one of {listed}")

    return parse_one_of


def shown(value: object) -> str:
    """A short form of a value for a message."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return repr(value) if len(value) <= _LONGEST_SHOWN else f"{value[:_LONGEST_SHOWN]!r}..."
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, int):
        return str(value) if value.bit_length() < 128 else "an integer of many digits"
    if isinstance(value, list):
        return "an array"
    if isinstance(value, dict):
        return "an object"
    return f"a {type(value).__name__}"
