"""The columns that a model takes, as data: what stands in the manifest, in `GET /models/{m}` and on an estimator.

Carries the word *schema* of the design. What single values mean is in `changeover/cells.py`, what a request means in
`changeover/decode.py`. Pure.
"""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from operator import itemgetter
from typing import Final, Self, TypeVar

from changeover.cell_groups import CellGroup, Reader, reader
from changeover.cells import Case, Cell, ColumnType, Parser, cell_parser, shown
from changeover.exceptions import InvalidSchema
from changeover.formats import Format
from changeover.manifest import Json, JsonObject

ATTRIBUTE: Final = "changeover_schema_"
MOST_COLUMNS: Final = 100_000
_E = TypeVar("_E", bound=StrEnum)
_NUMERIC: Final = (ColumnType.NUMBER, ColumnType.INTEGER)


class Extra(StrEnum):
    """What becomes of fields that the schema does not know."""

    FORBID = "forbid"
    IGNORE = "ignore"


@dataclass(frozen=True)
class Column:
    """One column: its JSON type, whether a value may be missing, and what else is known of it.

    `enum` lists all values that are allowed (a closed list); `categories` only those seen in training (an open one);
    `format` says how numbers may be written besides plainly; `case` whether texts that differ in upper and lower case
    only are the same value; `description` is for people.
    """

    name: str
    type: ColumnType = ColumnType.NUMBER
    nullable: bool = False
    enum: tuple[Cell, ...] | None = None
    categories: tuple[Cell, ...] | None = None
    format: Format | None = None
    description: str = ""
    case: Case = Case.EXACT

    def __post_init__(self) -> None:
        if self.format is not None and self.type not in _NUMERIC:
            raise InvalidSchema(f"column {self.name!r} has a format, which only number and integer columns have")
        for value in (*(self.enum or ()), *(self.categories or ())):
            if not _fits(value, self.type):
                raise InvalidSchema(f"column {self.name!r} lists {shown(value)}, which is no {self.type.value}")
        if self.enum is not None and not self.enum:
            raise InvalidSchema(f"column {self.name!r} has an empty enum, so that no value would be allowed")
        if self.case is Case.FOLD:
            _check_folding(self)

    @cached_property
    def parse(self) -> Parser:
        """The function that turns a JSON value into a cell of this column, or raises `cells.BadCell`."""
        return cell_parser(
            self.type,
            nullable=self.nullable,
            enum=self.enum,
            written=self.format,
            folded_to=(self.enum or self.categories or ()) if self.case is Case.FOLD else None,
        )

    @property
    def read_many(self) -> Reader | None:
        """The short way for many values of this column, as `cell_groups` has it."""
        if self.case is Case.FOLD:
            return None
        return reader(self.type, nullable=self.nullable, enum=self.enum, written=self.format)

    @classmethod
    def from_json(cls, body: object, *, strict: bool = False) -> Self:
        """Read a column; raises InvalidSchema. `strict` refuses members that are not known here."""
        if not isinstance(body, dict):
            raise InvalidSchema(f"a column is {shown(body)}, an object was expected")
        name = body.get("name")
        if not isinstance(name, str):
            raise InvalidSchema(f"a column's name is {shown(name)}, a string was expected")
        if strict:
            _refuse_unknown(body, {field.name for field in dataclasses.fields(cls)}, f"column {name!r}")
        nullable, description = body.get("nullable", False), body.get("description", "")
        if not isinstance(nullable, bool):
            raise InvalidSchema(f"column {name!r}: nullable is {shown(nullable)}, true or false was expected")
        if not isinstance(description, str):
            raise InvalidSchema(f"column {name!r}: description is {shown(description)}, a string was expected")
        return cls(
            name=name,
            type=_member(ColumnType, body.get("type", "number"), f"column {name!r}: type"),
            nullable=nullable,
            enum=_values(body.get("enum"), f"column {name!r}: enum"),
            categories=_values(body.get("categories"), f"column {name!r}: categories"),
            format=None
            if body.get("format") is None
            else _member(Format, body.get("format"), f"column {name!r}: format"),
            description=description,
            case=_member(Case, body.get("case", "exact"), f"column {name!r}: case"),
        )

    def to_json(self) -> JsonObject:
        """The JSON form, read back by `from_json`; members that say nothing are left out."""
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
        return body


@dataclass(frozen=True)
class Schema:
    """The columns of a model in the order in which it takes them, and what becomes of fields besides them."""

    columns: tuple[Column, ...]
    extra: Extra = Extra.FORBID

    def __post_init__(self) -> None:
        if not self.columns:
            raise InvalidSchema("a schema names at least one column")
        if len(self.columns) > MOST_COLUMNS:
            raise InvalidSchema(f"the schema has {len(self.columns)} columns, at most {MOST_COLUMNS} are taken")
        seen: set[str] = set()
        for column in self.columns:
            if column.name in seen:
                raise InvalidSchema(f"the schema has two columns {column.name!r}: rename one of them")
            seen.add(column.name)

    @cached_property
    def by_name(self) -> dict[str, Column]:
        """The columns by their names, in their order."""
        return {column.name: column for column in self.columns}

    @cached_property
    def plan(self) -> tuple[tuple[str, Parser], ...]:
        """Each column's name and parser, in order: what decoding walks."""
        return tuple((column.name, column.parse) for column in self.columns)

    @cached_property
    def groups(self) -> tuple[CellGroup, ...]:
        """The columns by what they have in common: what decoding walks while all is well."""
        alike: dict[object, list[Column]] = {}
        for column in self.columns:
            folded_to = column.categories if column.case is Case.FOLD else None
            kind = (column.type, column.nullable, column.enum, column.format, column.case, folded_to)
            alike.setdefault(kind, []).append(column)
        return tuple(
            CellGroup(tuple(column.name for column in columns), columns[0].parse, columns[0].read_many)
            for columns in alike.values()
        )

    @cached_property
    def from_groups(self) -> Callable[[list[list[Cell]]], tuple[list[Cell], ...]]:
        """Puts the columns of all `groups`, one group after the other, into the order of `columns`."""
        if len(self.columns) == 1:
            return tuple
        grouped = [name for group in self.groups for name in group.names]
        places = {name: place for place, name in enumerate(grouped)}
        return itemgetter(*(places[column.name] for column in self.columns))

    @classmethod
    def from_json(cls, body: object, *, strict: bool = False) -> Self:
        """Read `{"columns": [{"name": ..., "type": ..., ...}, ...], "extra": "forbid" | "ignore"}`.

        Raises InvalidSchema. Members of later releases are ignored unless `strict`, which is for what people write.
        """
        if not isinstance(body, dict):
            raise InvalidSchema(f"the schema is {shown(body)}, an object was expected")
        if strict:
            _refuse_unknown(body, {"columns", "extra"}, "the schema")
        columns = body.get("columns")
        if not isinstance(columns, list):
            raise InvalidSchema(f"the schema's columns are {shown(columns)}, a list was expected")
        return cls(
            columns=tuple(Column.from_json(column, strict=strict) for column in columns),
            extra=_member(Extra, body.get("extra", "forbid"), "the schema's extra"),
        )

    def to_json(self) -> JsonObject:
        """The JSON form, read back by `from_json`."""
        return {"columns": [column.to_json() for column in self.columns], "extra": self.extra.value}


def attach(estimator: object, schema: Schema) -> None:
    """Keep `schema` on the estimator, as plain built-ins, so that a bare joblib file brings its own schema."""
    try:
        setattr(estimator, ATTRIBUTE, schema.to_json())
    except AttributeError as error:
        raise InvalidSchema(
            f"a {type(estimator).__name__} takes no attribute: publish the schema in the manifest instead"
        ) from error


def attached(estimator: object) -> Schema | None:
    """The schema that `attach` left on the estimator, or None; raises InvalidSchema if that is none."""
    body = getattr(estimator, ATTRIBUTE, None)
    return None if body is None else Schema.from_json(body, strict=True)


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


def _member(kind: type[_E], value: Json, what: str) -> _E:
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


def _refuse_unknown(body: Mapping[str, object], known: set[str], what: str) -> None:
    unknown = sorted(str(name) for name in set(body) - known)
    if unknown:
        raise InvalidSchema(f"{what} has unknown members {unknown}; known are {sorted(known)}")
