"""An Arrow stream as columns of cells, which `changeover/request/columns.py` checks as those of JSON.

Cells go from buffers to arrays and are never touched one by one; each distinct string becomes an object once. Functions
of pyarrow that import pandas (`pa.array`, `to_numpy`, `to_pandas`) are not used.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import types

from changeover.exceptions import NotArrow, UnpacksTooFar
from changeover.request.arrow_messages import check_messages
from changeover.request.validation_errors import ValidationErrors
from changeover.schema.cell_parsers import ColumnType
from changeover.schema.column import Column
from changeover.schema.formats import Format
from changeover.schema.schema import Schema

Array = npt.NDArray[Any]
Valid = npt.NDArray[np.bool_] | None  # None: no value is missing
_EXACT: Final = 2**53  # below it, every integer is a double
_INDEX: Final = "__index_level_"  # the column of an index without a name, as pandas writes it
_LONGEST_TYPE: Final = 60
_UNLIMITED: Final = 1 << 62  # bytes, of rows that no caller has sent
_DOUBLE: Final = pa.float64().id
_NUMBERS: Final = {  # by the id of the Arrow type
    **{getattr(pa, name)().id: np.dtype(name) for name in ("int8", "int16", "int32", "int64", "float16")},
    **{
        getattr(pa, name)().id: np.dtype(name) for name in ("uint8", "uint16", "uint32", "uint64", "float32", "float64")
    },
}


def read_arrow(body: bytes, schema: Schema, max_rows: int, max_bytes: int) -> dict[str, Array]:
    """The cells of each column, as an array.

    Raises NotArrow, TooManyRows, UnpacksTooFar past `max_bytes`, or RequestFaults for names that are there twice and for
    types that no column takes.
    """
    buffer = pa.py_buffer(body)
    try:
        check_messages(buffer, max_rows, max_bytes)
        with pa.ipc.open_stream(buffer, options=pa.ipc.IpcReadOptions(use_threads=False)) as stream:
            names = _checked_names(stream.schema, schema)
            batches = [batch for batch in stream if batch.num_rows]
        return _cells(batches, names, schema, _Budget(2 * max_bytes))  # as buffers, and as strings
    except (pa.ArrowException, OSError, OverflowError, ValueError) as error:
        raise NotArrow(f"the body is no Arrow stream that can be read: {str(error)[:200]}") from None


def batch_cells(batch: pa.RecordBatch, schema: Schema) -> dict[str, Array]:
    """The cells of each column of a record batch, by the same rules; raises NotArrow or RequestFaults."""
    try:
        names = _checked_names(batch.schema, schema)
        return _cells([batch] if batch.num_rows else [], names, schema, _Budget(_UNLIMITED))
    except (pa.ArrowException, OverflowError, ValueError) as error:
        raise NotArrow(f"the rows are no record batch that can be read: {str(error)[:200]}") from None


def _cells(batches: list[pa.RecordBatch], names: dict[int, str], schema: Schema, budget: "_Budget") -> dict[str, Array]:
    for batch in batches:
        batch.validate()  # its columns have as many cells as it has rows
    doubles = _doubles(batches, names, schema, budget)
    return {
        name: _column([batch.column(index) for batch in batches], schema.by_name.get(name), budget)
        if (cells := doubles.get(name)) is None
        else cells
        for index, name in names.items()
    }


class _Budget:
    """The bytes that the columns of a body may still take."""

    def __init__(self, limit: int) -> None:
        self._limit = self._left = limit

    def spend(self, size: int) -> None:
        """Raises UnpacksTooFar if there is not so much left."""
        self._left -= size
        if self._left < 0:
            raise UnpacksTooFar(self._limit)


def _checked_names(sent: pa.Schema, schema: Schema) -> dict[int, str]:
    """The names of columns by their index, without those to ignore; raises RequestFaults."""
    errors = ValidationErrors()
    names: dict[int, str] = {}
    seen: set[str] = set()
    for index, (name, kind) in enumerate(zip(sent.names, sent.types, strict=True)):
        if name in seen:
            errors.add(None, name, "the column is there twice")
        seen.add(name)
        if name in schema.by_name:
            if kind.id not in _NUMBERS and not _is_taken(kind):
                taken = "send numbers, booleans, strings, dates or times"
                errors.add(None, name, f"the Arrow type {str(kind)[:_LONGEST_TYPE]} is not taken: {taken}")
        elif name.startswith(_INDEX):
            continue
        names[index] = name
    if errors.any:
        raise errors.error()
    return names


def _is_taken(kind: pa.DataType) -> bool:
    if types.is_dictionary(kind):
        return _has_values(kind.value_type)
    return types.is_null(kind) or _has_values(kind)


def _has_values(kind: pa.DataType) -> bool:
    return kind.id in _NUMBERS or any(test(kind) for test in (_is_text, _is_time, types.is_boolean, types.is_decimal))


def _is_text(kind: pa.DataType) -> bool:
    return any(test(kind) for test in (types.is_string, types.is_large_string, types.is_string_view))


def _is_time(kind: pa.DataType) -> bool:
    return any(test(kind) for test in (types.is_date, types.is_timestamp))


def _doubles(batches: list[pa.RecordBatch], names: dict[int, str], schema: Schema, budget: _Budget) -> dict[str, Array]:
    """The cells of the columns of doubles, NaN for a missing one: one copy of all of them, not a call for each."""
    if not batches:
        return {}
    kinds = batches[0].schema.types
    indices = [
        index
        for index, name in names.items()
        if kinds[index].id == _DOUBLE and name in schema.by_name and schema.by_name[name].type is not ColumnType.STRING
    ]
    if not indices:
        return {}
    parts = []
    for batch in batches:
        some = batch.select(indices)
        budget.spend(some.get_total_buffer_size())
        some.validate(full=True)
        parts.append(np.asarray(memoryview(some.to_tensor(null_to_nan=True, row_major=False))).T)
    cells = parts[0] if len(parts) == 1 else np.hstack(parts)
    return dict(zip([names[index] for index in indices], cells, strict=True))


def _column(parts: list[pa.Array], column: Column | None, budget: _Budget) -> Array:
    """The cells of one column; of one that the schema does not know, as many empty ones."""
    if column is None:
        return np.zeros(sum(map(len, parts)), dtype=np.bool_)
    if not parts:
        return np.zeros(0)
    for part in parts:
        budget.spend(part.get_total_buffer_size())
        part.validate(full=True)
    read = [_values(part, column, budget) for part in parts]
    values = read[0][0] if len(read) == 1 else np.concatenate([part for part, _ in read])
    if all(valid is None for _, valid in read):
        return values
    valid = np.concatenate([np.ones(len(part), dtype=np.bool_) if some is None else some for part, some in read])
    return _with_missing(values, valid, column)


def _with_missing(values: Array, valid: npt.NDArray[np.bool_], column: Column) -> Array:
    """`values` with NaN for a missing number and None for any other missing value."""
    if column.type is ColumnType.STRING:
        values = values.astype(object)
    if values.dtype.kind in "iu":
        least, most = (int(find(values, where=valid, initial=0)) for find in (np.min, np.max))
        if least > -_EXACT and most < _EXACT:
            values = values.astype(np.float64)
    cells = values.copy() if values.dtype.kind == "f" else values.astype(object)
    cells[~valid] = np.nan if cells.dtype.kind == "f" else None
    return cells


def _values(array: pa.Array, column: Column, budget: _Budget) -> tuple[Array, Valid]:
    """The values of one array, and which of them are there; those that are missing may have any value."""
    kind = array.type
    if kind.id in _NUMBERS:
        return _numbers(array), _bits(array.is_valid()) if array.null_count else None
    if types.is_dictionary(kind):
        return _of_dictionary(array, column, budget)
    if types.is_null(kind):
        dtype = object if column.type in (ColumnType.STRING, ColumnType.BOOLEAN) else np.float64
        return np.zeros(len(array), dtype), np.zeros(len(array), np.bool_)
    valid = _bits(array.is_valid()) if array.null_count else None
    if types.is_boolean(kind):
        return _bits(array), valid
    if _is_text(kind):
        budget.spend(int(_sizes(array).sum()))  # before it is copied: strings may share their bytes
        encoded = array.dictionary_encode()
        texts, _ = _distinct(encoded.dictionary)
        if not len(texts):
            return np.zeros(len(array), object), valid
        return texts[_indices(encoded, valid)], valid
    if types.is_decimal(kind):
        return _numbers(array.cast(pa.float64())), valid
    return _times(array, valid, column), valid


def _of_dictionary(array: pa.DictionaryArray, column: Column, budget: _Budget) -> tuple[Array, Valid]:
    """The values by their index in the dictionary; a missing value has no index, or that of a missing one."""
    valid = _bits(array.is_valid()) if array.null_count else None
    indices, dictionary = _indices(array, valid), array.dictionary
    if _is_text(dictionary.type):
        sizes = _sizes(dictionary)
        if types.is_string_view(dictionary.type):
            budget.spend(int(sizes.sum()))
        if len(sizes):
            budget.spend(int(sizes[indices].sum()))
    values, values_valid = _distinct(dictionary) if _is_text(dictionary.type) else _values(dictionary, column, budget)
    if not len(values):
        return np.zeros(len(array), values.dtype), valid
    if values_valid is not None:
        valid = values_valid[indices] if valid is None else valid & values_valid[indices]
    return values[indices], valid


def _indices(array: pa.DictionaryArray, valid: Valid) -> Array:
    """The index in the dictionary of each value, 0 for a missing one."""
    indices = _numbers(array.indices)
    return indices if valid is None else np.where(valid, indices, 0)


def _distinct(dictionary: pa.Array) -> tuple[Array, Valid]:
    """The strings of a dictionary; the only ones that become objects."""
    texts = np.empty(len(dictionary), dtype=object)
    texts[:] = dictionary.to_pylist()
    return texts, _bits(dictionary.is_valid()) if dictionary.null_count else None


def _sizes(texts: pa.Array) -> npt.NDArray[np.int64]:
    """The bytes of each string."""
    start, end = texts.offset, texts.offset + len(texts)
    if types.is_string_view(texts.type):  # 16 bytes for each, first its size
        return np.frombuffer(texts.buffers()[1], np.int32)[4 * start : 4 * end : 4].astype(np.int64)
    offsets = np.frombuffer(texts.buffers()[1] or b"", np.int32 if types.is_string(texts.type) else np.int64)
    return np.diff(offsets[start : end + 1]).astype(np.int64)


def _numbers(array: pa.Array) -> Array:
    dtype = _NUMBERS[array.type.id]
    if not len(array):
        return np.zeros(0, dtype)
    return np.frombuffer(array.buffers()[1], dtype, len(array), array.offset * dtype.itemsize)


def _bits(array: pa.BooleanArray) -> npt.NDArray[np.bool_]:
    packed = np.frombuffer(array.buffers()[1], np.uint8)
    return np.unpackbits(packed, count=array.offset + len(array), bitorder="little")[array.offset :].view(np.bool_)


def _times(array: pa.Array, valid: Valid, column: Column) -> Array:
    """Dates and times as texts of ISO 8601; those of a zone in UTC."""
    kind = array.type
    if types.is_date32(kind):
        numbers, unit = _numbers(array.view(pa.int32())).astype(np.int64), "D"
    else:
        numbers, unit = _numbers(array.view(pa.int64())), kind.unit if types.is_timestamp(kind) else "ms"
    if valid is not None:
        numbers = np.where(valid, numbers, 0)
    times = numbers.view(f"M8[{unit}]")
    if column.format is Format.DATE and (times.astype("M8[D]") == times).all():
        times = times.astype("M8[D]")
    texts = np.datetime_as_string(times)
    return (np.char.add(texts, "Z") if getattr(kind, "tz", None) else texts).astype(object)
