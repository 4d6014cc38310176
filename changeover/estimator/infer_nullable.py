"""The inference of nullable columns, by as few calls of the model as possible."""

import math
from collections.abc import Callable, Mapping
from typing import Final

from changeover.schema.cell_parsers import Cell, ColumnType
from changeover.schema.schema import Schema

MOST_QUESTIONS: Final = 256
_NUMERIC: Final = (ColumnType.NUMBER, ColumnType.INTEGER)


def probe_missing(
    schema: Schema, typical: Mapping[str, Cell], answers: Callable[[dict[str, Cell]], bool]
) -> frozenset[str]:
    """The columns of `schema` that the model answers without, found by halving groups of columns.

    `typical` is a row that the model should answer, and `answers` calls the model. A group whose values may all be
    missing together is accepted whole. Columns left after MOST_QUESTIONS calls count as required.
    """
    if not answers(dict(typical)):
        return frozenset()
    missing: dict[str, Cell] = {column.name: math.nan if column.type in _NUMERIC else None for column in schema.columns}
    nullable: set[str] = set()
    groups = [list(missing)]
    for _ in range(MOST_QUESTIONS):
        if not groups:
            break
        group = groups.pop(0)
        if answers({**typical, **{name: missing[name] for name in group}}):
            nullable.update(group)
        elif len(group) > 1:
            groups += _halves(group, schema)
    return frozenset(nullable)


def _halves(group: list[str], schema: Schema) -> list[list[str]]:
    """Split into numbers and the rest first, since these mostly differ; then by position."""
    numbers = [name for name in group if schema.by_name[name].type in _NUMERIC]
    if 0 < len(numbers) < len(group):
        return [numbers, [name for name in group if schema.by_name[name].type not in _NUMERIC]]
    middle = len(group) // 2
    return [group[:middle], group[middle:]]
