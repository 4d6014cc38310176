"""Arrow arrays from buffers: `pa.array` would import pandas, which no process with a listening socket does."""

from collections.abc import Iterable, Sequence
from itertools import accumulate, chain
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa


def validity(values: Sequence[object]) -> pa.Buffer | None:
    """The bits of the values that are not None, or None if all are there."""
    there = [value is not None for value in values]
    return None if all(there) else bits(there)


def bits(values: Sequence[bool]) -> pa.Buffer:
    """A bit for each value."""
    return pa.py_buffer(np.packbits(np.array(values, dtype=np.bool_), bitorder="little"))


def offsets(lengths: Iterable[int]) -> pa.Buffer:
    """Where each part of these lengths begins, and where the last one ends."""
    return pa.py_buffer(np.fromiter(chain((0,), accumulate(lengths)), dtype=np.int32))


def boolean_array(values: Sequence[bool], valid: pa.Buffer | None) -> pa.Array:
    """Booleans; `valid` says which of them are there."""
    return pa.Array.from_buffers(pa.bool_(), len(values), [valid, bits(values)])


def number_array(numbers: npt.NDArray[Any], kind: pa.DataType, valid: pa.Buffer | None = None) -> pa.Array:
    """The numbers of a contiguous array as those of the type `kind`, which has the same dtype."""
    return pa.Array.from_buffers(kind, len(numbers), [valid, pa.py_buffer(numbers)])


def text_array(texts: Sequence[str], valid: pa.Buffer | None) -> pa.Array:
    """Strings; `valid` says which of them are there."""
    encoded = [text.encode() for text in texts]
    buffers = [valid, offsets(map(len, encoded)), pa.py_buffer(b"".join(encoded))]
    return pa.Array.from_buffers(pa.string(), len(texts), buffers)


def list_array(inner: pa.Array, lengths: Sequence[int], kind: pa.DataType, valid: pa.Buffer | None) -> pa.Array:
    """Lists of these lengths, of the values of `inner` one after another."""
    return pa.Array.from_buffers(kind, len(lengths), [valid, offsets(lengths)], children=[inner])
