"""The reader of requests by column: from lists of cells, or numpy arrays, to typed columns.

The fast path checks whole columns: numbers below 2^53 in size, or missing. It
gives the same cells as `changeover/request/decode.py` gives for the rows. The strict path parses cell by cell; it alone
writes error messages.
"""

import math
import struct
from collections.abc import Sequence
from functools import cached_property
from itertools import chain
from operator import itemgetter
from typing import Any, Final

import numpy as np

from changeover.exceptions import MOST_LISTED, AskOriginal, TooManyRows
from changeover.request.cells import Cells, Columns
from changeover.request.decode import Decoded
from changeover.request.normal_forms import unknown_name
from changeover.request.tensors import LARGEST, MISSING_TEXT, Numbers, Texts, as_fitted
from changeover.request.validation_errors import ValidationErrors
from changeover.schema.cell_parsers import BadCell, Case, Cell, ColumnType
from changeover.schema.column import Column
from changeover.schema.dtypes import integers_of
from changeover.schema.schema import Extra, Schema

_PLAIN: Final = frozenset({int, float, bool, type(None)})  # types of cells that a column of numbers takes as they are
_SQUARES: Final = LARGEST**2
_INEXACT: Final = int(LARGEST)


class TypedColumns:
    """The rows of one request: numbers below 2^53 in size or missing, booleans and strings, by column.

    `numbers` is float64[rows, k], NaN where a cell is missing; `strings` has a list of cells for each string column.
    """

    single: Final = False

    def __init__(self, schema: Schema, numbers: Numbers, strings: Sequence[Sequence[Cell]]) -> None:
        self.rows, self.numbers = len(numbers), numbers
        self._schema, self._strings = schema, strings

    @cached_property
    def columns(self) -> dict[str, list[Cell]]:
        """A list of cells for each column, as in `Decoded.columns`."""
        numeric, textual = self._schema.numbers_and_texts
        columns: dict[str, list[Cell]] = {name: [] for name in self._schema.by_name}
        for index, name in enumerate(numeric):
            columns[name] = _as_cells(self.numbers[:, index].tolist(), self._schema.by_name[name].type)
        for name, cells in zip(textual, self._strings, strict=True):
            columns[name] = list(cells)
        return columns

    def strings_by_column(self) -> Sequence[Sequence[Cell]]:
        """The cells of each string column, in the schema's order."""
        return self._strings

    def tensors(self) -> tuple[Numbers, Texts | None]:
        """The two tensors of an ONNX twin, and the errors, as in `changeover.request.tensors.tensors`."""
        numbers = as_fitted(self._schema, self.numbers)
        if not self._strings:
            return numbers, None
        texts = np.empty((self.rows, len(self._strings)), dtype=object)
        for index, cells in enumerate(self._strings):
            distinct = set(cells)
            if MISSING_TEXT in distinct:
                raise AskOriginal("a string equals the marker of a missing string")
            texts[:, index] = [MISSING_TEXT if cell is None else cell for cell in cells] if None in distinct else cells
        return numbers, texts


def _as_cells(numbers: list[float], kind: ColumnType) -> list[Cell]:
    if kind is ColumnType.INTEGER:
        return [int(number) if number == number else math.nan for number in numbers]  # NaN differs from itself
    if kind is ColumnType.BOOLEAN:
        return [bool(number) if number == number else None for number in numbers]
    return list(numbers)


class ColumnReader:
    """The reader of columns for one schema. Thread-safe."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        numeric, textual = ([schema.by_name[name] for name in names] for names in schema.numbers_and_texts)
        self._numeric, self._textual = numeric, textual
        self._numeric_names = tuple(column.name for column in numeric)
        self._kinds = ["b" if column.type is ColumnType.BOOLEAN else "biuf" for column in numeric]
        self._parsed = [index for index, column in enumerate(numeric) if not _takes_numbers_as_they_are(column)]
        self._never_missing = [index for index, column in enumerate(numeric) if not column.nullable]
        integers = [index for index, column in enumerate(numeric) if column.type is ColumnType.INTEGER]
        ranges = [integers_of(numeric[index].dtype) for index in integers]
        self._integers = integers
        self._least = np.array([max(values[0], -_INEXACT) for values in ranges], dtype=np.float64)
        self._most = np.array([min(values[-1], _INEXACT) for values in ranges], dtype=np.float64)

    def read(self, columns: Columns, max_rows: int) -> TypedColumns | Decoded:
        """The typed columns; raises RequestFaults, or TooManyRows past `max_rows`."""
        lengths = set(map(len, columns.values()))
        rows = max(lengths, default=0)
        if rows > max_rows:
            raise TooManyRows(rows, max_rows)
        others = len(columns) - len(self._schema.columns)
        typed = None
        if rows and len(lengths) == 1 and (others == 0 or (others > 0 and self._schema.extra is Extra.IGNORE)):
            typed = self._fast(columns, rows)
        return _strict(columns, rows, self._schema) if typed is None else typed

    def _fast(self, columns: Columns, rows: int) -> TypedColumns | None:
        """The typed columns, or None if the strict path has to decide: it says what is wrong."""
        try:
            numbers = self._numbers(list(map(columns.__getitem__, self._numeric_names)), rows)
            if not self._are_valid(numbers):
                return None
            strings = [_strings(columns[column.name], column) for column in self._textual]
        except (KeyError, ValueError, TypeError, OverflowError):  # of numpy, or of a column's parser: BadCell
            return None
        return TypedColumns(self._schema, np.ascontiguousarray(numbers.T), strings)

    def _numbers(self, parts: list[Cells], rows: int) -> Numbers:
        """float64[k, rows] of all columns of numbers and booleans; raises as its callers catch."""
        for index in self._parsed:
            cells = parts[index]
            if not isinstance(cells, np.ndarray):
                parts[index] = list(map(self._numeric[index].parse, cells))
            elif self._kinds[index] != "b" and self._numeric[index].enum is None and cells.dtype.kind in "iuf":
                continue  # its format is one of strings
            elif cells.dtype.kind != "b" or self._kinds[index] != "b":
                parts[index] = list(map(self._numeric[index].parse, cells.tolist()))
        if np.ndarray in set(map(type, parts)):
            return self._stacked(parts, rows)
        flat = list(chain.from_iterable(parts))
        if not _PLAIN.issuperset(map(type, flat)):  # a number as a string
            flat = [column.parse(cell) for column, part in zip(self._numeric, parts, strict=True) for cell in part]
        return _packed(flat).reshape(len(parts), rows)

    def _stacked(self, parts: list[Cells], rows: int) -> Numbers:
        """The same of parts among which are arrays."""
        numbers = np.empty((len(parts), rows))
        for index, part in enumerate(parts):
            if not isinstance(part, np.ndarray):
                plain = _PLAIN.issuperset(map(type, part))
                numbers[index] = part if plain else list(map(self._numeric[index].parse, part))  # type: ignore[assignment]
            elif part.dtype.kind in self._kinds[index]:
                numbers[index] = part
            else:
                raise ValueError("an array of another kind")
        return numbers

    def _are_valid(self, numbers: Numbers) -> bool:
        """Whether each of `numbers`, float64[k, rows], is below 2^53 in size or may be missing, and integers are such."""
        flat = numbers.reshape(-1)
        if not np.vdot(flat, flat) < _SQUARES:
            if np.count_nonzero(np.abs(flat) >= LARGEST):
                return False
            if self._never_missing and np.count_nonzero(np.isnan(numbers[self._never_missing])):
                return False
        if not self._integers:
            return True
        integers = numbers[self._integers]
        outside = (integers < self._least[:, None]) | (integers > self._most[:, None])  # NaN is neither
        broken = (np.floor(integers) != integers) & ~np.isnan(integers)
        return not np.count_nonzero(outside | broken)


def _packed(cells: list[Any]) -> Numbers:
    if not cells:
        return np.empty(0)
    try:
        return np.frombuffer(bytearray(struct.pack(f"{len(cells)}d", *cells)))  # a third of the time of np.array
    except struct.error:  # None, or an integer beyond a double
        return np.array(cells, dtype=np.float64)


def _takes_numbers_as_they_are(column: Column) -> bool:
    return column.type is not ColumnType.BOOLEAN and column.enum is None  # a format is one of strings


def _strings(cells: Cells, column: Column) -> Sequence[Cell]:
    """The cells of a column of strings; raises BadCell."""
    values = cells.tolist() if isinstance(cells, np.ndarray) else list(cells)
    plain = column.enum is None and column.format is None and column.case is Case.EXACT
    if plain and set(map(type, values)) <= ({str, type(None)} if column.nullable else {str}):
        return values
    parsed = {cell: column.parse(cell) for cell in set(values)}  # few are distinct
    return [parsed[cell] for cell in values]


def _strict(columns: Columns, rows: int, schema: Schema) -> Decoded:
    """The columns, parsed cell by cell; raises RequestFaults, ordered by row, then by the schema's columns."""
    _refuse_other_columns(columns, rows, schema)
    cells: dict[str, list[Cell]] = {}
    bad: list[tuple[int, str, str]] = []
    errors = ValidationErrors()
    for column in schema.columns:
        part = columns[column.name]
        values = part.tolist() if isinstance(part, np.ndarray) else list(part)
        try:
            cells[column.name] = list(map(column.parse, values))
        except BadCell:
            bad += _bad_cells(column, values, errors)
    for row, name, message in sorted(bad, key=itemgetter(0)):
        errors.add(row, name, message)
    if errors.any:
        raise errors.error()
    return Decoded(single=False, rows=rows, columns=cells)


def _bad_cells(column: Column, cells: Sequence[Any], errors: ValidationErrors) -> list[tuple[int, str, str]]:
    """The first bad cells of a column, as many as are listed; the others are counted in `errors`."""
    bad: list[tuple[int, str, str]] = []
    for row, cell in enumerate(cells):
        try:
            column.parse(cell)
        except BadCell as error:
            if len(bad) < MOST_LISTED:
                bad.append((row, column.name, str(error)))
            else:
                errors.count(1)
    return bad


def _refuse_other_columns(columns: Columns, rows: int, schema: Schema) -> None:
    """Raise RequestFaults for columns that are missing, unknown, or of another length."""
    errors = ValidationErrors()
    for name in schema.by_name:
        if name not in columns:
            errors.add(None, name, "the column is missing")
    for name, cells in columns.items():
        if name not in schema.by_name and schema.extra is Extra.FORBID:
            errors.add(None, name, "" if errors.full else unknown_name(name, schema.by_name))
        elif len(cells) != rows:
            errors.add(None, name, f"the column has {len(cells)} values, the longest has {rows}")
    if errors.any:
        raise errors.error()
