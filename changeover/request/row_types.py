"""The msgspec types of a row: of the cells of a column, and of an object with all columns."""

from collections.abc import Sequence
from typing import Annotated, Any, Final

import msgspec

from changeover.schema.cell_parsers import ColumnType
from changeover.schema.column import Column

SCALAR: Final = str | int | float | bool | None


def kind_of(column: Column) -> Any:
    """The msgspec type for cells of `column`."""
    if column.type is ColumnType.STRING:
        text: Any = Annotated[str, msgspec.Meta(max_length=column.longest)]
        return text | None if column.nullable else text
    if column.format is not None or column.enum is not None or column.type is ColumnType.BOOLEAN:
        return SCALAR
    plain = float if column.type is ColumnType.NUMBER else int
    return plain | None if column.nullable else plain


def struct_of(names: Sequence[str], kinds: Sequence[Any]) -> type[msgspec.Struct]:
    """The msgspec type of an object with exactly these keys; raises ValueError for a key that msgspec cannot spell."""
    fields = [f"c{index}" for index in range(len(names))]
    return msgspec.defstruct(
        "Columns",
        list(zip(fields, kinds, strict=True)),
        rename=dict(zip(fields, names, strict=True)),
        forbid_unknown_fields=True,
        gc=False,
    )
