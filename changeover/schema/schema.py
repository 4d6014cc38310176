"""The schema of a model: its columns, as in the manifest and in `GET /models/{m}`.

Columns are in `changeover/schema/column.py`, parsers of values in `changeover/schema/cell_parsers.py`, the decoding of
requests in `changeover/request/decode.py`.
"""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import Final, Self

import msgspec

from changeover.exceptions import InvalidSchema
from changeover.json_documents import read_document
from changeover.json_types import JsonObject
from changeover.schema.cell_parsers import ColumnType
from changeover.schema.column import Column, refuse_other_values, refuse_unknown
from changeover.schema.dtypes import is_single

__all__ = ["ATTRIBUTE", "MOST_COLUMNS", "Column", "Extra", "Schema", "attach", "attached"]

ATTRIBUTE: Final = "changeover_schema_"
MOST_COLUMNS: Final = 100_000


class Extra(StrEnum):
    """The treatment of fields that the schema does not know."""

    FORBID = "forbid"
    IGNORE = "ignore"


class Container(StrEnum):
    """The container of a model's input: a frame with column names, or an array."""

    FRAME = "frame"
    ARRAY = "array"


class _Document(msgspec.Struct):
    columns: list[object]
    extra: Extra = Extra.FORBID
    container: Container | None = None


@dataclass(frozen=True)
class Schema:
    """The columns of a model in the order of its input, and the treatment of other fields.

    `container` is what the model was fitted on, or None if that follows from the model; it restricts no request, and
    equality ignores it.
    """

    columns: tuple[Column, ...]
    extra: Extra = Extra.FORBID
    container: Container | None = field(default=None, compare=False)

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
        """The columns by name, in order."""
        return {column.name: column for column in self.columns}

    @cached_property
    def numbers_and_texts(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The names of number and boolean columns, and the names of string columns, each in order."""
        texts = tuple(column.name for column in self.columns if column.type is ColumnType.STRING)
        return tuple(column.name for column in self.columns if column.type is not ColumnType.STRING), texts

    @cached_property
    def float32_numbers(self) -> list[int]:
        """The indices in `numbers_and_texts[0]` of the columns that the model was fitted on as float32."""
        numbers, _ = self.numbers_and_texts
        return [index for index, name in enumerate(numbers) if is_single(self.by_name[name].dtype)]

    @classmethod
    def from_json(cls, body: object, *, strict: bool = False) -> Self:
        """Read `{"columns": [{"name": ..., "type": ..., ...}, ...], "extra": "forbid" | "ignore"}`.

        Raises InvalidSchema. Members of later releases are ignored unless `strict`, which is for input by people.
        """
        if isinstance(body, dict):
            if strict:
                refuse_unknown(body, {"columns", "extra", "container"}, "the schema")
            refuse_other_values(body, {"extra": Extra, "container": Container}, "schema")
        document = read_document(body, _Document, "schema", InvalidSchema)
        columns = tuple(Column.from_json(column, strict=strict) for column in document.columns)
        return cls(columns, document.extra, document.container)

    def with_public(self, public: bool | Collection[str]) -> "Schema":
        """This schema with the columns named by `public` (True: all) also public; raises InvalidSchema."""
        names = set(self.by_name) if public is True else set(public or ())
        unknown = sorted(names.difference(self.by_name))
        if unknown:
            raise InvalidSchema(f"public names no columns of the schema: {unknown[:20]}")
        columns = tuple(replace(column, public=column.public or column.name in names) for column in self.columns)
        return replace(self, columns=columns)

    def to_json(self) -> JsonObject:
        """The JSON form, read back by `from_json`."""
        body: JsonObject = {"columns": [column.to_json() for column in self.columns], "extra": self.extra.value}
        return body if self.container is None else {**body, "container": self.container.value}


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
