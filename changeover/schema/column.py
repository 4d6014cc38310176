"""One column of a model: its name, type, accepted values and notes.

Its JSON form uses the words of JSON Schema where there is one (`type`, `enum`, `format`, `description`). `range`,
`categories` and `missing_seen` describe the training data; no validator enforces them.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from functools import cached_property
from typing import Final, Self

from changeover.exceptions import InvalidSchema
from changeover.json_documents import read_document
from changeover.json_types import JsonObject
from changeover.schema.cell_parsers import Case, Cell, ColumnType, Parser, cell_parser, shown
from changeover.schema.dtypes import is_known
from changeover.schema.formats import Format

_NUMERIC: Final = (ColumnType.NUMBER, ColumnType.INTEGER)
_OF_STRINGS: Final = (Format.DATE, Format.DATE_TIME)
_ALWAYS_WRITTEN: Final = ("name", "type", "nullable")
LONGEST_STRING: Final = 65_536  # characters of a string in a column that does not say more and has no categories
_SLACK: Final = 1000  # characters
_TIMES: Final = 16  # the length of the longest category


class Missing(StrEnum):
    """The object that stood for a missing value in a column of objects: None, NaN, pandas' NA or NaT."""

    NONE = "none"
    NAN = "nan"
    NA = "NA"
    NAT = "NaT"


@dataclass(frozen=True)
class Column:
    """One column: its JSON type, whether a value may be missing, and further facts.

    `enum` lists all allowed values (a closed list); `categories` lists the values seen in training (an open list).
    `format` is a further notation of a number, or DATE for a string that is a calendar day; the model gets that string.
    `case` decides whether strings that differ only in case are the same value. `unit` and `description` are for people.
    `max_length` bounds the characters of a string; without it, `longest` has the bound.
    `range` (the least and the greatest value) and `missing_seen` describe the training data. `public` lets callers of
    predict_api see `enum`, `categories` and those two. The last three members restrict no request, and equality of
    schemas ignores them.

    `dtype` is the type that the model was fitted on, a name of `changeover/schema/dtypes.py`, or empty if unknown; the
    model gets that type. `missing` is the object that stood for a missing value in a column of objects: `none`, `nan`,
    `NA` or `NaT`. `ordered`: so were its categories. These three concern the model only, so equality ignores them, too.
    """

    name: str
    type: ColumnType = ColumnType.NUMBER
    nullable: bool = False
    enum: tuple[Cell, ...] | None = None
    categories: tuple[Cell, ...] | None = None
    format: Format | None = None
    description: str = ""
    case: Case = Case.EXACT
    unit: str = ""
    max_length: int | None = field(default=None, compare=False)
    dtype: str = field(default="", compare=False)
    missing: Missing | None = field(default=None, compare=False)
    ordered: bool = field(default=False, compare=False)
    range: tuple[Cell, Cell] | None = field(default=None, compare=False)
    missing_seen: bool | None = field(default=None, compare=False)
    public: bool = field(default=False, compare=False)

    def __post_init__(self) -> None:
        if not is_known(self.dtype):
            raise InvalidSchema(f"column {self.name!r} has the dtype {self.dtype!r}, which is not known here")
        if self.format in _OF_STRINGS and self.type is not ColumnType.STRING:
            raise InvalidSchema(f"column {self.name!r} has the format {self.format}, which only string columns have")
        if self.format not in (None, *_OF_STRINGS) and self.type not in _NUMERIC:
            raise InvalidSchema(f"column {self.name!r} has a format, which only number and integer columns have")
        for value in (*(self.enum or ()), *(self.categories or ())):
            if not _fits(value, self.type):
                raise InvalidSchema(f"column {self.name!r} lists {shown(value)}, which is no {self.type.value}")
        if self.enum is not None and not self.enum:
            raise InvalidSchema(f"column {self.name!r} has an empty enum, so that no value would be allowed")
        if self.case is Case.FOLD:
            _check_folding(self)
        if self.max_length is not None and (self.max_length < 1 or self.type is not ColumnType.STRING):
            raise InvalidSchema(f"column {self.name!r} has a max_length, which only string columns have, and above 0")
        if self.range is not None:
            _check_range(self, *self.range)

    @property
    def longest(self) -> int:
        """The most characters of a string: `max_length`, else 16 times the longest category and 1,000 more, else 65,536."""
        if self.max_length is not None:
            return self.max_length
        listed = self.enum or self.categories
        return _SLACK + _TIMES * max(len(str(value)) for value in listed) if listed else LONGEST_STRING

    @cached_property
    def parse(self) -> Parser:
        """The function that turns a JSON value into a cell of this column, or raises BadCell."""
        return cell_parser(
            self.type,
            nullable=self.nullable,
            enum=self.enum,
            enum_is_public=self.public,
            written=self.format,
            folded_to=(self.enum or self.categories or ()) if self.case is Case.FOLD else None,
            dtype=self.dtype,
            longest=self.longest,
        )

    @classmethod
    def from_json(cls, body: object, *, strict: bool = False) -> Self:
        """Read a column; raises InvalidSchema. `strict` refuses unknown members."""
        name = body.get("name") if isinstance(body, dict) else None
        what = f"column {name!r}" if isinstance(name, str) else "column"
        if isinstance(body, dict):
            if strict:
                refuse_unknown(body, [member.name for member in fields(cls)], what)
            refuse_other_values(body, {"type": ColumnType, "format": Format, "case": Case, "missing": Missing}, what)
        return read_document(body, cls, what, InvalidSchema)

    def to_json(self) -> JsonObject:
        """The JSON form, read back by `from_json`; members with their default are left out."""
        values = {member.name: (getattr(self, member.name), member.default) for member in fields(self)}
        return {
            name: value.value if isinstance(value, StrEnum) else list(value) if isinstance(value, tuple) else value
            for name, (value, default) in values.items()
            if value != default or name in _ALWAYS_WRITTEN
        }


def _fits(value: Cell, kind: ColumnType) -> bool:
    if kind is ColumnType.STRING:
        return isinstance(value, str)
    if kind is ColumnType.BOOLEAN:
        return isinstance(value, bool)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return value - value == 0 and (kind is ColumnType.NUMBER or float(value).is_integer())


def _check_folding(column: Column) -> None:
    if column.type is not ColumnType.STRING:
        raise InvalidSchema(f"column {column.name!r} folds its case, which only string columns have")
    spelt: dict[str, Cell] = {}
    for value in column.enum or column.categories or ():
        twin = spelt.setdefault(str(value).casefold(), value)
        if twin != value:
            raise InvalidSchema(
                f"column {column.name!r} folds its case and lists {shown(twin)} and {shown(value)}: keep one of them"
            )


def _check_range(column: Column, minimum: Cell, maximum: Cell) -> None:
    if column.type not in _NUMERIC and column.format not in _OF_STRINGS:
        raise InvalidSchema(f"column {column.name!r} has a range, which only numbers, dates and times have")
    if not _fits(minimum, column.type) or not _fits(maximum, column.type):
        raise InvalidSchema(f"column {column.name!r} has a range of what is no {column.type.value}")
    if minimum > maximum:  # type: ignore[operator]
        raise InvalidSchema(f"column {column.name!r} has a range that ends before it begins")


def refuse_other_values(body: Mapping[str, object], kinds: Mapping[str, type[StrEnum]], what: str) -> None:
    """Raise InvalidSchema for a string in `body` that is no value of its enumeration; the message lists all values."""
    for name, kind in kinds.items():
        value = body.get(name)
        if isinstance(value, str) and value not in list(kind):
            known = ", ".join(repr(member.value) for member in kind)
            raise InvalidSchema(f"{what}.{name}: {shown(value)} is not one of {known}")


def refuse_unknown(body: Mapping[str, object], known: Collection[str], what: str) -> None:
    """Raise InvalidSchema for members of `body` that are not known."""
    unknown = sorted(str(name) for name in set(body).difference(known))
    if unknown:
        raise InvalidSchema(f"{what} has unknown members {unknown}; known are {sorted(known)}")
