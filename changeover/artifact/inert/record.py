"""Inert stand-ins for the objects of a pickle: the name of a global, and the record of an object."""

from typing import Any, Final

_MOST_KEYS: Final = 100_000  # the most attributes that one look-up reads


class Global:
    """A global that an artifact names, by its dotted name; never imported."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


class Record:
    """An object of an artifact: the dotted name of its class, what it was made of, its items and its state.

    Collections are records too, so that nothing of the artifact is hashed or compared.
    """

    __slots__ = ("items", "kind", "pairs", "state")

    def __init__(
        self, kind: str, items: list[Any] | None = None, pairs: list[tuple[Any, Any]] | None = None, state: Any = None
    ) -> None:
        self.kind = kind
        self.items = [] if items is None else items
        self.pairs = [] if pairs is None else pairs
        self.state = state

    def attribute(self, name: str) -> Any:
        """The attribute `name` in the state, or None."""
        states = self.state.items if is_a(self.state, "tuple") else [self.state]
        for state in states:
            if is_a(state, "dict"):
                for key, value in state.pairs[:_MOST_KEYS]:
                    if isinstance(key, str) and key == name:
                        return value
        return None


def is_a(thing: object, *kinds: str) -> bool:
    """Whether `thing` is the record of one of the built-in `kinds`, such as `dict`."""
    return isinstance(thing, Record) and thing.kind.removeprefix("builtins.") in kinds


def step_of(pipeline: object, index: int) -> Record | None:
    """The estimator of a pipeline's step; None without such a step."""
    steps: Any = pipeline.attribute("steps") if isinstance(pipeline, Record) else None
    if not is_a(steps, "list") or not steps.items:
        return None
    step: Any = steps.items[index]
    estimator: Any = step.items[1] if is_a(step, "tuple", "list") and len(step.items) == 2 else None
    return estimator if isinstance(estimator, Record) else None


def called(function: object, arguments: list[Any]) -> Record:
    """The record of a call: of the class that is called, or whose object the called function rebuilds."""
    name = function.name if isinstance(function, Global) else "a call of a computed object"
    if name in _REBUILD and arguments and isinstance(arguments[0], Global):
        return Record(arguments[0].name, arguments[1:])
    return Record(name, arguments)


# functions that rebuild an object of the class that is their first argument
_REBUILD: Final = frozenset(
    {"copyreg._reconstructor", "copyreg.__newobj__", "copyreg.__newobj_ex__", "numpy._core.multiarray._reconstruct"}
)
