"""Bulk parsers of cells: columns of one kind are parsed together while every cell is plain.

A group returns the same cells as the column's parser (`changeover/schema/cell_parsers.py`), or None. The column's
parser alone raises validation errors. Serves `changeover/request/decode.py`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, filterfalse
from math import copysign, isfinite, nan
from operator import itemgetter
from typing import Final, cast

import msgspec

from changeover.json_types import Json
from changeover.schema.cell_parsers import INT64, Cell, ColumnType, Parser

Cells = list[Cell]
Reader = Callable[[list[Json]], Cells | None]
_NUMBERS: Final = list[float]
_TEXTS: Final = frozenset({str})
_INTS: Final = frozenset({int})
_FLAGS: Final = frozenset({bool})
_GAP: Final = frozenset({type(None)})


@dataclass(frozen=True)
class CellGroup:
    """Columns that share one parser; `read` is the bulk parser of their cells, or None if there is none."""

    names: tuple[str, ...]
    parse: Parser
    read: Reader | None

    def columns(self, rows: Sequence[Mapping[str, Json]]) -> list[Cells]:
        """The typed cells of each column; raises KeyError, TypeError or BadCell for rows that do not fit."""
        width = len(self.names)
        cells = self._take(rows)
        if width == 1:
            return [self._column(cells)]
        if len(rows) == 1:
            return [[cell] for cell in self._column(cells)]
        found = self.read(cells) if self.read is not None else None
        if found is None:
            return [self._column(cells[place::width]) for place in range(width)]
        return [found[place::width] for place in range(width)]

    def _column(self, cells: list[Json]) -> Cells:
        return read_column(self.read, self.parse, cells)

    def _take(self, rows: Sequence[Mapping[str, Json]]) -> list[Json]:
        """The cells of all rows, row by row."""
        if len(self.names) == 1:
            name = self.names[0]
            return [row[name] for row in rows]
        return list(chain.from_iterable(map(self._getter, rows)))

    @cached_property
    def _getter(self) -> Callable[[Mapping[str, Json]], tuple[Json, ...]]:
        return itemgetter(*self.names)


def read_column(read: Reader | None, parse: Parser, cells: list[Json]) -> Cells:
    """The cells of one column, by the bulk parser where it handles all of them; raises BadCell."""
    found = None if read is None else read(cells)
    return [parse(cell) for cell in cells] if found is None else found


def reader(kind: ColumnType, *, nullable: bool, enum: Sequence[Cell] | None, written: object) -> Reader | None:
    """The bulk parser for columns of this kind; None if each cell needs the single parser."""
    if kind is ColumnType.STRING and written is None:
        return _exactly(_TEXTS, nullable, enum)
    if enum is not None or written is not None:
        return None
    if kind is ColumnType.NUMBER:
        return _numbers(nullable)
    return _integers if kind is ColumnType.INTEGER else _exactly(_FLAGS, nullable, None)


def _numbers(nullable: bool) -> Reader:
    def read(cells: list[Json]) -> Cells | None:
        try:
            found = msgspec.convert(cells, _NUMBERS, strict=False)
        except ValueError:
            plain = [nan if cell is None or cell == "" else cell for cell in cells]
            try:
                found = msgspec.convert(plain, _NUMBERS, strict=False)
            except ValueError:
                return None
        total = sum(found)
        if total - total != 0.0:  # a missing value, an infinity, or a sum beyond a double
            odd = list(filterfalse(isfinite, found))
            # Python reads "inf" and "-nan"; the format does not allow them
            if odd and not (nullable and all(cell != cell and copysign(1.0, cell) > 0 for cell in odd)):
                return None
        return cast("Cells", found)

    return read


def _integers(cells: list[Json]) -> Cells | None:
    if not _INTS.issuperset(map(type, cells)):
        return None
    found = cast("list[int]", cells)
    if found and (min(found) not in INT64 or max(found) not in INT64):
        return None
    return cast("Cells", found)


def _exactly(wanted: frozenset[type], nullable: bool, enum: Sequence[Cell] | None) -> Reader:
    kinds = wanted | _GAP if nullable else wanted
    allowed = None if enum is None else frozenset(enum) | ({None} if nullable else set())

    def read(cells: list[Json]) -> Cells | None:
        if not kinds.issuperset(map(type, cells)) or (allowed is not None and not allowed.issuperset(cells)):
            return None
        return cast("Cells", cells)

    return read
