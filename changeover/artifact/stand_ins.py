"""Replacements for the functions by which pickles rebuild arrays and dtypes; they check their arguments.

Several originals call, import or trust any argument. A dtype may hide that it holds objects, so that raw bytes become
pointers; `__randomstate_ctor` calls its second argument; `_codecs.encode` imports a codec by name. An artifact never
reaches the originals.
"""

import functools
import math
import types
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numpy.random import MT19937, PCG64, PCG64DXSM, SFC64, Generator, Philox, RandomState

from changeover.artifact import texts, times, unused
from changeover.artifact.state.trees import make_tree
from changeover.artifact.state.while_loading import check_items
from changeover.exceptions import UnreadableArtifact

_PLAIN_BASES: Final = (object, dict, list, tuple, set, frozenset, int, float, complex, str, bytes)
_BIT_GENERATORS: Final = {kind.__name__: kind for kind in (MT19937, PCG64, PCG64DXSM, Philox, SFC64)}
_ALIGNED_STRUCT: Final = 0x80
_Array = np.ndarray[Any, Any]


def _need(condition: bool, what: str) -> None:
    if not condition:
        raise UnreadableArtifact(f"the artifact is damaged or forged: {what}")


def rebuilt(dtype: object) -> np.dtype[Any]:
    """A copy of `dtype` made by NumPy's public constructor alone, so that its size and flags are correct."""
    if not isinstance(dtype, np.dtype):
        raise UnreadableArtifact(f"the artifact is damaged or forged: a {type(dtype).__name__} in place of a dtype")
    if dtype.fields is not None:
        names = list(dtype.names or ())
        entries = [dtype.fields[name] for name in names]
        return np.dtype(
            {
                "names": names,
                "formats": [rebuilt(entry[0]) for entry in entries],
                "offsets": [entry[1] for entry in entries],
                "itemsize": dtype.itemsize,
            },
            align=False,
        )
    if dtype.subdtype is not None:
        base, shape = dtype.subdtype
        return np.dtype((rebuilt(base), shape))
    return np.dtype(dtype.str)


def make_dtype(text: object, align: object = False, _copy: object = True) -> np.dtype[Any]:
    """`numpy.dtype`, from a string only; always a new instance, never NumPy's shared one."""
    _need(isinstance(text, str), "a dtype that is not named by a string")
    return np.dtype(str(text), bool(align), copy=True)


def set_dtype_state(dtype: np.dtype[Any], state: object) -> None:
    """Set the state of a dtype; refuse it unless NumPy would build one of the same size and flags."""
    _need(dtype.fields is None and dtype.subdtype is None, "a dtype that is changed after it was made")
    dtype.__setstate__(state)  # type: ignore[attr-defined]
    twin = rebuilt(dtype)
    same = dtype.itemsize == twin.itemsize and dtype.kind == twin.kind and dtype.hasobject == twin.hasobject
    _need(same and dtype.flags | _ALIGNED_STRUCT == twin.flags | _ALIGNED_STRUCT, f"a dtype {dtype!r} that lies")


def make_array(kind: object, shape: object, _code: object) -> _Array:
    """`numpy._core.multiarray._reconstruct`: an empty array, whose state follows."""
    _need(kind is np.ndarray and shape == (0,), "an array that is not begun empty")
    return np.empty((0,), dtype=np.int8)


def set_array_state(array: _Array, state: object) -> None:
    """Fill an empty array; its dtype is a copy that the artifact cannot reach."""
    if not isinstance(state, tuple) or not 5 <= len(state) <= 7 or array.size:
        raise UnreadableArtifact("the artifact is damaged or forged: an array that is changed after it was made")
    shape, content = state[-4], state[-1]
    if isinstance(content, list):
        fits = isinstance(shape, tuple) and all(isinstance(size, int) for size in shape)
        _need(fits and math.prod(shape) == len(content), "an array of objects with another shape than it has objects")
    parts: Any = tuple(rebuilt(part) if isinstance(part, np.dtype) else part for part in state)
    array.__setstate__(parts)


def make_scalar(dtype: object, *content: object) -> object:
    """`numpy._core.multiarray.scalar`."""
    kind = rebuilt(dtype)
    _need(not kind.hasobject, "a scalar of objects")
    if kind.itemsize == 0:
        return np.zeros((), dtype=kind)[()]
    _need(len(content) == 1 and isinstance(content[0], bytes), "a scalar without its bytes")
    return np.frombuffer(content[0], dtype=kind, count=1)[0]  # type: ignore[call-overload]


def array_of_buffer(
    buffer: object, dtype: object, shape: tuple[int, ...], order: object, axis_order: tuple[int, ...] | None = None
) -> npt.NDArray[Any]:
    """`numpy._core.numeric._frombuffer`: an array over bytes of the artifact."""
    _need(isinstance(buffer, bytes | bytearray), "an array that is not over bytes")
    flat: npt.NDArray[Any] = np.frombuffer(buffer, dtype=rebuilt(dtype))  # type: ignore[call-overload]
    if order == "K" and axis_order is not None:
        return flat.reshape(shape, order="C").transpose(axis_order)
    return flat.reshape(shape, order="F" if order == "F" else "C")


def make_masked_array(kind: object, base: object, shape: object, dtype: object) -> _Array:
    """`numpy.ma.core._mareconstruct`: an empty masked array, whose state follows."""
    _need(kind is np.ma.MaskedArray and base is np.ndarray and shape == (0,), "a masked array that is not begun empty")
    kept = rebuilt(dtype if isinstance(dtype, np.dtype) else np.dtype(str(dtype)))
    return np.ma.MaskedArray(np.empty((0,), dtype=kept), mask=np.empty((0,), dtype=np.ma.make_mask_descr(kept)))


def make_bit_generator(kind: object = "MT19937") -> np.random.BitGenerator:
    """`numpy.random._pickle.__bit_generator_ctor`."""
    name = kind if isinstance(kind, str) else getattr(kind, "__name__", "")
    generator = _BIT_GENERATORS.get(str(name))
    if generator is None or (isinstance(kind, type) and kind is not generator):
        raise UnreadableArtifact("the artifact is damaged or forged: a random generator that NumPy does not have")
    return generator()


def _bit_generator(kind: object) -> np.random.BitGenerator:
    return kind if isinstance(kind, np.random.BitGenerator) else make_bit_generator(kind)


def make_random_state(name: object = "MT19937", _constructor: object = None) -> RandomState:
    """`numpy.random._pickle.__randomstate_ctor`; the constructor that the artifact names is not called."""
    return RandomState(_bit_generator(name))


def make_generator(name: object = "PCG64", _constructor: object = None) -> Generator:
    """`numpy.random._pickle.__generator_ctor`; the constructor that the artifact names is not called."""
    return Generator(_bit_generator(name))


def make_plain_object(kind: object, base: object, state: object) -> object:
    """`copyreg._reconstructor`, which protocols 0 and 1 use for every object."""
    if not isinstance(kind, type) or not any(base is plain for plain in _PLAIN_BASES):
        raise UnreadableArtifact("the artifact is damaged or forged: an object of no class")
    if base is object:
        return kind() if kind in (texts.ArrowTexts, texts.StringDtypes) else object.__new__(kind)
    root: Any = base
    _need(type(state) is root, f"a {root.__name__} made of a {type(state).__name__}")
    made: object = root.__new__(kind, state)
    if root in (dict, list, set):
        check_items(made, state if isinstance(state, dict) else ())
        root.__init__(made, state)
    return made


def encode(text: object, encoding: object = "latin1") -> bytes:
    """`_codecs.encode`, by which protocols 0 to 2 write bytes: latin-1 and no other codec."""
    _need(isinstance(text, str) and encoding in ("latin1", "latin-1"), "bytes in an unusual encoding")
    return str(text).encode("latin1")


def new_of(module: str, names: frozenset[str]) -> Callable[[object], object]:
    """A Cython module's `newObj(kind)`, for the classes `names` of that module only."""

    def new(kind: object) -> object:
        known = isinstance(kind, type) and kind.__module__ == module and kind.__name__ in names
        _need(known, f"{module}.newObj of something else")
        made: Any = kind
        return made.__new__(made)

    return new


def make_partial(function: object) -> object:
    """`functools.partial` of a function of scikit-learn or NumPy: a score with its options, `np.power` with a base."""
    _need(_is_of_library(function), "a partial call of something else than a function of scikit-learn or NumPy")
    called: Any = function
    return functools.partial(called)


def set_partial_state(partial: "functools.partial[object]", state: object) -> None:
    """Set the arguments of a partial call; its function must not change."""
    if not isinstance(state, tuple) or len(state) != 4:
        raise UnreadableArtifact("the artifact is damaged or forged: a partial call without its state")
    _need(state[0] is partial.func and not state[3], "a partial call of another function")
    partial.__setstate__(state)  # type: ignore[attr-defined]


def _is_of_library(function: object) -> bool:
    if isinstance(function, np.ufunc) or type(function).__name__ == "_ArrayFunctionDispatcher":
        return True
    return isinstance(function, types.FunctionType) and function.__module__.startswith(("sklearn.", "numpy."))


def make_index(kind: object, parts: object) -> object:
    """`pandas.core.indexes.base._new_Index` for a plain or a range index: what `X.columns` leaves in a pipeline."""
    import pandas as pd

    if kind not in (pd.Index, pd.RangeIndex) or not isinstance(parts, Mapping):
        raise UnreadableArtifact("the artifact is damaged or forged: an index of an unusual kind")
    if kind is pd.RangeIndex:
        return pd.RangeIndex(parts["start"], parts["stop"], parts["step"], name=parts.get("name"))
    data = parts["data"]
    _need(
        isinstance(data, np.ndarray) or type(data).__module__.partition(".")[0] == "pandas",
        "an index that is not of an array",
    )
    return pd.Index(data, name=parts.get("name"))


STAND_INS: Final[dict[tuple[str, str], Callable[..., object]]] = {
    ("_codecs", "encode"): encode,
    ("builtins", "getattr"): times.attribute_of,
    ("copyreg", "_reconstructor"): make_plain_object,
    ("functools", "partial"): make_partial,
    ("numpy", "dtype"): make_dtype,
    ("numpy", "vectorize"): unused.Vectorized,
    ("numpy._core.multiarray", "_reconstruct"): make_array,
    ("numpy._core.multiarray", "scalar"): make_scalar,
    ("numpy._core.numeric", "_frombuffer"): array_of_buffer,
    ("numpy.ma.core", "_mareconstruct"): make_masked_array,
    ("numpy.random._pickle", "__bit_generator_ctor"): make_bit_generator,
    ("numpy.random._pickle", "__generator_ctor"): make_generator,
    ("numpy.random._pickle", "__randomstate_ctor"): make_random_state,
    ("pandas._libs.tslibs.nattype", "_nat_unpickle"): times.make_no_time,
    ("pandas._libs.tslibs.timestamps", "_unpickle_timestamp"): times.make_timestamp,
    ("pandas.core.indexes.base", "_new_Index"): make_index,
    ("sklearn.tree._tree", "Tree"): make_tree,
    **texts.STAND_INS,
}
