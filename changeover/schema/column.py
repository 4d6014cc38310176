"""One column of a model: its name, type, accepted values and notes.

Its JSON form uses the words of JSON Schema where there is one (`type`, `enum`, `format`, `description`). `range`,
`categories` and `missing_seen` describe the training data; no validator enforces them.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Final, Self, TypeVar

from changeover.exceptions import InvalidSchema
from changeover.json_types import Json, JsonObject
from changeover.schema.cell_parsers import Case, Cell, ColumnType, Parser, cell_parser, shown
from changeover.schema.formats import Format

_E = TypeVar("_E", bound=StrEnum)
_NUMERIC: Final = (ColumnType.NUMBER, ColumnType.INTEGER)
_MEMBERS: Final = (
    *("name", "type", "nullable", "enum", "categories", "format", "case"),
    *("unit", "description", "range", "missing_seen", "public"),
)


@dataclass(frozen=True)
class Column:
    """One column: its JSON type, whether a value may be missing, and further facts.

    `enum` lists all allowed values (a closed list); `categories` lists the values seen in training (an open list).
    `format` is a further notation of a number, or DATE for a string that is a calendar day; the model gets that string.
    `case` decides whether strings that differ only in case are the same value. `unit` and `description` are for people.
    `minimum`, `maximum` and `missing_seen` describe the training data. `public` lets callers of predict_api see `enum`,
    `categories` and those three. The last four members restrict no request, and equality of schemas ignores them.
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
    minimum: Cell = field(default=None, compare=False)
    maximum: Cell = field(default=None, compare=False)
    missing_seen: bool | None = field(default=None, compare=False)
    public: bool = field(default=False, compare=False)

    def __post_init__(self) -> None:
        if self.format is Format.DATE and self.type is not ColumnType.STRING:
            raise InvalidSchema(f"column {self.name!r} has the format date, which only string columns have")
        if self.format not in (None, Format.DATE) and self.type not in _NUMERIC:
            raise InvalidSchema(f"column {self.name!r} has a format, which only number and integer columns have")
        for value in (*(self.enum or ()), *(self.categories or ())):
            if not _fits(value, self.type):
                raise InvalidSchema(f"column {self.name!r} lists {shown(value)}, which is no {self.type.value}")
        if self.enum is not None and not self.enum:
            raise InvalidSchema(f"column {self.name!r} has an empty enum, so that no value would be allowed")
        if self.case is Case.FOLD:
            _check_folding(self)
        if self.minimum is not None or self.maximum is not None:
            _check_range(self)

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
        )

    @classmethod
    def from_json(cls, body: object, *, strict: bool = False) -> Self:
        """Read a column; raises InvalidSchema. `strict` refuses unknown members."""
        if not isinstance(body, dict):
            raise InvalidSchema(f"a column is {shown(body)}, an object was expected")
        name = body.get("name")
        if not isinstance(name, str):
            raise InvalidSchema(f"a column's name is {shown(name)}, a string was expected")
        what = f"column {name!r}"
        if strict:
            refuse_unknown(body, _MEMBERS, what)
        nullable, seen, written = body.get("nullable", False), body.get("missing_seen"), body.get("format")
        if not isinstance(nullable, bool):
            raise InvalidSchema(f"{what}: nullable is {shown(nullable)}, true or false was expected")
        if not isinstance(seen, bool | None):
            raise InvalidSchema(f"{what}: missing_seen is {shown(seen)}, true or false was expected")
        public = body.get("public", False)
        if not isinstance(public, bool):
            raise InvalidSchema(f"{what}: public is {shown(public)}, true or false was expected")
        minimum, maximum = _ends(body.get("range"), f"{what}: range")
        return cls(
            name=name,
            type=member(ColumnType, body.get("type", "number"), f"{what}: type"),
            nullable=nullable,
            enum=_values(body.get("enum"), f"{what}: enum"),
            categories=_values(body.get("categories"), f"{what}: categories"),
            format=None if written is None else member(Format, written, f"{what}: format"),
            description=_text(body, "description", what),
            case=member(Case, body.get("case", "exact"), f"{what}: case"),
            unit=_text(body, "unit", what),
            minimum=minimum,
            maximum=maximum,
            missing_seen=seen,
            public=public,
        )

    def to_json(self) -> JsonObject:
        """The JSON form, read back by `from_json`; members with their default are left out."""
        body: JsonObject = {"name": self.name, "type": self.type.value, "nullable": self.nullable}
        if self.enum is not None:
            body["enum"] = list(self.enum)
        if self.categories is not None:
            body["categories"] = list(self.categories)
        if self.format is not None:
            body["format"] = self.format.value
        if self.description:
            body["description"] = self.description
        if self.case is not Case.EXACT:
            body["case"] = self.case.value
        if self.unit:
            body["unit"] = self.unit
        if self.minimum is not None:
            body["range"] = [self.minimum, self.maximum]
        if self.missing_seen is not None:
            body["missing_seen"] = self.missing_seen
        if self.public:
            body["public"] = True
        return body


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


def _check_range(column: Column) -> None:
    ends = (column.minimum, column.maximum)
    if column.type not in _NUMERIC and column.format is not Format.DATE:
        raise InvalidSchema(f"column {column.name!r} has a range, which only numbers and dates have")
    if not all(_fits(end, column.type) for end in ends):
        raise InvalidSchema(f"column {column.name!r} has a range of what is no {column.type.value}")
    if column.minimum > column.maximum:  # type: ignore[operator]
        raise InvalidSchema(f"column {column.name!r} has a range that ends before it begins")


def _ends(value: Json, what: str) -> tuple[Cell, Cell]:
    found = _values(value, what)
    if found is None:
        return None, None
    if len(found) != 2:
        raise InvalidSchema(f"{what} lists {len(found)} values, the least and the greatest were expected")
    return found[0], found[1]


def _text(body: Mapping[str, object], name: str, what: str) -> str:
    value = body.get(name, "")
    if not isinstance(value, str):
        raise InvalidSchema(f"{what}: {name} is {shown(value)}, a string was expected")
    return value


def member(kind: type[_E], value: Json, what: str) -> _E:
    """The member of an enumeration that `value` names; raises InvalidSchema."""
    for member in kind:
        if value == member.value:
            return member
    known = ", ".join(repr(member.value) for member in kind)
    raise InvalidSchema(f"{what} is {shown(value)}, one of {known} was expected")


def _values(value: Json, what: str) -> tuple[Cell, ...] | None:
    if value is None:
        return None
    if not isinstance(value, list):
        raise InvalidSchema(f"{what} is {shown(value)}, a list was expected")
    found: list[Cell] = []
    for entry in value:
        if entry is None or isinstance(entry, list | dict):
            raise InvalidSchema(f"{what} lists {shown(entry)}, which is no value of a column")
        found.append(entry)
    return tuple(found)


def refuse_unknown(body: Mapping[str, object], known: Collection[str], what: str) -> None:
    """Raise InvalidSchema for members of `body` that are not known."""
    unknown = sorted(str(name) for name in set(body).difference(known))
    if unknown:
        raise InvalidSchema(f"{what} has unknown members {unknown}; known are {sorted(known)}")
