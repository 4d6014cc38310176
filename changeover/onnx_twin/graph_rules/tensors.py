"""The constants of a graph: type, shape and bytes of each must fit each other, all of them inside the file."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from changeover.onnx_twin.exceptions import GraphRefused
from changeover.onnx_twin.graph_rules.values import LARGEST_NATURAL, MOST_DIMENSIONS, MOST_KNOWN, Value

STRING: Final = 8
INTEGERS: Final = (6, 7)  # int32, int64
# of each type: the field of its numbers, and the type of its bytes
_TYPES: Final[dict[int, tuple[str, str]]] = {
    1: ("float_data", "<f4"),
    2: ("int32_data", "u1"),
    3: ("int32_data", "i1"),
    6: ("int32_data", "<i4"),
    7: ("int64_data", "<i8"),
    8: ("string_data", ""),
    9: ("int32_data", "?"),
    11: ("double_data", "<f8"),
}
_FIELDS: Final = ("float_data", "int32_data", "string_data", "int64_data", "double_data", "uint64_data")
Array = npt.NDArray[Any]


def value_of(tensor: Any) -> Value:
    """The value of a constant; raises GraphRefused unless it is whole."""
    shape = tuple(tensor.dims)
    if tensor.data_type not in INTEGERS:
        _check(tensor)
        return Value(shape)
    array = array_of(tensor)
    natural = bool(((array >= 0) & (array < LARGEST_NATURAL)).all())
    return Value(shape, tuple(array.reshape(-1).tolist()) if array.size <= MOST_KNOWN else None, natural=natural)


def array_of(tensor: Any) -> Array:
    """The numbers of a constant, in its shape; raises GraphRefused for strings, and unless it is whole."""
    _check(tensor)
    field, kind = _TYPES[tensor.data_type]
    if not kind:
        raise GraphRefused("a constant has strings where numbers were expected")
    raw = np.frombuffer(tensor.raw_data, dtype=kind) if tensor.raw_data else np.array(getattr(tensor, field))
    return raw.astype(kind, copy=False).reshape(tuple(tensor.dims))


def length_of(tensor: Any) -> int:
    """The number of entries of a constant, strings or numbers; raises GraphRefused unless it is whole."""
    _check(tensor)
    return _count(tensor)


def _count(tensor: Any) -> int:
    count = 1
    for dim in tensor.dims:
        count *= dim
    return count


def _check(tensor: Any) -> None:
    name = tensor.name[:100]
    if tensor.data_type not in _TYPES:
        raise GraphRefused(f"the constant {name!r} has the type {tensor.data_type}, which is not taken")
    if tensor.data_location or tensor.external_data:
        raise GraphRefused(f"the constant {name!r} is external data")
    if len(tensor.dims) > MOST_DIMENSIONS or any(dim < 0 for dim in tensor.dims):
        raise GraphRefused(f"the constant {name!r} has an unusable shape")
    field, kind = _TYPES[tensor.data_type]
    used = [other for other in _FIELDS if len(getattr(tensor, other))]
    count = _count(tensor)
    if tensor.raw_data:
        whole = not used and kind and len(tensor.raw_data) == count * np.dtype(kind).itemsize
    else:
        whole = used == ([field] if count else []) and len(getattr(tensor, field)) == count
    if not whole:
        raise GraphRefused(f"the constant {name!r} has other bytes than its shape {list(tensor.dims)} needs")
