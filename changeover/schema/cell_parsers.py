"""Parsers of single cells: one for each kind of column, made once and called for every value.

`changeover/schema/column.py` holds the kind of each column.
"""

import math
from collections.abc import Callable, Collection
from enum import StrEnum
from typing import Final

from changeover.schema.formats import EXAMPLES, PARSERS, Format, is_date

Cell = float | int | bool | str | None
Parser = Callable[[object], Cell]
_LONGEST_SHOWN: Final = 40
INT64: Final = range(-(2**63), 2**63)
LARGEST_NUMBER: Final = 3.4028234663852886e38  # the largest float32; `changeover/request/reader.py` refuses more
_MOST_DIGITS: Final = 19  # the range of int64


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
) -> Parser:
    """Make the function that turns a JSON value into a cell, or raises BadCell.

    Numbers become float and integers int; a missing one is NaN. Booleans and strings stay; a missing one is None.
    `enum` lists all allowed values; a missing value is allowed too. An error message names some of them only if
    `enum_is_public`. `written` is the format of a number, or DATE for a string. With `folded_to`, a string becomes the
    entry that equals it up to case; any other string is casefolded.
    """
    parse: Parser
    if kind is ColumnType.NUMBER:
        parse = _number(nullable, written)
    elif kind is ColumnType.INTEGER:
        parse = _integer(nullable, written)
    elif kind is ColumnType.BOOLEAN:
        parse = _exactly(bool, "true or false", nullable)
    else:
        parse = _exactly(str, "a string" if written is None else "a date, a string such as '2024-02-29'", nullable)
        if written is Format.DATE:
            parse = _date(parse)
        if folded_to is not None:
            parse = _folded(parse, folded_to)
    return parse if enum is None else _one_of(parse, enum, enum_is_public=enum_is_public)


def _number(nullable: bool, written: Format | None) -> Callable[[object], float]:
    read = PARSERS[written]
    expected = "a number" if written is None else f"a number or {written.value} such as {EXAMPLES[written]!r}"

    def parse(value: object) -> float:
        kind = type(value)
        try:
            if kind is str:
                number = read(value)  # type: ignore[arg-type]
            elif kind is float or kind is int:
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


def _integer(nullable: bool, written: Format | None) -> Callable[[object], float]:
    parse_number = _number(nullable, written)

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
        if number in INT64:
            return number
        raise BadCell("the integer does not fit into 64 bits")

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


def _date(parse: Parser) -> Parser:
    def parse_date(value: object) -> Cell:
        cell = parse(value)
        if cell is None or is_date(str(cell)):
            return cell
        raise BadCell(f"{shown(value)} is not a date: a day of the calendar such as '2024-02-29' was expected")

    return parse_date


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
