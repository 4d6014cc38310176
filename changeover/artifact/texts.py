"""Replacements for the functions by which pickles rebuild texts of pandas, as an index of column names keeps them.

pandas stores texts in the memory of pyarrow where that is installed. Their pickle calls functions of pyarrow with raw
buffers, whose offsets pyarrow would trust. Here the buffers are checked and read as the Arrow columnar format describes
them ("Variable-size Binary Layout"), without pyarrow, and the array that results stores Python's strings.
"""

import math
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from changeover.artifact import next_step
from changeover.exceptions import UnreadableArtifact

_OFFSETS: Final = {"string": "<i4", "large_string": "<i8"}  # of each type of texts: the dtype of its offsets
_UNKNOWN: Final = -1  # Arrow's number of missing values that were not counted
_FIELDS: Final = 7
_ONLY_STORAGE: Final = object()


class TextType(NamedTuple):
    """A type of Arrow; `offsets` is the dtype of its offsets."""

    offsets: str


class Buffer(NamedTuple):
    """A buffer of Arrow."""

    content: bytes | bytearray


class Texts(NamedTuple):
    """The values of an array of Arrow; None stands for a missing one."""

    values: tuple[str | None, ...]


class ArrowTexts:
    """`pandas.arrays.ArrowStringArray`, which pickles create empty: the array of Python's strings that replaces it."""

    def __new__(cls) -> Any:  # noqa: D102  the class docstring says it
        import pandas as pd

        return pd.array(np.empty(0, dtype=object), dtype=pd.StringDtype("python"))


def _need(condition: bool, what: str) -> None:
    if not condition:
        raise UnreadableArtifact(f"the artifact is damaged or forged: {what}")


def make_type(alias: object) -> TextType:
    """`pyarrow.lib.type_for_alias`, for the two types of texts."""
    if not isinstance(alias, str):
        raise UnreadableArtifact("the artifact is damaged or forged: a type of Arrow without a name")
    if alias not in _OFFSETS:
        raise UnreadableArtifact(f"the artifact holds values of Arrow's type {alias[:60]!r}; {next_step.ARROW_VALUES}")
    return TextType(_OFFSETS[alias])


def make_buffer(content: object) -> Buffer:
    """`pyarrow.lib.py_buffer`."""
    if not isinstance(content, bytes | bytearray):
        raise UnreadableArtifact("the artifact is damaged or forged: a buffer of Arrow that is not over bytes")
    return Buffer(content)


def make_texts(parts: object) -> Texts:
    """`pyarrow.lib._restore_array`: the texts in the buffers of one array.

    `parts` are the type, the number of texts, how many are missing, the number of the first text in the buffers, the
    buffers (validity, offsets, data), the inner arrays and the dictionary, of which texts have none.
    """
    if not isinstance(parts, tuple) or len(parts) != _FIELDS:
        raise UnreadableArtifact("the artifact is damaged or forged: an array of Arrow without its parts")
    kind, length, missing, first, buffers, inner, dictionary = parts
    if not isinstance(kind, TextType) or inner or dictionary is not None:
        raise UnreadableArtifact("the artifact is damaged or forged: an array of Arrow that is not of texts")
    counts = all(type(count) is int for count in (length, missing, first))
    _need(counts and length >= 0 and first >= 0, "an array of Arrow without a length")
    if not isinstance(buffers, list) or len(buffers) != 3 or not all(isinstance(b, Buffer | None) for b in buffers):
        raise UnreadableArtifact("the artifact is damaged or forged: texts of Arrow without their three buffers")
    if length == 0:
        return Texts(())
    validity, offsets, data = (None if buffer is None else buffer.content for buffer in buffers)
    valid = _bits(validity, first, length)
    _need(missing in (_UNKNOWN, length - int(valid.sum())), "texts of Arrow with another number of missing ones")
    return Texts(_read(_bounds(offsets or b"", kind.offsets, first, length), data or b"", valid))


def _bits(validity: bytes | bytearray | None, first: int, length: int) -> npt.NDArray[np.bool_]:
    """Which texts are there: all of them if there is no buffer that says so."""
    if validity is None:
        return np.ones(length, dtype=np.bool_)
    needed = (first + length + 7) // 8
    _need(needed <= len(validity), "texts of Arrow whose buffer of missing ones is too short")
    bits = np.unpackbits(np.frombuffer(validity, dtype=np.uint8, count=needed), bitorder="little")
    return bits[first : first + length].astype(np.bool_)


def _bounds(offsets: bytes | bytearray, dtype: str, first: int, length: int) -> list[int]:
    """Where each text begins, and where the last one ends."""
    size = np.dtype(dtype).itemsize
    _need((first + length + 1) * size <= len(offsets), "texts of Arrow whose buffer of offsets is too short")
    bounds: npt.NDArray[Any] = np.frombuffer(offsets, dtype=dtype, count=length + 1, offset=first * size)
    _need(bool(bounds[0] >= 0 and (bounds[1:] >= bounds[:-1]).all()), "texts of Arrow whose offsets do not ascend")
    return bounds.tolist()  # type: ignore[no-any-return]


def _read(bounds: list[int], data: bytes | bytearray, valid: Iterable[np.bool_]) -> tuple[str | None, ...]:
    _need(bounds[-1] <= len(data), "texts of Arrow whose offsets lie outside of their bytes")
    content = bytes(data)
    pairs = zip(bounds[:-1], bounds[1:], valid, strict=True)
    try:
        return tuple(content[begin:end].decode() if there else None for begin, end, there in pairs)
    except UnicodeDecodeError as error:
        raise UnreadableArtifact("the artifact is damaged or forged: texts of Arrow that are not UTF-8") from error


def join_texts(chunks: object, kind: object = None) -> Texts:
    """`pyarrow.lib.chunked_array`: the texts of several arrays, each given once."""
    if not isinstance(chunks, list) or not isinstance(kind, TextType | None):
        raise UnreadableArtifact("the artifact is damaged or forged: an array of Arrow without its chunks")
    known = all(isinstance(chunk, Texts) for chunk in chunks)
    _need(known and len(set(map(id, chunks))) == len(chunks), "an array of Arrow with chunks of something else")
    return Texts(tuple(text for chunk in chunks for text in chunk.values))


def is_of_texts(inst: object, state: object) -> bool:
    """Whether `set_state` sets the `state` of `inst`: a dtype of texts, or an array with the state of one of pyarrow."""
    kind = type(inst)
    named = kind.__name__ == "StringDtype" or (kind.__name__.startswith("StringArray") and isinstance(state, dict))
    return named and kind.__module__.partition(".")[0] == "pandas"


def set_state(inst: Any, state: Any) -> None:
    """Set the state of an array or a dtype of texts that was made empty; what is not needed of it is dropped."""
    if type(inst).__name__ != "StringDtype":
        _set_texts(inst, state)
    elif isinstance(state, dict):  # until pandas 2.2
        vars(inst).update(vars(make_string_dtype(state.get("storage"))))
    else:
        raise UnreadableArtifact("the artifact is damaged or forged: a dtype of texts without its storage")


def _set_texts(array: Any, state: dict[str, object]) -> None:
    import pandas as pd

    content = state.get("_pa_array", state.get("_data"))  # the second until pandas 2.0
    dtype = state.get("_dtype")
    if not isinstance(content, Texts) or not isinstance(dtype, pd.StringDtype) or len(array):
        raise UnreadableArtifact("the artifact is damaged or forged: texts of pandas without their values or dtype")
    stored: Any = make_string_dtype("python", dtype.na_value)
    values = np.empty(len(content.values), dtype=object)
    values[:] = [stored.na_value if text is None else text for text in content.values]
    made: Any = pd.array(values, dtype=stored)
    array.__class__ = type(made)  # pandas 2.3 has a class for each missing value
    array.__setstate__(made.__reduce__()[2])


def make_string_dtype(storage: object = "python", na_value: object = _ONLY_STORAGE) -> object:
    """`pandas.StringDtype`, stored as Python's strings. Until pandas 2.2 the storage tells what stands for missing."""
    import pandas as pd

    if storage not in ("python", "pyarrow", "pyarrow_numpy"):
        raise UnreadableArtifact("the artifact is damaged or forged: texts of pandas that are stored in no known way")
    if na_value is _ONLY_STORAGE:
        na_value = math.nan if storage == "pyarrow_numpy" else pd.NA
    if na_value is pd.NA:
        return pd.StringDtype("python")
    _need(isinstance(na_value, float) and math.isnan(na_value), "texts of pandas with an unknown missing value")
    try:
        return pd.StringDtype("python", na_value=math.nan)  # type: ignore[call-overload, unused-ignore]
    except TypeError as error:
        raise UnreadableArtifact(
            f"the artifact holds texts of pandas for which NaN is missing, and pandas {pd.__version__} has none without "
            "pyarrow: have the operator add an environment with pandas 2.3 or later (`changeover environment add`)"
        ) from error


class StringDtypes:
    """`pandas.StringDtype`, which pickles call, or until pandas 2.2 create: the dtype that `make_string_dtype` makes."""

    def __new__(cls, storage: object = "python", na_value: object = _ONLY_STORAGE) -> Any:  # noqa: D102  as above
        return make_string_dtype(storage, na_value)


STAND_INS: Final[dict[tuple[str, str], Callable[..., object]]] = {
    ("pandas", "StringDtype"): StringDtypes,
    ("pandas.core.arrays.string_", "StringDtype"): StringDtypes,
    ("pandas.arrays", "ArrowStringArray"): ArrowTexts,
    ("pandas.core.arrays.string_arrow", "ArrowStringArray"): ArrowTexts,
    ("pandas.core.arrays.string_arrow", "ArrowStringArrayNumpySemantics"): ArrowTexts,
    ("pyarrow.lib", "_restore_array"): make_texts,
    ("pyarrow.lib", "chunked_array"): join_texts,
    ("pyarrow.lib", "py_buffer"): make_buffer,
    ("pyarrow.lib", "type_for_alias"): make_type,
}


def without_pyarrow(module: str, name: str) -> Callable[..., object] | None:
    """The stand-in for a global where pyarrow is not installed, for artifacts that are read without a list."""
    stand_in = STAND_INS.get((module, name))
    return None if stand_in is None or find_spec("pyarrow") is not None else stand_in
