"""The lookup of globals for one load: exact names only, and each result is remembered by identity.

This is the only place where a name in an artifact becomes an object.
"""

import importlib
import sys
import types
from pathlib import Path
from typing import Final, NoReturn

import numpy as np

from changeover.artifact import next_step, times, unused
from changeover.artifact import stand_ins as reconstruct
from changeover.artifact.allowed_globals import FILE, Kind, allowed, canonical
from changeover.artifact.load_rules import LoadRules
from changeover.exceptions import ForbiddenGlobal, UnreadableArtifact

_LIBRARIES: Final = {"sklearn": "scikit-learn", "numpy": "NumPy", "scipy": "SciPy", "pandas": "pandas"}
# frames and series, which results of statsmodels and many encoders hold; nothing of the default environment does
_FRAMES: Final = frozenset(
    (module, name)
    for module, names in {
        "pandas": "Categorical DataFrame MultiIndex Series",
        "pandas._libs.internals": "_unpickle_block",
        "pandas.core.arrays.categorical": "Categorical",
        "pandas.core.frame": "DataFrame",
        "pandas.core.indexes.base": "_new_Index",
        "pandas.core.indexes.multi": "MultiIndex",
        "pandas.core.internals.managers": "BlockManager SingleBlockManager",
        "pandas.core.series": "Series",
    }.items()
    for name in names.split()
)
_NO_SUCH: Final = object()


class HandedOut:
    """The globals of one load, by its rules; `stand_ins` replace listed globals."""

    def __init__(self, rules: LoadRules, stand_ins: dict[tuple[str, str], object]) -> None:
        self._extra = frozenset(map(_canonical_name, rules.extra_globals))
        self._roots = frozenset(rules.roots)
        self._listed = allowed(rules.allowed_globals_file or FILE)
        # a memory map of a training run is loaded as an ordinary array, and no file is ever opened
        self._stand_ins = {**reconstruct.STAND_INS, ("numpy", "memmap"): np.ndarray, **stand_ins}
        self._handed_out: dict[int, tuple[object, Kind, str]] = {}
        self._handed_out[id(times.make_zone)] = (times.make_zone, Kind.CALL, "zoneinfo.ZoneInfo._unpickle")

    def resolve(self, module: str, name: str) -> object:
        """The global `module.name`; raises ForbiddenGlobal, or UnreadableArtifact if it is listed and not there."""
        module = canonical(module)
        dotted = f"{module}.{name}"
        if module.partition(".")[0] in self._roots:
            thing = self._find_below_root(module, name)
            self._handed_out[id(thing)] = (thing, Kind.CALL, dotted)
            return thing
        if "." in name:  # protocol 4 would resolve attribute after attribute
            raise ForbiddenGlobal(dotted, next_step.of(dotted))
        if self._roots and (module, name) in _FRAMES:
            thing = self._imported(module, name)
            self._handed_out[id(thing)] = (thing, Kind.CALL, dotted)
            return thing
        kind = Kind.CALL if dotted in self._extra else self._listed.get((module, name))
        if kind is None:
            _refuse(module, name)
        thing = self._find(module, name)
        if thing is _NO_SUCH:
            raise UnreadableArtifact(_missing(module, name))
        self._handed_out[id(thing)] = (thing, kind, dotted)
        return thing

    def _find_below_root(self, module: str, name: str) -> object:
        """A global of a trusted package, or a class inside one of its classes; nothing that it merely imports."""
        outermost, *inner = name.split(".")
        thing = self._imported(module, outermost)
        for part in inner:
            thing = vars(thing).get(part, _NO_SUCH) if isinstance(thing, type) and self._is_own(thing) else _NO_SUCH
        if thing is _NO_SUCH:
            raise UnreadableArtifact(_missing(module, name))
        if isinstance(thing, types.ModuleType) or not self._is_own(thing):
            raise ForbiddenGlobal(f"{module}.{name}")
        return thing

    def _is_own(self, thing: object) -> bool:
        """Whether `thing` was defined in a trusted package, by its own account, as pickle names it."""
        module = getattr(thing, "__module__", None)
        if not isinstance(module, str):
            module = type(thing).__module__
        return module.partition(".")[0] in self._roots

    def _find(self, module: str, name: str) -> object:
        if name == "newObj":
            names = frozenset(other for where, other in self._listed if where == module)
            return self._stand_ins.setdefault((module, name), reconstruct.new_of(module, names))
        if module in unused.DISTRIBUTIONS:
            return unused.Distribution
        if (module, name) in self._stand_ins:
            return self._stand_ins[module, name]
        return self._imported(module, name)

    @staticmethod
    def _imported(module: str, name: str) -> object:
        try:
            # vars, not getattr: a module's `__getattr__` may import
            return vars(importlib.import_module(module)).get(name, _NO_SUCH)
        except ImportError as error:
            raise UnreadableArtifact(f"the artifact needs {module}.{name}: {error}") from error

    def __contains__(self, thing: object) -> bool:
        return id(thing) in self._handed_out

    def trusted(self, thing: object) -> bool:
        """Whether the operator listed `thing`, or installed its package for models to use."""
        dotted = self._handed_out[id(thing)][2] if id(thing) in self._handed_out else ""
        return dotted in self._extra or dotted.partition(".")[0] in self._roots

    def trusted_class(self, kind: type) -> bool:
        """Whether the operator installed the package of `kind` for models to use."""
        own = kind.__module__.partition(".")[0] in self._roots
        return own or (bool(self._roots) and (kind.__module__, kind.__name__) in _FRAMES)

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
        f"with another version; make it with the versions of conda_environment.yml, or serve it in an environment of "
        f"its own (`changeover environment add`)"
    )
