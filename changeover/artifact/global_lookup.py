"""The lookup of globals for one load: exact names only, and each result is remembered by identity.

This is the only place where a name in an artifact becomes an object.
"""

import importlib
import sys
from pathlib import Path
from typing import Final, NoReturn

import numpy as np

from changeover.artifact import next_step, unused
from changeover.artifact import stand_ins as reconstruct
from changeover.artifact.allowed_globals import Kind, allowed, canonical
from changeover.exceptions import ForbiddenGlobal, UnreadableArtifact

_LIBRARIES: Final = {"sklearn": "scikit-learn", "numpy": "NumPy", "scipy": "SciPy", "pandas": "pandas"}
_NO_SUCH: Final = object()


class HandedOut:
    """The globals of one load. `stand_ins` replace listed globals; `extra` are dotted names that the operator trusts."""

    def __init__(self, extra: frozenset[str], stand_ins: dict[tuple[str, str], object]) -> None:
        self._extra = frozenset(map(_canonical_name, extra))
        # a memory map of a training run is loaded as an ordinary array, and no file is ever opened
        self._stand_ins = {**reconstruct.STAND_INS, ("numpy", "memmap"): np.ndarray, **stand_ins}
        self._handed_out: dict[int, tuple[object, Kind, str]] = {}

    def resolve(self, module: str, name: str) -> object:
        """The global `module.name`; raises ForbiddenGlobal, or UnreadableArtifact if it is listed and not there."""
        module = canonical(module)
        dotted = f"{module}.{name}"
        if "." in name:  # protocol 4 would resolve attribute after attribute
            raise ForbiddenGlobal(dotted, next_step.of(dotted))
        kind = Kind.CALL if dotted in self._extra else allowed().get((module, name))
        if kind is None:
            _refuse(module, name)
        thing = self._find(module, name)
        if thing is _NO_SUCH:
            raise UnreadableArtifact(_missing(module, name))
        self._handed_out[id(thing)] = (thing, kind, dotted)
        return thing

    def _find(self, module: str, name: str) -> object:
        if name == "newObj":
            names = frozenset(other for where, other in allowed() if where == module)
            return self._stand_ins.setdefault((module, name), reconstruct.new_of(module, names))
        if module in unused.DISTRIBUTIONS:
            return unused.Distribution
        if (module, name) in self._stand_ins:
            return self._stand_ins[module, name]
        try:
            # vars, not getattr: a module's `__getattr__` may import
            return vars(importlib.import_module(module)).get(name, _NO_SUCH)
        except ImportError as error:
            raise UnreadableArtifact(f"the artifact needs {module}.{name}: {error}") from error

    def __contains__(self, thing: object) -> bool:
        return id(thing) in self._handed_out

    def trusted(self, thing: object) -> bool:
        """Whether the operator listed `thing`."""
        return id(thing) in self._handed_out and self._handed_out[id(thing)][2] in self._extra

    def only_for_loading(self, thing: object) -> bool:
        """Whether `thing` was handed out to be called while the artifact is loaded."""
        return id(thing) in self._handed_out and self._handed_out[id(thing)][1] is Kind.CALL

    def check(self, thing: object, act: str, *kinds: Kind) -> None:
        """Raise ForbiddenGlobal unless `thing` was handed out as one of `kinds`; `act` is what is done with it."""
        _, kind, dotted = self._handed_out.get(id(thing), (None, None, f"a {type(thing).__name__}"))
        if kind not in kinds:
            raise ForbiddenGlobal(f"{act} {dotted}")


def _canonical_name(dotted: str) -> str:
    module, _, name = dotted.rpartition(".")
    return f"{canonical(module)}.{name}"


def _refuse(module: str, name: str) -> NoReturn:
    """Raise the error for an unlisted name: missing in the installed version, or forbidden. Imports nothing."""
    top = sys.modules.get(module.partition(".")[0])
    if top is not None and module.partition(".")[0] in _LIBRARIES:
        known = sys.modules.get(module)
        if (known is not None and name not in vars(known)) or not _is_there(top, module):
            raise UnreadableArtifact(_missing(module, name))
    raise ForbiddenGlobal(f"{module}.{name}", next_step.of(f"{module}.{name}"))


def _is_there(top: object, module: str) -> bool:
    path = Path(str(getattr(top, "__file__", ""))).parent.joinpath(*module.split(".")[1:])
    return path.is_dir() or any(path.parent.glob(f"{path.name}.*"))


def _missing(module: str, name: str) -> str:
    top = module.partition(".")[0]
    version = getattr(sys.modules.get(top), "__version__", "installed here")
    return (
        f"the artifact needs {module}.{name}, which {_LIBRARIES.get(top, top)} {version} does not have: it was made "
        f"with another version; make it with the versions of conda_environment.yml"
    )
