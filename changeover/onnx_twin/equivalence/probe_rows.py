"""Sample rows for the equivalence test, derived from known rows: shifted, mixed, with missing values, extreme.

The rows are the same in every run: the random seed is fixed.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from changeover.request.tensors import LARGEST
from changeover.schema.cell_parsers import Case, Cell, ColumnType
from changeover.schema.formats import Format
from changeover.schema.schema import Column, Schema

Columns = dict[str, list[Cell]]

MOST_BASE: Final = 200
MOST_COLUMNS: Final = 200  # columns of a wider schema that are probed one by one
_MOST_CATEGORIES: Final = 200
_JITTER: Final = (1e-12, 1e-7, 1e-3, 0.1)  # relative to the value
_MOVES: Final = (0.1, 1.0, 10.0)  # relative to the column's spread
_EXTREMES: Final = (0.0, -0.0, 1.0, -1.0, 1e-300, 1e-17, 1e3, -1e3, 1e6, -1e6, LARGEST - 1, 1 - LARGEST)
_UNSEEN: Final = ("", " ", "never seen", "nan", "None", "\u00e9\u4e2d\U0001f600")
_DAYS: Final = ("1970-01-01", "2024-02-29", "9999-12-31")


@dataclass(frozen=True)
class Batch:
    """Rows of typed cells, and the property that they test in a few words."""

    what: str
    columns: Columns
    rows: int


def is_free(column: Column) -> bool:
    """Whether a column accepts any number."""
    return column.type in (ColumnType.NUMBER, ColumnType.INTEGER) and column.enum is None


def number_cell(column: Column, value: float) -> Cell:
    """A number as a cell of a column that accepts any number."""
    value = max(1 - LARGEST, min(LARGEST - 1, value))
    return round(value) if column.type is ColumnType.INTEGER else value


def derived(schema: Schema, known: Columns, rows: int) -> Iterator[Batch]:
    """Batches of sample rows derived from `rows` given ones, which come first."""
    yield Batch("a given row", known, rows)
    base = mixed(schema, known, rows)
    yield Batch("a mixed row", base, MOST_BASE)
    yield Batch("a moved row", *_moved(schema, base))
    few = {name: cells[:1] for name, cells in known.items()}
    for what, changes in (
        ("a row with a missing value", _gaps(schema)),
        ("a row with another category", _categories(schema)),
        ("a row with an extreme value", _extremes(schema)),
    ):
        if changes:
            yield Batch(what, *_changed(few, changes))
    yield Batch("a row with many missing values", *_many_gaps(schema, base))
    yield Batch("a row of extreme values", *_all_extreme(schema, base))
    yield Batch("a row of one number", *_all_one_number(schema, few))


def spread_of(column: Column, cells: Sequence[Cell]) -> float:
    """The spread of a column's values: from the given rows, else from the range in training, else 1."""
    present = [float(cell) for cell in cells if isinstance(cell, int | float) and cell == cell]
    spread = float(np.std(present)) if len(present) > 1 else 0.0
    least, greatest = column.range or (None, None)
    if spread == 0.0 and isinstance(least, int | float) and isinstance(greatest, int | float):
        spread = float(greatest) - float(least)
    return spread or max((abs(value) for value in present), default=0.0) or 1.0


def mixed(schema: Schema, known: Columns, rows: int) -> Columns:
    """MOST_BASE rows whose cells come from different given rows, with numbers shifted by up to their spread."""
    random = np.random.default_rng(0)
    table: Columns = {}
    for column in schema.columns:
        cells = known[column.name]
        drawn = [cells[index] for index in random.integers(rows, size=MOST_BASE).tolist()]
        if is_free(column):
            moves = random.normal(size=MOST_BASE) * spread_of(column, cells)
            drawn = [_moved_cell(column, cell, move) for cell, move in zip(drawn, moves.tolist(), strict=True)]
        elif others := _known(column):
            choice = random.integers(len(others), size=MOST_BASE).tolist()
            drawn = [others[index] for index in choice]
        table[column.name] = drawn
    return table


def _moved_cell(column: Column, cell: Cell, move: float) -> Cell:
    number = float(cell) if isinstance(cell, int | float) else math.nan
    return cell if number != number else number_cell(column, number + move)


def _known(column: Column) -> list[Cell]:
    """Values that the column is known to accept, except free numbers."""
    if column.enum is not None:
        return list(column.enum[:_MOST_CATEGORIES])
    if column.type is ColumnType.BOOLEAN:
        return [False, True]
    return list((column.categories or ())[:_MOST_CATEGORIES])


def _moved(schema: Schema, base: Columns) -> tuple[Columns, int]:
    random = np.random.default_rng(1)
    steps = [(size, 0.0) for size in _JITTER] + [(0.0, size) for size in _MOVES]
    table: Columns = {}
    for column in schema.columns:
        cells = base[column.name]
        spread = spread_of(column, cells)
        out: list[Cell] = []
        for jitter, move in steps:
            if not is_free(column):
                out += cells
                continue
            by = random.normal(size=len(cells)).tolist()
            for cell, step in zip(cells, by, strict=True):
                number = float(cell) if isinstance(cell, int | float) else math.nan
                out.append(_moved_cell(column, cell, step * (jitter * abs(number) + move * spread)))
        table[column.name] = out
    return table, len(steps) * MOST_BASE


def _some(columns: Sequence[Column]) -> list[Column]:
    """All columns, or MOST_COLUMNS of them, evenly spread."""
    step = max(1, len(columns) // MOST_COLUMNS)
    return list(columns[::step])


def _gap(column: Column) -> Cell:
    return math.nan if column.type in (ColumnType.NUMBER, ColumnType.INTEGER) else None


def _gaps(schema: Schema) -> list[tuple[str, Cell]]:
    return [(column.name, _gap(column)) for column in _some([column for column in schema.columns if column.nullable])]


def _categories(schema: Schema) -> list[tuple[str, Cell]]:
    changes: list[tuple[str, Cell]] = []
    for column in _some(
        [column for column in schema.columns if column.enum or column.categories or not is_free(column)]
    ):
        changes += [(column.name, value) for value in _known(column)]
        if column.enum is not None or column.type is ColumnType.BOOLEAN:
            continue
        if column.type is ColumnType.STRING:
            changes += [(column.name, text) for text in (_DAYS if column.format is Format.DATE else _other(column))]
        else:
            changes += [(column.name, number_cell(column, float(str(v)) + 0.5)) for v in _known(column)]
    return changes


def _other(column: Column) -> list[str]:
    texts = list(_UNSEEN)
    for value in (column.categories or ())[:3]:
        texts += [str(value).upper(), str(value).lower(), f"{value} ", f"{value}\u0301"]
    return [text.casefold() for text in texts] if column.case is Case.FOLD else texts


def _extremes(schema: Schema) -> list[tuple[str, Cell]]:
    free = _some([column for column in schema.columns if is_free(column)])
    return [(column.name, number_cell(column, value)) for column in free for value in _EXTREMES]


def _changed(row: Columns, changes: list[tuple[str, Cell]]) -> tuple[Columns, int]:
    """The rows with one change each."""
    table = {name: cells * len(changes) for name, cells in row.items()}
    for index, (name, value) in enumerate(changes):
        table[name][index] = value
    return table, len(changes)


def _many_gaps(schema: Schema, base: Columns) -> tuple[Columns, int]:
    random = np.random.default_rng(2)
    shares = np.linspace(0.05, 1.0, MOST_BASE)
    table: Columns = {}
    for column in schema.columns:
        cells = base[column.name]
        missing = (random.random(MOST_BASE) < shares) & column.nullable
        table[column.name] = [_gap(column) if gap else cell for cell, gap in zip(cells, missing.tolist(), strict=True)]
    return table, MOST_BASE


def _all_extreme(schema: Schema, base: Columns) -> tuple[Columns, int]:
    random = np.random.default_rng(3)
    table = dict(base)
    for column in schema.columns:
        if is_free(column):
            signs, powers = random.choice((-1.0, 1.0), MOST_BASE), random.uniform(-12, 15.9, MOST_BASE)
            table[column.name] = [number_cell(column, float(value)) for value in signs * 10.0**powers]
    return table, MOST_BASE


def _all_one_number(schema: Schema, row: Columns) -> tuple[Columns, int]:
    """A row for each extreme, with it in all columns that accept any number: its length is 0 where that is 0."""
    table = {name: cells * len(_EXTREMES) for name, cells in row.items()}
    for column in schema.columns:
        if is_free(column):
            table[column.name] = [number_cell(column, value) for value in _EXTREMES]
    return table, len(_EXTREMES)
