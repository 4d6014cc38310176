"""The allow-list of globals that an artifact may name: `allowed_globals.json`.

`python -m changeover.artifact.generate_allowed_globals` writes it anew from the installed scikit-learn, NumPy and SciPy. Three kinds, each
including the one before: *refer* may be named (`np.log1p` in a FunctionTransformer), *create* may be made without
running its constructor (`cls.__new__`, then its state), *call* may be called while loading. Most of the list is
*create*, so a load runs few functions, and each of those was read.

Left out on purpose, whatever a search of the libraries finds: all that imports, evaluates, opens or looks up attributes
by name. Among them `numpy._core._ufunc_reconstruct` (imports what it is told), `numpy.load`, `fromfile` and `memmap`,
`operator.attrgetter`, `functools.partial` of anything but scikit-learn's functions, joblib's `NDArrayWrapper` (loads a path), SciPy's distributions
(`rv_generic.__setstate__` executes a text from its state) and trees of `scipy.spatial` (raw pointers), `sklearn.datasets`
and whatever is vendored or made for tests.
"""

import json
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Final

FILE: Final = Path(__file__).with_name("allowed_globals.json")


class Kind(StrEnum):
    """What an artifact may do with a global while it is loaded."""

    REFER = "refer"
    CREATE = "create"
    CALL = "call"


Listing = dict[tuple[str, str], Kind]


def canonical(module: str) -> str:
    """The one spelling of a module that was renamed: `numpy.core` and `numpy._core`, and Python 2's names."""
    if module == "numpy.core" or module.startswith("numpy.core."):
        return "numpy._core" + module.removeprefix("numpy.core")
    return {"__builtin__": "builtins", "copy_reg": "copyreg"}.get(module, module)


@cache
def allowed() -> Listing:
    """The list as it is stored beside this file, by canonical module and name."""
    stored = json.loads(FILE.read_text(encoding="utf-8"))
    return {(module, name): kind for kind in Kind for module, names in stored[kind.value].items() for name in names}
