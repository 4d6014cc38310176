"""Random rows for a model, typed and as request bodies: within its ranges, beyond them, with nulls, at thresholds.

Each body is written from a typed row, in any spelling that the schema allows. The code that writes bodies shares nothing
with the code that reads them, so the typed row is the expected meaning. Columns are numbers or strings.
"""

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from benchmarks.peers.models import Trained
from changeover.demo.generate import generate
from changeover.estimator.inputs import features
from changeover.estimator.training_frame import read_frame
from changeover.json_types import Json
from changeover.onnx_twin.equivalence.threshold_rows import at_thresholds
from changeover.schema.cell_parsers import Case, Cell, ColumnType
from changeover.schema.formats import Format
from changeover.schema.schema import Column, Schema

Columns = dict[str, list[Cell]]
Floats = npt.NDArray[np.float64]

SHARES: Final = {  # of all rows; the others are within the ranges
    "near a known row": 0.2,
    "beyond the ranges": 0.15,
    "with nulls": 0.15,
    "extreme": 0.05,
    "at thresholds of trees": 0.1,
    "where the label changes": 0.05,
}
SHARE_ASKED_SINGLY: Final = 0.01
MOST_IN_A_BATCH: Final = 1_000
_NULLS: Final[tuple[Json, ...]] = (None, "nan", "NaN", "", " ")
_LONGEST_DIGITS: Final = 60  # of an amount of money: at most 64 characters with its signs
_UNKNOWN: Final = ("never seen", "", " ", "nan", "None", "0", "Élan", "\u4e2d\U0001f600")
_HALVINGS: Final = 70


@dataclass(frozen=True)
class Known:
    """A fitted model with a sample of typed rows that resemble its training data."""

    name: str
    estimator: Any
    schema: Schema
    sample: Columns


def known(name: str, trained: Trained) -> Known:
    """The model with a sample of typed rows that resemble its training data."""
    schema = Schema.from_json(trained.said.schema)
    sample = read_frame(generate(500, seed=2), schema) if name == "segmentation" else trained.typed
    columns: Columns = {}
    for column in schema.columns:
        cells = sample[column.name].tolist()
        texts = column.type is ColumnType.STRING
        columns[column.name] = [None if texts and cell != cell else cell for cell in cells]
    return Known(name, trained.estimator, schema, columns)


@dataclass(frozen=True)
class Asked:
    """One request: `body` is the JSON, `columns` are its typed cells, `what` is the kind of its rows."""

    what: str
    columns: Columns
    rows: int
    body: Json


def draw(known: Known, rows: int, seed: int) -> Iterator[Asked]:
    """Requests with `rows` rows in total; equal seeds give equal requests."""
    drawing, left = _Drawing(known, seed), rows
    for what in (*SHARES, "within the ranges"):
        columns, count = drawing.rows_of(what, round(SHARES[what] * rows) if what in SHARES else left)
        left -= count
        start = 0
        singly = max(1, round(SHARE_ASKED_SINGLY * count))
        while start < count:
            size = 1 if start < singly else min(count - start, drawing.chance.randint(2, MOST_IN_A_BATCH))
            own = {name: cells[start : start + size] for name, cells in columns.items()}
            yield Asked(what, own, size, drawing.body(own, size, single=start < singly))
            start += size


class _Drawing:
    def __init__(self, known: Known, seed: int) -> None:
        self._known, self.chance = known, random.Random(seed)
        self._numbers = np.random.default_rng(seed)
        self._ranges = {column.name: _range(column, known.sample[column.name]) for column in known.schema.columns}

    def rows_of(self, what: str, count: int) -> tuple[Columns, int]:
        """Typed rows of one kind, and their number."""
        schema = self._known.schema
        if what == "at thresholds of trees":
            base, many = self.rows_of("within the ranges", max(50, count // 10))
            batches = at_thresholds(self._known.estimator, schema, base, many, count)
            if batches:
                return batches[0].columns, batches[0].rows
            what = "within the ranges"  # there are no trees
        if what == "where the label changes":
            return self._where_the_label_changes(count)
        drawn_columns: Columns = {}
        for column in schema.columns:
            if column.type is ColumnType.STRING:
                drawn_columns[column.name] = self._texts(column, count, 0.4 if what == "beyond the ranges" else 0.05)
            else:
                drawn_columns[column.name] = self._draw_numbers(column, what, count)
            if what == "with nulls" and column.nullable:
                null = None if column.type is ColumnType.STRING else math.nan
                cells = drawn_columns[column.name]
                drawn_columns[column.name] = [null if self.chance.random() < 0.3 else cell for cell in cells]
        return drawn_columns, count

    def _draw_numbers(self, column: Column, what: str, count: int) -> list[Cell]:
        low, high = self._ranges[column.name]
        width = (high - low) or 1.0
        drawn: Floats = self._numbers.uniform(low, high, count)
        if what == "near a known row":
            known = np.array(self._known.sample[column.name], dtype=np.float64)
            known = np.where(np.isnan(known), low, known)
            drawn = self._numbers.choice(known, count) + self._numbers.normal(size=count) * 1e-3 * width
        elif what == "beyond the ranges":
            drawn = low + width * self._numbers.normal(size=count) * 10
        elif what == "extreme":
            drawn = self._numbers.choice((-1.0, 1.0), count) * 10.0 ** self._numbers.uniform(-300, 17, count)
        if column.format in (Format.CURRENCY, Format.PERCENT) and self.chance.random() < 0.5:
            drawn = np.round(drawn, 2)
        return list[Cell](drawn.tolist())

    def _texts(self, column: Column, count: int, unknown: float) -> list[Cell]:
        listed = [str(value) for value in column.enum or column.categories or ()]
        others = [text.casefold() for text in _UNKNOWN] if column.case is Case.FOLD else list(_UNKNOWN)
        others = others if column.enum is None else listed
        pick = self.chance.choice
        return [pick(others) if not listed or self.chance.random() < unknown else pick(listed) for _ in range(count)]

    def _where_the_label_changes(self, count: int) -> tuple[Columns, int]:
        """Pairs of neighbouring rows with different labels, found by bisection between two random rows."""
        schema = self._known.schema
        base, many = self.rows_of("within the ranges", 4 * max(1, count // 2))
        names = [column.name for column in schema.columns if column.type is not ColumnType.STRING]
        table = np.array([base[name] for name in names], dtype=np.float64).T

        def labels(rows: Floats, texts_of: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
            inputs = {name: [base[name][index] for index in texts_of.tolist()] for name in base}
            inputs |= {name: list[Cell](rows[:, index].tolist()) for index, name in enumerate(names)}
            return np.asarray(self._known.estimator.predict(features(self._known.estimator, schema, inputs)))

        here = np.arange(many)
        there = self._numbers.permutation(many)
        wanted = labels(table, here)
        ways = np.flatnonzero(wanted != labels(table[there], here))[: count // 2]
        here, low, high = here[ways], table[ways], table[there[ways]]
        for _ in range(_HALVINGS if len(ways) else 0):
            middle = low + (high - low) / 2
            same = (labels(middle, here) == wanted[here])[:, None]
            low, high = np.where(same, middle, low), np.where(same, high, middle)
        drawn_columns: Columns = {name: [base[name][index] for index in here.tolist() * 2] for name in base}
        drawn_columns |= {name: [*low[:, index].tolist(), *high[:, index].tolist()] for index, name in enumerate(names)}
        return drawn_columns, 2 * len(ways)

    def body(self, columns: Columns, rows: int, *, single: bool) -> Json:
        """A request body for typed `columns` with random column order, form and spelling."""
        names = self.chance.sample(list(columns), len(columns))
        written: dict[str, list[Json]] = {}
        plainly = self.chance.random() < 0.3
        for name in names:
            write = _writer(self._known.schema.by_name[name], self.chance, plainly=plainly)
            written[name] = [write(cell) for cell in columns[name]]
        if single:
            return {name: cells[0] for name, cells in written.items()}
        form = self.chance.choice(["rows", "rows", "split", "lists"])
        if form == "lists" and rows > 1:
            return {name: cells for name, cells in written.items()}  # noqa: C416  a dict of another type
        data = list(zip(*written.values(), strict=True))
        if form == "split":
            return {"columns": list[Json](names), "data": [list(row) for row in data]}
        return [dict(zip(names, row, strict=True)) for row in data]


def _range(column: Column, sample: list[Cell]) -> tuple[float, float]:
    least, greatest = column.range or (None, None)
    if isinstance(least, int | float) and isinstance(greatest, int | float):
        return float(least), float(greatest)
    present = [float(cell) for cell in sample if isinstance(cell, int | float) and cell == cell]
    return min(present, default=0.0), max(present, default=1.0)


def _writer(column: Column, chance: random.Random, *, plainly: bool) -> Callable[[Cell], Json]:
    """A function that writes a typed cell of `column`; with `plainly`, as a JSON number or as the listed category."""
    if column.type is ColumnType.STRING:
        return lambda cell: cell if plainly or cell is None else _text(str(cell), column, chance)
    spellings = {Format.CURRENCY: _money, Format.PERCENT: _percentage}.get(column.format or Format.DATE, _number)

    def write(cell: Cell) -> Json:
        value = float(str(cell))
        if value != value:
            return None if plainly else chance.choice(_NULLS)
        if plainly or chance.random() < 0.2:
            return value
        return spellings(value, chance)

    return write


def _text(text: str, column: Column, chance: random.Random) -> str:
    if column.case is not Case.FOLD:
        return text
    spelt = chance.choice([text, text, text.upper(), text.lower(), text.swapcase()])
    return spelt if spelt.casefold() == text.casefold() else text


def _number(value: float, chance: random.Random) -> str:
    return chance.choice([repr(value), f"{value:+.16e}", f" {value!r} ", f"{value:.17g}"])


def _decimal(value: float) -> tuple[str, str]:
    """The absolute value in decimals that read back as the same double; with and without commas."""
    exact = abs(Decimal(repr(value)))
    return f"{exact:,f}", f"{exact:f}"


def _money(value: float, chance: random.Random) -> str:
    digits, sign = chance.choice(_decimal(value)), chance.choice("$€£")
    if len(digits) > _LONGEST_DIGITS:
        return repr(value)
    if math.copysign(1.0, value) < 0:
        return chance.choice([f"({sign}{digits})", f"({digits})", f"-{sign}{digits}", f"{sign}-{digits}", f"-{digits}"])
    return chance.choice([f"{sign}{digits} ", f"{sign} {digits}", f"+{sign}{digits}", f" {digits}", digits])


def _percentage(value: float, chance: random.Random) -> str:
    return chance.choice(
        [f"{value!r}%", f"{value!r} %", f" {_decimal(abs(value))[1]}%" if value > 0 else f"{value!r}%"]
    )
