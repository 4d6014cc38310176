"""The fast path from request bytes to typed cells: parsers made from the schema, without a dict for each row.

It handles an object, an array of objects or of arrays, and pandas' column forms, if msgspec or a column's parser accepts each cell. For
these it returns the same cells as `changeover/request/decode.py`. It returns None for anything else, and for every
validation error: the strict path alone writes error messages.
"""

import math
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property, lru_cache
from itertools import chain
from operator import itemgetter
from types import GenericAlias
from typing import Annotated, Any, Final, NamedTuple

import msgspec
import numpy as np
from msgspec.structs import astuple

from changeover.exceptions import AskOriginal
from changeover.request.array_rows import takes_array_rows
from changeover.request.pandas_forms import SPLIT_KEYS
from changeover.request.parts import LARGE, first_of_row, parts
from changeover.request.row_types import SCALAR, kind_of, struct_of
from changeover.request.strict_json import may_repeat_keys
from changeover.request.tensors import LARGEST, MISSING_TEXT, Numbers, Texts, as_fitted
from changeover.schema.cell_parsers import Case, Cell, ColumnType, Parser
from changeover.schema.schema import Extra, Schema

MOST_COLUMNS: Final = 256  # msgspec finds a field name by a linear search
_SQUARES: Final = LARGEST**2
_ORDERS: Final = 4  # orders of columns whose parsers are kept
_Label = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)] | str


Row = tuple[Cell, ...]


class TypedRows:
    """The rows of one request: numbers below 2^53 in size or missing, booleans and strings, in the schema's order.

    `numbers` is float64[rows, k], NaN where a cell is missing.
    """

    def __init__(
        self, schema: Schema, numbers: Numbers, flat: list[Cell], strings: list[Cell], *, single: bool
    ) -> None:
        self.single, self.rows, self.numbers = single, len(numbers), numbers
        self.schema, self.flat, self.strings = schema, flat, strings

    @classmethod
    def joined(cls, several: Sequence["TypedRows"]) -> "TypedRows":
        """The rows of several requests of one schema."""
        numbers = np.concatenate([rows.numbers for rows in several])
        flat = list(chain.from_iterable(rows.flat for rows in several))
        strings = list(chain.from_iterable(rows.strings for rows in several))
        return cls(several[0].schema, numbers, flat, strings, single=False)

    @cached_property
    def columns(self) -> dict[str, list[Cell]]:
        """A list of cells for each column, as in `Decoded.columns`."""
        numeric, textual = self.schema.numbers_and_texts
        columns: dict[str, list[Cell]] = {name: [] for name in self.schema.by_name}
        for index, name in enumerate(numeric):
            kind = self.schema.by_name[name].type
            if kind is ColumnType.NUMBER:
                columns[name] = self.numbers[:, index].tolist()
                continue
            cells = self.flat[index :: len(numeric)]
            is_number = kind is not ColumnType.BOOLEAN
            columns[name] = [math.nan if cell is None else cell for cell in cells] if is_number else cells
        for index, name in enumerate(textual):
            columns[name] = self.strings[index :: len(textual)]
        return columns

    def strings_by_column(self) -> list[list[Cell]]:
        """The cells of each string column, in the schema's order."""
        width = len(self.schema.numbers_and_texts[1])
        return [self.strings[index::width] for index in range(width)]

    def tensors(self) -> tuple[Numbers, Texts | None]:
        """The two tensors of an ONNX twin, and the errors, as in `changeover.request.tensors.tensors`."""
        numbers = as_fitted(self.schema, self.numbers)
        if not self.strings:
            return numbers, None
        if MISSING_TEXT in self.strings:
            raise AskOriginal("a string equals the marker of a missing string")
        strings = np.empty(len(self.strings), dtype=object)
        strings[:] = [MISSING_TEXT if cell is None else cell for cell in self.strings]
        return numbers, strings.reshape(self.rows, -1)


class _RowParser(NamedTuple):
    """The decoder of an array of rows, and the getters of the numeric and the string cells in the tuple of a row."""

    decoder: msgspec.json.Decoder[Any]
    numbers: Callable[[Row], Row]
    strings: Callable[[Row], Row]


class _Split(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    columns: list[str]
    data: msgspec.Raw
    index: list[_Label] | msgspec.UnsetType = msgspec.UNSET


_SPLIT: Final = msgspec.json.Decoder(_Split)


class FastReader:
    """The fast parser of requests for one schema. Thread-safe."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._numeric, self._textual = schema.numbers_and_texts
        self._number_parsers = _parsers(schema, self._numeric)
        self._string_parsers = _parsers(schema, self._textual)
        self._never_missing = [
            index
            for index, name in enumerate(self._numeric)
            if schema.by_name[name].type is ColumnType.NUMBER and not schema.by_name[name].nullable
        ]
        self._names = tuple(schema.by_name)
        fields = [(f"c{index}", kind_of(column)) for index, column in enumerate(schema.columns)]
        self._row = msgspec.defstruct("Row", fields, array_like=True, gc=False)
        self._parser = lru_cache(_ORDERS)(self._parser_of)
        self._forms: list[Callable[[bytes], TypedRows]] = []
        if schema.extra is not Extra.FORBID:
            return  # a duplicate key among ignored fields would not be noticed
        if len(schema.columns) <= MOST_COLUMNS and self._prepare_objects():
            self._forms += [self._objects, self._columns]
        if SPLIT_KEYS.isdisjoint(schema.by_name):
            self._forms.append(self._split)
        if takes_array_rows(schema):
            self._forms.append(self._arrays)

    def read(self, body: bytes) -> TypedRows | None:
        """The rows in `body`, or None if the fast path does not handle it."""
        if len(body) >= LARGE and (rows := self._in_parts(body)) is not None:
            return rows
        for form in self._forms:
            try:
                return form(body)
            except (ValueError, OverflowError):  # of msgspec or of a column's parser: BadCell is a ValueError
                continue
        return None

    def read_arrays(self, body: bytes, names: tuple[str, ...]) -> TypedRows | None:
        """The rows in an array of arrays with the cells of the columns `names`, or None as `read`."""
        try:
            parser = self._parser(names)
            return self._typed(parser.decoder.decode(body), parser, body, single=False)
        except (ValueError, OverflowError):
            return None

    def read_row(self, columns: Mapping[str, Iterable[Any]]) -> TypedRows | None:
        """The row of columns with one cell each, or None if the fast path does not handle them."""
        if len(columns) != len(self._names) or self._schema.extra is not Extra.FORBID:
            return None
        try:
            cells = [cell for (cell,) in map(columns.__getitem__, self._names)]
            row = astuple(msgspec.convert(cells, self._row, strict=False))
            null = None in row and any(type(cell) is str and cell.lower() == "null" for cell in cells)
            return self._typed([row], self._parser(self._names), b'"null"' if null else b"", single=False)
        except (KeyError, ValueError, OverflowError):
            return None

    def _in_parts(self, body: bytes) -> TypedRows | None:
        """The rows of a large array, read in parts; None for everything else, and if a part is no array of rows."""
        first = first_of_row(body)
        form = self._objects if first == b"{" else self._arrays
        if not first or form not in self._forms:
            return None
        try:
            return TypedRows.joined([form(part) for part in parts(body, first)])
        except (ValueError, OverflowError):
            return None

    def _prepare_objects(self) -> bool:
        """Make the decoders of objects whose keys are names of columns; False if msgspec cannot spell a name."""
        kinds = [kind_of(column) for column in self._schema.columns]
        lists_or_objects = [GenericAlias(list, kind) | GenericAlias(dict, (str, kind)) for kind in kinds]
        try:
            row, columns = struct_of(self._names, kinds), struct_of(self._names, lists_or_objects)
        except ValueError:  # a name with a quote, a backslash or a control character
            return False
        self._one: msgspec.json.Decoder[Any] = msgspec.json.Decoder(row, strict=False)
        self._by_column: msgspec.json.Decoder[Any] = msgspec.json.Decoder(columns, strict=False)
        self._many = self._row_parser(row, self._names)
        return True

    def _objects(self, body: bytes) -> TypedRows:
        """The rows of an object or of an array of objects; raises ValueError or OverflowError, as the other forms."""
        single = body[:1] == b"{"
        rows = list(map(astuple, [self._one.decode(body)] if single else self._many.decoder.decode(body)))
        if may_repeat_keys(body, len(rows) * len(self._schema.columns)):
            raise ValueError("a key may be there twice")
        return self._typed(rows, self._many, body, single=single)

    def _columns(self, body: bytes) -> TypedRows:
        """The rows of an object of columns, which are all lists, or all objects with the same labels."""
        columns = astuple(self._by_column.decode(body))
        keys = len(columns)
        if set(map(type, columns)) == {dict}:
            labels = list(columns[0])
            if any(list(column) != labels for column in columns):
                raise ValueError("other labels, or in another order")
            keys += keys * len(labels)
            columns = tuple(column.values() for column in columns)
        if may_repeat_keys(body, keys):
            raise ValueError("a key may be there twice, or lists and objects are mixed")
        rows = list(zip(*columns, strict=True))
        return self._typed(rows, self._many, body, single=False)

    def _split(self, body: bytes) -> TypedRows:
        """The rows of pandas' split form."""
        split = _SPLIT.decode(body)
        if may_repeat_keys(body, 2 + (split.index is not msgspec.UNSET)):
            raise ValueError("a key may be there twice")
        parser = self._parser(tuple(split.columns))
        return self._typed(parser.decoder.decode(split.data), parser, body, single=False)

    def _arrays(self, body: bytes) -> TypedRows:
        """The rows of an array of arrays, whose cells are in the order of the schema."""
        rows = self.read_arrays(body, self._names)
        if rows is None:
            raise ValueError("no arrays of such cells")
        return rows

    def _parser_of(self, names: tuple[str, ...]) -> _RowParser:
        """The parser of rows as arrays with the cells of the columns `names`, in this order."""
        if len(names) != len(self._names) or set(names) != self._schema.by_name.keys():
            raise ValueError("other columns")
        kinds = tuple(kind_of(self._schema.by_name[name]) for name in names)
        return self._row_parser(GenericAlias(tuple, kinds), names)

    def _row_parser(self, row: Any, names: Sequence[str]) -> _RowParser:
        """The parser of an array of rows of this type, whose cells are in the order of `names`."""
        index = {name: position for position, name in enumerate(names)}
        return _RowParser(
            msgspec.json.Decoder(GenericAlias(list, row), strict=False),
            _getter([index[name] for name in self._numeric]),
            _getter([index[name] for name in self._textual]),
        )

    def _typed(self, rows: Sequence[Row], parser: _RowParser, body: bytes, *, single: bool) -> TypedRows:
        if not rows:
            raise ValueError("no rows")
        flat = _cells(parser.numbers, rows, self._number_parsers)
        try:
            numbers = np.frombuffer(bytearray(struct.pack(f"{len(flat)}d", *flat)))  # a third of the time of np.array
        except struct.error:  # None, or an integer beyond a double
            if b'"null"' in body.lower():  # msgspec reads this string as None, too
                raise ValueError("a string may have been read as null") from None
            numbers = np.array(flat, dtype=np.float64)
        numbers = numbers.reshape(len(rows), -1)
        if not np.vdot(numbers, numbers) < _SQUARES and not self._only_missing(numbers):
            raise ValueError("an inexact number, or a missing value where none is allowed")
        strings = _cells(parser.strings, rows, self._string_parsers)
        return TypedRows(self._schema, numbers, flat, strings, single=single)

    def _only_missing(self, numbers: Numbers) -> bool:
        """Whether every cell that is no number below 2^53 is a missing value in a nullable column."""
        missing = np.isnan(numbers)
        if np.count_nonzero(np.abs(numbers) >= LARGEST) or np.count_nonzero(np.signbit(numbers[missing])):
            return False  # msgspec reads "-nan" as a missing value, the strict path does not
        return not self._never_missing or not np.count_nonzero(missing[:, self._never_missing])


def _parsers(schema: Schema, names: Sequence[str]) -> list[tuple[int, Parser]]:
    """The parsers of the columns, by their indices in `names`, whose cells msgspec cannot check by itself."""
    return [
        (index, column.parse)
        for index, column in enumerate(schema.by_name[name] for name in names)
        if kind_of(column) is SCALAR or column.enum is not None or column.format is not None or column.case is Case.FOLD
    ]


def _getter(indices: Sequence[int]) -> Callable[[Row], Row]:
    """A getter of these cells of a row, as a tuple also of one or none."""
    if len(indices) > 1:
        return itemgetter(*indices)
    return lambda row: tuple(row[index] for index in indices)


def _cells(take: Callable[[Row], Row], rows: Sequence[Row], parsers: Sequence[tuple[int, Parser]]) -> list[Cell]:
    """The cells of all rows, row by row, each of `parsers` applied to its column."""
    if len(rows) == 1:  # half the time of the way for several
        flat = list(take(rows[0]))
        for index, parse in parsers:
            flat[index] = parse(flat[index])
        return flat
    flat = list(chain.from_iterable(map(take, rows)))
    width = len(flat) // len(rows)
    for index, parse in parsers:
        flat[index::width] = map(parse, flat[index::width])
    return flat
