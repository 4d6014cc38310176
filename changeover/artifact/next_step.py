"""The next step after a forbidden global: what its name says about the artifact, and what its publisher can do."""

import sys
from collections.abc import Sequence
from enum import Enum
from typing import Final

_ARROW_TEXTS: Final = ("pandas.arrays.ArrowString", "pandas.core.arrays.string_arrow.")
_ARROW: Final = (
    "pandas.ArrowDtype",
    "pandas.arrays.Arrow",
    "pandas.core.arrays.arrow.",
    "pandas.core.dtypes.dtypes.ArrowDtype",
    "pyarrow.",
)
ARROW_VALUES: Final = (
    "of what pyarrow keeps, texts of the dtypes `str` and `string` are read: turn columns of an ArrowDtype into those of "
    "pandas, as by `frame.convert_dtypes(dtype_backend='numpy_nullable')`, and fit the model again"
)
_ADD: Final = "changeover environment add"
_MOST_ROOTS: Final = 20


class Origin(Enum):
    """The origin of a global, which decides what can be done."""

    HOSTILE = "runs commands, opens files or connections, or imports by name"
    UNSUITED = "part of Python that no prediction needs"
    LISTABLE = "harmless part of a library that the list leaves out"
    CODE = "carries code in the artifact"
    SCRIPT = "defined in a script or a notebook"
    FOREIGN = "of another package"


# prefixes of dotted names; the first that fits decides
_BY_PREFIX: Final = (
    *((f"{name}.", Origin.CODE) for name in ("cloudpickle", "dill", "joblib.externals.cloudpickle", "types")),
    ("__main__.", Origin.SCRIPT),
    *(
        (f"builtins.{name}", Origin.HOSTILE)
        for name in """__import__ breakpoint compile delattr eval exec execfile exit file getattr globals help input
        locals open quit setattr vars""".split()  # noqa: SIM905
    ),
    *(
        (f"{name}.", Origin.HOSTILE)
        for name in """_ctypes _io _pickle _posixsubprocess aiohttp asyncio bdb cProfile cgi code codeop commands
        concurrent ctypes distutils doctest ensurepip ftplib gc http httpx imp importlib io linecache marshal
        multiprocessing nt os pdb pickle pip pkgutil popen2 posix posixpath profile pty requests runpy setuptools shelve
        shutil signal site smtplib socket socketserver sqlite3 ssl subprocess sys tempfile timeit trace urllib urllib3
        venv webbrowser xmlrpc zipfile zipimport
        joblib.numpy_pickle joblib.numpy_pickle_compat numpy.ctypeslib numpy.distutils numpy.f2py numpy.testing
        numpy.lib pandas.compat pandas.io scipy.io sklearn.datasets sklearn.externals""".split()  # noqa: SIM905
    ),
    *(
        (name, Origin.HOSTILE)
        for name in """joblib.load numpy.fromfile numpy.genfromtxt numpy.load numpy.memmap numpy.save numpy.fromregex
        operator.attrgetter operator.methodcaller pandas.eval pandas.read_ pandas.core.computation""".split()  # noqa: SIM905
    ),
    *((f"{name}.", Origin.UNSUITED) for name in ("joblib", "numpy._core", "numpy.core")),
    *((f"{name}.", Origin.LISTABLE) for name in ("numpy", "pandas", "pyarrow", "scipy", "sklearn")),
    *((f"{name}.", Origin.LISTABLE) for name in ("collections", "datetime", "decimal", "fractions", "re", "uuid")),
)
# modules that a name may reach through another one, as `sklearn.base.os.system` does
_REACHED: Final = frozenset(
    "builtins ctypes importlib io nt os pickle posix shutil socket subprocess sys tempfile".split()  # noqa: SIM905
)
# distributions whose name is not that of their package; other packages are asked for as wheels
_DISTRIBUTIONS: Final = {
    "_catboost": "catboost",
    "category_encoders": "category-encoders",
    "feature_engine": "feature-engine",
    "hdbscan": "hdbscan",
    "imblearn": "imbalanced-learn",
    "sklego": "scikit-lego",
    "skopt": "scikit-optimize",
    "sksurv": "scikit-survival",
    "umap": "umap-learn",
    **{
        name: name
        for name in """catboost lightgbm mlxtend patsy pmdarima prophet pygam pyod skops skorch skrub statsmodels
        tslearn xgboost""".split()  # noqa: SIM905
    },
}


def origin_of(name: str) -> Origin:
    """The origin of the dotted `name`."""
    inner = name.split(".")[1:]
    if any(part in _REACHED or (part.startswith("__") and part.endswith("__")) for part in inner):
        return Origin.HOSTILE
    for prefix, origin in _BY_PREFIX:
        if name.startswith(prefix):
            return origin
    root = name.partition(".")[0]
    return Origin.UNSUITED if root in sys.stdlib_module_names else Origin.FOREIGN


def of(name: str, names: Sequence[str] = (), version: str = "") -> str:
    """What to do about the forbidden global `name`, as a part of a sentence.

    `names` are all the globals of the artifact, and `version` is the scikit-learn that it was made with, if known.
    """
    if name.startswith(_ARROW_TEXTS):
        return (
            "this environment was made before such texts were read: have the operator make it again "
            "(`changeover environment remove`, then `add`), or set `pd.options.mode.string_storage = 'python'`, read the "
            "frame again, and fit the model again"
        )
    if name.startswith(_ARROW):
        return ARROW_VALUES
    origin = origin_of(name)
    if origin is Origin.HOSTILE:
        return (
            "no model needs it, so the artifact is hostile or damaged: load it nowhere, trust nothing from its source, "
            "and make the model again from code that you know"
        )
    if origin is Origin.UNSUITED:
        return (
            "no prediction needs it: publish the model without it (a cache by `memory=None`, a choice of columns by a "
            "ColumnTransformer)"
        )
    if origin is Origin.CODE:
        return (
            "the artifact carries code by value: put that code into a package of your own, or have the operator add an "
            f"environment that admits code: `{_command(names, version)} --allow-code`"
        )
    if origin is Origin.SCRIPT:
        return (
            f"it is defined in a script or notebook, whose code is not in the artifact: put it "
            f"into a package of your own, build its wheel, and have the operator add an environment: "
            f"`{_command(names, version, wheel=True)}`; or dump the model with cloudpickle, for an environment made "
            f"with --allow-code"
        )
    if origin is Origin.LISTABLE and _is_plain(name):
        return (
            f"publish a pipeline of scikit-learn parts without it, or, if the operator trusts it, set "
            f"ALLOWED_GLOBALS={name} for both services"
        )
    if origin is Origin.FOREIGN and _is_plain(name):
        root = name.partition(".")[0]
        return f"have the operator add an environment that has {root}: `{_command((*names, name), version)}`"
    return "publish a pipeline of scikit-learn parts without it"


def add_environment(names: Sequence[str], version: str) -> str:
    """The command that makes an environment for an artifact of these globals and this version of scikit-learn."""
    return _command(names, version)


def _is_plain(name: str) -> bool:
    """Whether `name` is made of identifiers, and so may stand in a command that people type."""
    return name.isascii() and all(part.isidentifier() for part in name.split("."))


def _command(names: Sequence[str], version: str, *, wheel: bool = False) -> str:
    foreign = [name for name in names if origin_of(name) is Origin.FOREIGN and _is_plain(name)]
    roots = sorted({name.partition(".")[0] for name in foreign})[:_MOST_ROOTS]
    requirements = [f"scikit-learn=={version}" if version else "scikit-learn==VERSION"]
    requirements += sorted({_DISTRIBUTIONS[root] for root in roots if root in _DISTRIBUTIONS})
    # a package of this name on a public index may be a stranger's, so only a file is named
    requirements += [f"./{root}-VERSION-py3-none-any.whl" for root in roots if root not in _DISTRIBUTIONS]
    if wheel and len(requirements) == 1:
        requirements.append("./mypackage-VERSION-py3-none-any.whl")
    return f"{_ADD} NAME {' '.join(requirements)}"
