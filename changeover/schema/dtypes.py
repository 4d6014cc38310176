"""The names of the types of fitted columns, as the manifest keeps them, and the values that each of them holds.

They are pandas' own names: `bool`, `int8` to `uint64`, `float32`, `float64`, `object`, `str`, `string`, `Int64`,
`boolean`, `Float64`, `datetime64[ns]`, `datetime64[us, Europe/Berlin]`; `U` for numpy's array of strings; `date` for an
object column of days; `category[str]`, whose brackets name the type of its categories. An empty name is an unknown type.
"""

import re
import struct
from typing import Final

EXACT: Final = 2**53  # from here on, not every integer is a double
INT64: Final = range(-(2**63), 2**63)
_INTEGERS: Final = {
    **{f"int{bits}": range(-(2 ** (bits - 1)), 2 ** (bits - 1)) for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": range(2**bits) for bits in (8, 16, 32, 64)},
}
_TIME: Final = re.compile(r"datetime64\[(?P<unit>s|ms|us|ns)(, (?P<zone>[^\]]+))?\]")
_CATEGORY: Final = re.compile(r"category\[(?P<base>.*)\]")
_NANOSECONDS: Final = (1678, 2261)  # the whole years that 64 bits of nanoseconds hold
_YEARS: Final = (1, 9999)  # of ISO 8601 with four digits
_SINGLE: Final = ("float32", "Float32")
_KNOWN: Final = frozenset(
    {
        *("", "bool", "boolean", "object", "str", "string", "U", "date"),
        *(f"{name}{bits}" for name in ("float", "Float") for bits in (32, 64)),
        "float16",
        *_INTEGERS,
        *(name.replace("uint", "UInt").replace("int", "Int") for name in _INTEGERS),
    }
)


def is_known(dtype: str) -> bool:
    """Whether `dtype` is one of the names of this module."""
    base = category_base(dtype)
    return (dtype if base is None else base) in _KNOWN or _TIME.fullmatch(base or dtype) is not None


def category_base(dtype: str) -> str | None:
    """The type of the categories of a category type, or None for any other type."""
    match = _CATEGORY.fullmatch(dtype)
    return match["base"] if match else None


def is_integer(dtype: str) -> bool:
    """Whether `dtype` holds integers of a fixed number of bits, with or without missing ones."""
    return dtype.lower() in _INTEGERS


def integers_of(dtype: str) -> range:
    """The integers that `dtype` holds; those of 64 bits with a sign if it is no type of integers."""
    return _INTEGERS.get(dtype.lower(), INT64)


def holds(dtype: str) -> str:
    """The size of an integer of `dtype`, in words."""
    return dtype if is_integer(dtype) else "64 bits"


def is_time(dtype: str) -> bool:
    """Whether `dtype` holds points in time."""
    return _TIME.fullmatch(dtype) is not None


def unit_and_zone(dtype: str) -> tuple[str, str | None]:
    """The unit and the zone of a type of points in time; raises ValueError for another type."""
    match = _TIME.fullmatch(dtype)
    if match is None:
        raise ValueError(dtype)
    return match["unit"], match["zone"]


def time_of(dtype: str) -> tuple[bool, int, int]:
    """Whether times of `dtype` have a zone, and the first and the last whole year that it holds."""
    base = category_base(dtype) or dtype
    if not is_time(base):
        return False, *_YEARS
    unit, zone = unit_and_zone(base)
    return zone is not None, *(_NANOSECONDS if unit == "ns" else _YEARS)


def is_single(dtype: str) -> bool:
    """Whether `dtype`, or its categories, holds numbers of single precision."""
    return (category_base(dtype) or dtype) in _SINGLE


def single(number: float) -> float:
    """The number of single precision nearest to `number`, infinite beyond its range."""
    try:
        nearest: float = struct.unpack("f", struct.pack("f", number))[0]
    except OverflowError:
        return float("inf") if number > 0 else float("-inf")
    return nearest
