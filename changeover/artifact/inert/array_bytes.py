"""The size of an array whose bytes follow in a joblib file, from the inert records of its dtype and shape."""

import math
import re
from typing import Any, Final

import numpy as np

from changeover.artifact.inert.record import Record, is_a
from changeover.exceptions import UnreadableArtifact

_PLAIN: Final = re.compile(r"[<>|=]?[?b-zA-Z]\d{0,10}")
_MOST_DIMENSIONS: Final = 64  # of NumPy
_LONGEST: Final = 2**63 - 1
_DTYPE: Final = "numpy.dtype"
# places in the state of a dtype: `(version, byte order, subarray, names, fields, item size, alignment, flags)`
_SUBARRAY, _FIELDS, _ITEM_SIZE = 2, 4, 5


def is_of_objects(dtype: Any) -> bool:
    """Whether an array of this dtype holds objects, and so is a pickle of its own in the file."""
    seen: set[int] = set()
    waiting = [dtype]
    while waiting:
        part = waiting.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        if _plain(part).hasobject:
            return True
        waiting += _inner(part)
    return False


def bytes_of_array(dtype: Any, shape: Any) -> int:
    """The number of bytes of an array, without padding; raises UnreadableArtifact for an impossible shape."""
    lengths = shape.items if is_a(shape, "tuple") else [None]
    size = _item_size(dtype)
    possible = len(lengths) <= _MOST_DIMENSIONS and all(
        type(length) is int and 0 <= length <= _LONGEST for length in lengths
    )
    if not possible:
        raise UnreadableArtifact("the artifact is damaged or forged: an array without a shape")
    return size * math.prod(lengths)


def _plain(dtype: Any) -> "np.dtype[Any]":
    """NumPy's dtype of the string that a record of `numpy.dtype` was made of."""
    text = dtype.items[0] if isinstance(dtype, Record) and dtype.kind == _DTYPE and dtype.items else None
    if not isinstance(text, str) or not _PLAIN.fullmatch(text):
        raise UnreadableArtifact("the artifact is damaged or forged: a dtype that is not named by a string")
    try:
        return np.dtype(text)
    except (TypeError, ValueError) as error:
        raise UnreadableArtifact(f"the artifact has the dtype {text!r}, which NumPy does not know") from error


def _state(dtype: Record) -> list[Any]:
    return dtype.state.items if is_a(dtype.state, "tuple") and len(dtype.state.items) > _ITEM_SIZE else []


def _inner(dtype: Record) -> list[Any]:
    """The dtypes of the fields, or the one of a subarray."""
    state = _state(dtype)
    if not state:
        return []
    fields = [value for _name, value in state[_FIELDS].pairs] if is_a(state[_FIELDS], "dict") else []
    return [part.items[0] for part in [*fields, state[_SUBARRAY]] if is_a(part, "tuple") and part.items]


def _item_size(dtype: Record) -> int:
    state = _state(dtype)
    if state and (is_a(state[_FIELDS], "dict") or is_a(state[_SUBARRAY], "tuple")):
        size = state[_ITEM_SIZE]
        if type(size) is not int or size < 0:
            raise UnreadableArtifact("the artifact is damaged or forged: a dtype without a size")
        return size
    return _plain(dtype).itemsize
