"""The allow-list of globals that an artifact may name: `allowed_globals.json`.

`python -m changeover.artifact.generate_allowed_globals` generates it from the installed scikit-learn, NumPy and SciPy.
Each environment that `changeover environment add` makes has a list of its own.
There are three kinds, and each includes the one before. *refer*: an artifact may name it (`np.log1p` in a
FunctionTransformer). *create*: an artifact may create it without its constructor (`cls.__new__`, then its state).
*call*: an artifact may call it while loading. Most entries are *create*, so a load runs few functions, and each of
those was reviewed.

The list never holds a function that imports, evaluates, opens or looks up attributes by name. Examples are
`numpy._core._ufunc_reconstruct` (imports a module named by its argument), `numpy.load`, `fromfile` and `memmap`,
`operator.attrgetter`, `functools.partial` of anything but functions of scikit-learn and NumPy, joblib's `NDArrayWrapper` (loads a
path), trees of `scipy.spatial` (raw pointers), `sklearn.datasets`, and vendored or test modules. SciPy's distributions,
`numpy.vectorize` and `builtins.getattr` are on it for a search's distributions, and are placeholders: `unused.py`. The functions of
pyarrow on it are replaced by ones that check every buffer: `texts.py`.
"""

import json
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Final

FILE: Final = Path(__file__).with_name("allowed_globals.json")


class Kind(StrEnum):
    """The permission of an artifact on a global during loading."""

    REFER = "refer"
    CREATE = "create"
    CALL = "call"


_RENAMED: Final = {"__builtin__": "builtins", "copy_reg": "copyreg", "_loss": "sklearn._loss._loss"}

Listing = dict[tuple[str, str], Kind]


def canonical(module: str) -> str:
    """The current name of a renamed module: `numpy.core` becomes `numpy._core`; Python 2's names become Python 3's.

    scikit-learn 1.5 to 1.8 was built in such a way that its module of losses names itself without its package.
    """
    if module == "numpy.core" or module.startswith("numpy.core."):
        return "numpy._core" + module.removeprefix("numpy.core")
    return _RENAMED.get(module, module)


@cache
def allowed(file: Path = FILE) -> Listing:
    """The list that is stored in `file`, by canonical module and name; without it the one beside this module."""
    stored = json.loads(file.read_text(encoding="utf-8"))
    return {(module, name): kind for kind in Kind for module, names in stored[kind.value].items() for name in names}
