"""The traversal of a loaded model's objects, before any of their methods is called.

It visits containers and attributes without calling any code of the artifact. It visits each object once, at any depth
and in cycles. Unsafe state raises UnsafeState with the path to the object.
"""

import functools
import types
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np

from changeover.artifact.state import attributes, numeric, trees
from changeover.artifact.state.need import need
from changeover.exceptions import UnsafeState

_LEAVES: Final = frozenset({str, int, float, bool, type(None), bytes, complex, range, slice})
_CONTAINERS: Final = (dict, list, tuple, set, frozenset, deque)
_CALLED: Final = (type, types.FunctionType, types.BuiltinFunctionType, types.MethodType, functools.partial, np.ufunc)
_MORE_CALLED: Final = "_ArrayFunctionDispatcher"  # the types of NumPy's functions
# parts of nested containers and models, unfolded: an object counts once in each place that holds it
_LARGEST: Final = 10_000_000
_TIMES: Final = 8

_CHECKS: Final[dict[str, Callable[[Any], None]]] = {
    "numpy.random._generator.Generator": numeric.check_random,
    "numpy.random.bit_generator.BitGenerator": numeric.check_random,
    "numpy.random.mtrand.RandomState": numeric.check_random,
    "scipy.interpolate._bsplines.BSpline": numeric.check_spline,
    "scipy.sparse._base._spbase": numeric.check_sparse,
    "sklearn.cluster._kmeans._BaseKMeans": numeric.check_centres,
    "sklearn.ensemble._gb.BaseGradientBoosting": trees.check_boosting,
    "sklearn.ensemble._hist_gradient_boosting.gradient_boosting.BaseHistGradientBoosting": trees.check_histogram_boosting,
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor": trees.check_predictor,
    "sklearn.neighbors._ball_tree.BinaryTree": numeric.check_neighbour_tree,
    "sklearn.neighbors._ball_tree.BinaryTree32": numeric.check_neighbour_tree,
    "sklearn.neighbors._ball_tree.BinaryTree64": numeric.check_neighbour_tree,
    "sklearn.neighbors._classification.KNeighborsClassifier": numeric.check_classes_of_neighbours,
    "sklearn.neighbors._classification.RadiusNeighborsClassifier": numeric.check_classes_of_neighbours,
    "sklearn.neighbors._kd_tree.BinaryTree": numeric.check_neighbour_tree,
    "sklearn.neighbors._kd_tree.BinaryTree32": numeric.check_neighbour_tree,
    "sklearn.neighbors._kd_tree.BinaryTree64": numeric.check_neighbour_tree,
    "sklearn.svm._base.BaseLibSVM": numeric.check_support_vectors,
    "sklearn.tree._classes.BaseDecisionTree": trees.check_decision_tree,
    "sklearn.tree._tree.Tree": trees.check_tree,
}


class Origins(Protocol):
    """The functions and classes that one load has handed out."""

    def trusted(self, thing: object) -> bool:
        """Whether the operator listed `thing`."""

    def trusted_class(self, kind: type) -> bool:
        """Whether the operator installed the package of `kind` for models to use: its objects are not checked."""

    def only_for_loading(self, thing: object) -> bool:
        """Whether an artifact may call `thing` during loading only."""


@dataclass(frozen=True)
class _Kind:
    """Cached facts of a class: its checks, whether it is scikit-learn's, whether it is an estimator."""

    checks: tuple[Callable[[Any], None], ...]
    of_sklearn: bool
    unfolds: bool
    methods: frozenset[str]


_KINDS: Final[dict[type, _Kind]] = {}


def _kind_of(kind: type) -> _Kind:
    known = _KINDS.get(kind)
    if known is None:
        known = _KINDS[kind] = _looked_up(kind)
    return known


def _looked_up(kind: type) -> _Kind:
    names = [f"{base.__module__}.{base.__qualname__}" for base in kind.__mro__]
    return _Kind(
        tuple(_CHECKS[name] for name in names if name in _CHECKS),
        any(name.startswith("sklearn.") for name in names),
        issubclass(kind, _CONTAINERS) or "sklearn.base.BaseEstimator" in names,
        frozenset(
            name for base in kind.__mro__ for name, value in vars(base).items() if isinstance(value, types.FunctionType)
        ),
    )


@dataclass
class _Frame:
    """An object whose parts are being visited; `key` is the step to it from its holder."""

    thing: object
    key: str | tuple[object]
    parts: Iterator[tuple[str | tuple[object], object]]
    size: int = 1


def check_state(model: object, origins: Origins) -> None:
    """Raise UnsafeState if any part of `model` is unsafe; set nested `n_jobs` to 1 and `memory` to None."""
    _Walk(origins, _outermost(model)).through(model)


def _outermost(model: object) -> set[int]:
    """The models that no threaded model calls: the model itself, or the steps of a pipeline."""
    outermost: set[int] = set()
    waiting = [model]
    while waiting:
        part = waiting.pop()
        if id(part) in outermost or isinstance(part, type) or not hasattr(part, "__dict__"):
            continue
        outermost.add(id(part))
        steps = vars(part).get("steps")
        if type(steps) is list:
            waiting += [step[1] for step in steps if isinstance(step, tuple | list) and len(step) == 2]
    return outermost


class _Walk:
    def __init__(self, origins: Origins, outermost: set[int]) -> None:
        self._origins, self._outermost = origins, outermost
        self._sizes: dict[int, int] = {}
        self._kept: list[object] = []  # keeps temporary objects alive, so that no `id` is used twice
        self._count = 0
        self._stack: list[_Frame] = []

    def through(self, model: object) -> None:
        """Visit `model` and everything below it."""
        try:
            self._enter("", model)
            while self._stack:
                frame = self._stack[-1]
                part = next(frame.parts, None)
                if part is None:
                    self._leave(frame)
                else:
                    self._enter(*part)
        except UnsafeState as fault:
            way = "".join(
                frame.key if isinstance(frame.key, str) else f"[{_short(frame.key[0])}]" for frame in self._stack
            )
            raise UnsafeState(way + fault.where, fault.fault) from None

    def _enter(self, key: str | tuple[object], thing: object) -> None:
        known = self._sizes.get(id(thing))
        if known is not None:
            self._add(known)
            return
        self._sizes[id(thing)] = 1  # until the visit ends: a cycle back to it is not unfolded
        frame = _Frame(thing, key, iter(()))
        self._stack.append(frame)
        frame.parts = self._parts(thing, frame)
        self._count += frame.size

    def _leave(self, frame: _Frame) -> None:
        size = frame.size if _kind_of(type(frame.thing)).unfolds or isinstance(frame.thing, np.ndarray) else 1
        most = _LARGEST + _TIMES * self._count
        need(size <= most, "", f"unfolds to more than {_LARGEST} parts, as it holds the same ones again and again")
        self._sizes[id(frame.thing)] = size
        self._stack.pop()
        self._add(size)

    def _add(self, size: int) -> None:
        if self._stack:
            self._stack[-1].size += size

    def _parts(self, thing: Any, frame: _Frame) -> Iterator[tuple[str | tuple[object], object]]:
        """The parts of `thing` without leaves; their number is noted in `frame`."""
        if isinstance(thing, types.ModuleType):  # no artifact holds one: code of a trusted package put it there
            return iter(())
        if isinstance(thing, _CALLED) or type(thing).__name__ == _MORE_CALLED:
            owner = getattr(thing, "__self__", None) if isinstance(thing, types.MethodType) else None
            trusted = self._origins.trusted(thing) or self._origins.trusted_class(type(owner))
            loads = self._origins.only_for_loading(thing)
            attributes.check_callable(thing, trusted=trusted, called_while_loading=loads)
            return iter([(f".{name}", getattr(thing, name)) for name in ("func", "keywords") if hasattr(thing, name)])
        kind = _kind_of(type(thing))
        if isinstance(thing, np.ndarray):
            frame.size += thing.size
            parts = self._parts_of_array(thing)
        elif isinstance(thing, dict):
            frame.size += len(thing)
            parts = self._parts_of_dict(thing, kind)
        elif isinstance(thing, _CONTAINERS):
            frame.size += len(thing)
            parts = [((index,), part) for index, part in enumerate(thing) if type(part) not in _LEAVES]
        else:
            parts = []
        parts += self._parts_of_object(thing, kind)
        if not self._origins.trusted_class(type(thing)):
            for check in kind.checks:
                check(thing)
        return iter(parts)

    def _parts_of_array(self, array: Any) -> list[tuple[str | tuple[object], object]]:
        need(array.itemsize or not array.size, "", "is an array of nothing, without an end")
        if array.dtype.kind == "O":
            return [((index,), part) for index, part in enumerate(array.ravel().tolist()) if type(part) not in _LEAVES]
        if not array.dtype.hasobject or array.dtype.names is None:
            return []
        fields = [array[name] for name in array.dtype.names]
        self._kept += fields
        return [((name,), field) for name, field in zip(array.dtype.names, fields, strict=True)]

    def _parts_of_dict(self, thing: Any, kind: _Kind) -> list[tuple[str | tuple[object], object]]:
        parts: list[tuple[str | tuple[object], object]] = [
            ((key,), part) for key, part in dict.items(thing) if type(part) not in _LEAVES
        ]
        if kind.of_sklearn:  # a Bunch gives its items as attributes
            for key in dict.keys(thing):
                need(not is_special(key), "", f"has the item {key!r}, which NumPy and Python would obey")
        parts += [((key,), key) for key in dict.keys(thing) if type(key) not in _LEAVES]
        if hasattr(thing, "default_factory"):
            parts.append((".default_factory", thing.default_factory))
        return parts

    def _parts_of_object(self, thing: Any, kind: _Kind) -> list[tuple[str | tuple[object], object]]:
        members = getattr(thing, "__dict__", None)
        if type(thing).__module__.partition(".")[0] == "pandas":
            return self._parts_of_pandas(thing)
        if type(members) is not dict:
            return []
        trusted = self._origins.trusted_class(type(thing))
        if kind.of_sklearn:
            attributes.limit_jobs(thing, outermost=id(thing) in self._outermost, trusted=trusted)
        parts: list[tuple[str | tuple[object], object]] = []
        if isinstance(thing, np.ma.MaskedArray):  # names the class that it was made of, and never calls it
            members = {name: value for name, value in members.items() if value is not np.ndarray}
        for name, value in list(members.items()):
            if not trusted:
                self._check_attribute(thing, kind, name, value)
            if type(value) not in _LEAVES:
                parts.append((f".{name}", members[name]))
        return parts

    @staticmethod
    def _check_attribute(thing: Any, kind: _Kind, name: object, value: object) -> None:
        need(isinstance(name, str) and not is_special(name), "", f"has the attribute {_short(name)}")
        assert isinstance(name, str)
        if kind.of_sklearn:
            need(name not in kind.methods, f".{name}", "takes the place of a method")
            rule = attributes.RULES.get(name)
            if rule is not None:
                rule(thing, name, value)

    def _parts_of_pandas(self, thing: Any) -> list[tuple[str | tuple[object], object]]:
        """The values of an index or an array of pandas; a range is not expanded."""
        if hasattr(thing, "categories"):
            return [(".categories", thing.categories)]
        if type(thing).__name__ == "RangeIndex":
            need(len(thing) <= _LARGEST, "", f"is a range of more than {_LARGEST} numbers")
            return []
        values = getattr(thing, "_ndarray", None) if hasattr(thing, "_ndarray") else getattr(thing, "_data", None)
        self._kept.append(values)
        return [] if values is None or values is thing else [(".values", values)]


def is_special(name: object) -> bool:
    """Whether `name` is one that Python itself looks up, such as `__array_interface__`."""
    return isinstance(name, str) and name.startswith("__") and name.endswith("__")


def _short(value: object) -> str:
    return repr(value)[:60] if isinstance(value, str | int | float) else f"a {type(value).__name__}"
