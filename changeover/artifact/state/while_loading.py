"""Checks of state during loading, before the object's own code reads it.

Most state is checked after loading. The state here takes effect during loading: joblib's note of an array calls its own
methods, NumPy reads `__array_interface__` of a Bunch, `bytes(n)` allocates n bytes.
"""

import types
from collections import OrderedDict, defaultdict, deque
from collections.abc import Iterable
from typing import Any, Final

import numpy as np

from changeover.artifact.state.trees import check_tree_state
from changeover.artifact.state.walk import is_special
from changeover.artifact.unused import PLACEHOLDERS
from changeover.exceptions import ForbiddenGlobal, UnreadableArtifact

_OF_AN_ARRAY_IN_THE_FILE: Final = frozenset(
    ["subclass", "shape", "order", "dtype", "allow_mmap", "numpy_array_alignment_bytes"]
)
_FILLED: Final = (bytes, bytearray, set, frozenset, deque, OrderedDict, defaultdict)
_FILLING: Final = (bytes, bytearray, str, list, tuple, dict, set, frozenset)
# read by the class's own `__setstate__`, so they must be arrays before it runs
_ARRAYS: Final = {"IsotonicRegression": ("X_thresholds_", "y_thresholds_"), "TreePredictor": ("nodes",)}


def _damaged(what: str) -> UnreadableArtifact:
    return UnreadableArtifact(f"the artifact is damaged or forged: {what}")


def check_arguments(function: object, arguments: tuple[object, ...]) -> None:
    """Refuse a call of a built-in container that allocates much from a small argument, such as `bytes(10**10)`."""
    if not any(function is container for container in _FILLED):
        return
    content = arguments[1:] if function is defaultdict else arguments[:1]
    for part in content:
        if type(part) not in _FILLING:
            raise _damaged(f"a {getattr(function, '__name__', '')} of a {type(part).__name__}")


def check_items(container: object, keys: Iterable[object]) -> None:
    """Refuse items that a Bunch would expose as special attributes."""
    if type(container).__module__.startswith("sklearn.") and any(is_special(key) for key in keys):
        raise ForbiddenGlobal(f"special items in a {type(container).__name__}")


def check_array_in_file(state: object) -> None:
    """Refuse joblib's note of an array with unknown attributes, which could replace its methods."""
    if type(state) is not dict or not _OF_AN_ARRAY_IN_THE_FILE.issuperset(state):
        raise _damaged("a note of an array with attributes of its own")


def check_state(inst: Any, state: object) -> None:
    """Refuse state that is no plain dict, holds special attributes, or is trusted unchecked by the object's class."""
    kind = type(inst)
    if kind in PLACEHOLDERS:  # it drops its state
        return
    parts = state if isinstance(state, tuple) and len(state) == 2 else (state,)
    for names in parts:
        if isinstance(names, dict) and any(is_special(name) for name in names):
            raise ForbiddenGlobal(f"special attributes on a {kind.__name__}")
    if f"{kind.__module__}.{kind.__qualname__}" == "sklearn.tree._tree.Tree":
        check_tree_state(inst, state)
        return
    setter = getattr(kind, "__setstate__", None)  # a compiled class takes a tuple, and checks its types
    if (setter is None or isinstance(setter, types.FunctionType)) and not all(
        names is None or type(names) is dict for names in parts
    ):
        raise _damaged(f"a {kind.__name__} whose state is no dict of attributes")
    for name in _ARRAYS.get(kind.__name__, ()):
        for names in parts:
            if isinstance(names, dict) and not isinstance(names.get(name, np.empty(0)), np.ndarray):
                raise _damaged(f"a {kind.__name__} whose {name} is no array")
