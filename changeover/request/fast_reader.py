"""The fast path from request bytes to typed cells: one parser made from the schema, without dicts.

It handles an object or an array of objects whose cells are checked by msgspec or by a column's parser. For these it
returns the same cells as `changeover/request/decode.py`. It returns None for anything else, and for every validation
error: the strict path alone writes error messages.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property, partial
from itertools import chain
from operator import attrgetter
from typing import Any, Final, cast

import msgspec
import numpy as np

from changeover.exceptions import AskOriginal
from changeover.request.strict_json import may_repeat_keys
from changeover.request.tensors import LARGEST, MISSING_TEXT, Numbers, Texts
from changeover.schema.bulk_parsers import Cells, read_column
from changeover.schema.cell_parsers import Case, Cell, ColumnType, Parser
from changeover.schema.column import Column
from changeover.schema.schema import Extra, Schema

MOST_COLUMNS: Final = 256  # msgspec finds a field name by a linear search
_SQUARES: Final = LARGEST**2
_SCALAR: Final = str | int | float | bool | None
Row = tuple[Cell, ...]
Read = Callable[[list[Any]], Cells]


class TypedRows:
    """The rows of one request: numbers below 2^53 in size or missing, booleans and strings, in the schema's order.

    `numbers` is float64[rows, k], NaN where a cell is missing.
    """

    def __init__(self, schema: Schema, numbers: Numbers, flat: list[Cell], texts: list[Cell], *, single: bool) -> None:
        self.single, self.rows, self.numbers = single, len(numbers), numbers
        self._schema, self._flat, self._texts = schema, flat, texts

    @cached_property
    def columns(self) -> dict[str, list[Cell]]:
        """A list of cells for each column, as in `Decoded.columns`."""
        numeric, textual = self._schema.numbers_and_texts
        found: dict[str, list[Cell]] = {}
        for place, name in enumerate(numeric):
            kind = self._schema.by_name[name].type
            if kind is ColumnType.NUMBER:
                found[name] = self.numbers[:, place].tolist()
                continue
            cells = self._flat[place :: len(numeric)]
            found[name] = cells if kind is ColumnType.BOOLEAN else [math.nan if one is None else one for one in cells]
        for place, name in enumerate(textual):
            found[name] = self._texts[place :: len(textual)]
        return {name: found[name] for name in self._schema.by_name}

    def tensors(self) -> tuple[Numbers, Texts | None]:
        """The two tensors of an ONNX twin, and the errors, as in `changeover.request.tensors.tensors`."""
        if not self._texts:
            return self.numbers, None
        if MISSING_TEXT in self._texts:
            raise AskOriginal("a string equals the marker of a missing string")
        texts = np.empty(len(self._texts), dtype=object)
        texts[:] = [MISSING_TEXT if cell is None else cell for cell in self._texts]
        return self.numbers, texts.reshape(self.rows, -1)


class TypedReader:
    """The fast parser of requests for one schema. Thread-safe."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._one: msgspec.json.Decoder[Any] | None = None
        self._width = len(schema.columns)
        if self._width > MOST_COLUMNS or schema.extra is not Extra.FORBID:
            return  # a duplicate key among ignored fields would not be noticed
        fields = {column.name: f"c{place}" for place, column in enumerate(schema.columns)}
        try:
            row = msgspec.defstruct(
                "Row",
                [(fields[column.name], _kind(column)) for column in schema.columns],
                rename={field: name for name, field in fields.items()},
                forbid_unknown_fields=True,
                gc=False,
            )
        except ValueError:  # a name with a quote, a backslash or a control character
            return
        self._one = msgspec.json.Decoder(row, strict=False)
        self._many = msgspec.json.Decoder(list[row], strict=False)  # type: ignore[valid-type]  # made just now
        numeric, textual = schema.numbers_and_texts
        self._numbers_of = _getter([fields[name] for name in numeric])
        self._texts_of = _getter([fields[name] for name in textual])
        self._read_numbers = _reads(schema, numeric)
        self._read_texts = _reads(schema, textual)
        self._never_missing = [
            place
            for place, name in enumerate(numeric)
            if schema.by_name[name].type is ColumnType.NUMBER and not schema.by_name[name].nullable
        ]

    def read(self, body: bytes) -> TypedRows | None:
        """The rows in `body`, or None if the fast path does not handle it."""
        if self._one is None:
            return None
        single = body[:1] == b"{"
        try:
            rows = [self._one.decode(body)] if single else self._many.decode(body)
            if not rows or may_repeat_keys(body, len(rows) * self._width):
                return None
            return self._typed(rows, body, single=single)
        except (ValueError, OverflowError):  # of msgspec or of a column's parser: BadCell is a ValueError
            return None

    def _typed(self, rows: Sequence[object], body: bytes, *, single: bool) -> TypedRows | None:
        flat = _cells(self._numbers_of, rows, self._read_numbers)
        numbers = np.array(flat, dtype=np.float64).reshape(len(rows), -1)
        if not np.vdot(numbers, numbers) < _SQUARES and not self._only_gaps(numbers, body):
            return None
        return TypedRows(self._schema, numbers, flat, _cells(self._texts_of, rows, self._read_texts), single=single)

    def _only_gaps(self, numbers: Numbers, body: bytes) -> bool:
        """Whether every cell that is no number below 2^53 is a null in a nullable column."""
        if np.count_nonzero(np.abs(numbers) >= LARGEST):  # NaN is not
            return False
        told = body.lower()
        if b"-nan" in told or b'"null"' in told:  # msgspec reads these as missing values, the strict path does not
            return False
        return not self._never_missing or not np.count_nonzero(np.isnan(numbers[:, self._never_missing]))


def _kind(column: Column) -> Any:
    """The msgspec type for cells of `column`."""
    if column.type is ColumnType.STRING:
        return str | None if column.nullable else str
    if column.format is not None or column.enum is not None or column.type is ColumnType.BOOLEAN:
        return _SCALAR
    plain = float if column.type is ColumnType.NUMBER else int
    return plain | None if column.nullable else plain


def _reads(schema: Schema, names: Iterable[str]) -> list[tuple[int, Parser, Read]]:
    """The columns, by their indices in `names`, whose cells msgspec cannot check by itself."""
    return [
        (place, column.parse, partial(read_column, column.read_many, column.parse))
        for place, column in enumerate(schema.by_name[name] for name in names)
        if _kind(column) is _SCALAR or column.enum is not None or column.format is not None or column.case is Case.FOLD
    ]


def _getter(fields: Sequence[str]) -> Callable[[object], Row]:
    if not fields:
        return lambda _row: ()
    if len(fields) > 1:
        return cast("Callable[[object], Row]", attrgetter(*fields))
    get: Callable[[object], Cell] = attrgetter(fields[0])
    return lambda row: (get(row),)


def _cells(
    take: Callable[[object], Row], rows: Sequence[object], reads: Sequence[tuple[int, Parser, Read]]
) -> list[Cell]:
    """The cells of all rows, row by row, each read by its column's parser."""
    if len(rows) == 1:
        flat = list(take(rows[0]))
        for place, parse, _ in reads:
            flat[place] = parse(flat[place])
        return flat
    flat = list(chain.from_iterable(map(take, rows)))
    width = len(flat) // len(rows)
    for place, _, read in reads:
        flat[place::width] = read(flat[place::width])
    return flat
