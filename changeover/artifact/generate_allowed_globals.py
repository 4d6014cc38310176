"""The generator of `allowed_globals.json` from the installed libraries.

`python -m changeover.artifact.generate_allowed_globals [FILE]` writes the list to FILE, or to the one that is part of
this product. It works with scikit-learn from 1.2 on: a module or a name that a version does not have is left out.
"""

import json
import sys
import types
from collections import defaultdict
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import Final

from changeover.artifact import unused
from changeover.artifact.allowed_globals import FILE, Kind, Listing

_LEFT_OUT: Final = frozenset(
    [
        "tests",
        "datasets",
        "externals",
        "experimental",
        "callback",
        "conftest",
        "inspection",
        "__check_build",
        "_build_utils",
        "_repr_html",
        "_test_common",
        "_testing",
        "_mocking",
        "estimator_checks",
        "discovery",
        "parallel",
        "_plot",
        "_pprint",
    ]
)

# fitted estimators are, or hold, subclasses of these
_ROOTS: Final = {
    "sklearn.base": "BaseEstimator",
    "sklearn._loss.loss": "BaseLoss",
    "sklearn._loss.link": "BaseLink",
    "sklearn.ensemble._gb_losses": "LossFunction",  # until 1.3
    "sklearn.gaussian_process.kernels": "Kernel",
    "sklearn.metrics._scorer": "_BaseScorer",
    "sklearn.model_selection._split": "BaseCrossValidator BaseShuffleSplit _RepeatedSplits",
    "sklearn.neural_network._stochastic_optimizers": "BaseOptimizer",
}

# classes that estimators hold, without a common base class
_HELD: Final = {
    "joblib.numpy_pickle": "NumpyArrayWrapper",
    "scipy.interpolate._bsplines": "BSpline",
    "sklearn._loss.link": "Interval",
    "sklearn.calibration": "_CalibratedClassifier",
    "sklearn.cluster._birch": "_CFNode _CFSubcluster",
    "sklearn.cluster._bisect_k_means": "_BisectingTree",
    "numpy": "vectorize",  # a placeholder: changeover/artifact/unused.py
    "sklearn.compose._column_transformer": "_RemainderColsList make_column_selector",  # the first until 1.7
    "sklearn.ensemble._hist_gradient_boosting.predictor": "TreePredictor",
    "sklearn.impute._iterative": "_ImputerTriplet",
    "sklearn.metrics._scorer": "_MultimetricScorer _PassthroughScorer",
    "sklearn.model_selection._split": "_CVIterableWrapper",
    "sklearn.utils._bunch": "Bunch",
    "sklearn.utils._metadata_requests": "MetadataRequest MethodMetadataRequest",
    "pandas": "CategoricalDtype",
    "pandas.arrays": "ArrowStringArray",  # it and the next are replaced: changeover/artifact/texts.py
    "pandas.core.arrays.string_arrow": "ArrowStringArray ArrowStringArrayNumpySemantics",  # until pandas 2.3
}

# the same, in older versions
_HELD_BEFORE: Final = {
    "sklearn.compose._column_transformer": "_RemainderColsList",  # from 1.5 to 1.6
}

# extension types and the functions that rebuild them; those with a stand-in are in changeover/artifact/stand_ins.py
_CALLED: Final = {
    "_codecs": "encode",
    "builtins": "bytearray bytes complex frozenset getattr range set slice",  # getattr: a placeholder
    "collections": "OrderedDict defaultdict deque",
    "copyreg": "_reconstructor",
    "functools": "partial",
    "datetime": "date datetime time timedelta timezone",
    "numpy": "dtype",
    "numpy._core.multiarray": "_reconstruct scalar",
    "numpy._core.numeric": "_frombuffer",
    "numpy.ma.core": "_mareconstruct",
    "numpy.random._pickle": "__bit_generator_ctor __generator_ctor __randomstate_ctor",
    "numpy.random.bit_generator": "__pyx_unpickle_SeedSequence",
    "pandas": "StringDtype",
    "pandas._libs.arrays": "__pyx_unpickle_NDArrayBacked",
    "pandas._libs.tslibs.nattype": "_nat_unpickle",
    "pandas._libs.tslibs.timestamps": "_unpickle_timestamp",
    "pandas.core.arrays.string_": "StringDtype",
    "pandas.core.indexes.base": "_new_Index",
    "pyarrow.lib": "_restore_array chunked_array py_buffer type_for_alias",
    "sklearn._loss._loss": "__pyx_unpickle_CyHalfMultinomialLoss",
    "sklearn.linear_model._sgd_fast": "__pyx_unpickle_Classification __pyx_unpickle_Regression",
    "sklearn.metrics._dist_metrics": "newObj",
    "sklearn.neighbors._ball_tree": "newObj",
    "sklearn.neighbors._kd_tree": "newObj",
    "sklearn.tree._tree": "Tree",
}

_REFERRED: Final = {
    "builtins": "bool dict float int list object str tuple",
    "numpy": "all any around array asarray atleast_2d clip cumsum diff max mean median memmap min nan_to_num ndarray prod "
    "ravel reshape round squeeze std sum transpose var",
    "numpy.ma": "MaskedArray",
    "numpy.ma.core": "MaskedArray",
    "numpy.random._mt19937": "MT19937",
    "numpy.random._pcg64": "PCG64 PCG64DXSM",
    "numpy.random._philox": "Philox",
    "numpy.random._sfc64": "SFC64",
    "numpy.random.bit_generator": "SeedSequence",
    "pandas": "Index NA RangeIndex",
    "pandas._libs.missing": "NA",
    "pandas.arrays": "StringArray",
    "pandas.core.arrays.string_": "StringArray",
    "pandas.core.indexes.base": "Index",
    "pandas.core.indexes.range": "RangeIndex",
    "zoneinfo": "ZoneInfo",
    "scipy._lib.array_api_compat.numpy._aliases": "asarray",
    "sklearn._loss._loss": "CyHalfMultinomialLoss",
    "sklearn.cluster._kmeans": "_kmeans_single_elkan _kmeans_single_lloyd",
    "sklearn.feature_selection._mutual_info": "mutual_info_classif mutual_info_regression",
    "sklearn.feature_selection._univariate_selection": "chi2 f_classif f_oneway f_regression r_regression",
    "sklearn.preprocessing._data": "add_dummy_feature binarize maxabs_scale minmax_scale normalize power_transform "
    "quantile_transform robust_scale scale",
    "sklearn.preprocessing._function_transformer": "_identity",
    "sklearn.utils.validation": "check_array",
}

_SPECIAL_UFUNCS: Final = (
    "boxcox boxcox1p cbrt entr exp10 exp2 expit expm1 gammaln inv_boxcox inv_boxcox1p log1p log_expit logit ndtr ndtri "
    "xlog1py xlogy"
)

_NOT_EVERYWHERE: Final = frozenset({"complex192", "complex256", "float96", "float128"})  # depends on the processor

_NO_SCORES: Final = frozenset({"check_scoring", "get_scorer", "get_scorer_names", "make_scorer"})

# `__reduce__` rebuilds these by a call of the class
_EXTENSION_ROOTS: Final = {
    Kind.CALL: {
        "sklearn._loss._loss": "CyLossFunction",
        "sklearn.linear_model._sgd_fast": "Classification Regression",
    },
    Kind.REFER: {
        "sklearn.metrics._dist_metrics": "DistanceMetric",
        "sklearn.neighbors._ball_tree": "BinaryTree BinaryTree32 BinaryTree64",
        "sklearn.neighbors._kd_tree": "BinaryTree BinaryTree32 BinaryTree64",
    },
}


def _classes_under(module: types.ModuleType, roots: tuple[type, ...]) -> list[str]:
    own = (module.__name__, module.__name__.rpartition(".")[2])  # some compiled modules leave out their package
    return [
        name
        for name, value in vars(module).items()
        if isinstance(value, type) and value.__module__ in own and issubclass(value, roots)
    ]


def _sklearn_modules() -> list[types.ModuleType]:
    import sklearn

    names = [module.name for module in walk_packages(sklearn.__path__, "sklearn.", onerror=lambda _name: None)]
    wanted = [name for name in sorted(names) if not _LEFT_OUT.intersection(name.split("."))]
    return [module for module in map(_module, wanted) if module is not None]


def _module(name: str) -> types.ModuleType | None:
    """The module `name`, or None: versions differ in their modules, and some need packages that are not installed."""
    try:
        return import_module(name)
    except ImportError:
        return None


def _classes(names: dict[str, str]) -> Iterator[type]:
    """The classes that exist, of names by module."""
    for path, listed in names.items():
        module = _module(path)
        for name in listed.split() if module is not None else ():
            thing = vars(module).get(name)
            if isinstance(thing, type):
                yield thing


def generate() -> Listing:
    """The list for the installed libraries."""
    import numpy as np
    import scipy.special
    import sklearn.metrics
    from scipy.stats._distn_infrastructure import rv_frozen, rv_generic
    from sklearn.metrics import _scorer, pairwise

    listing: Listing = {}
    for kind, table in ((Kind.REFER, _REFERRED), (Kind.CREATE, _HELD), (Kind.CALL, _CALLED)):
        listing |= {(module, name): kind for module, names in table.items() for name in names.split()}

    for name, value in vars(np).items():
        scalar = isinstance(value, type) and issubclass(value, np.generic) and name not in _NOT_EVERYWHERE
        if scalar or isinstance(value, np.ufunc):
            listing["numpy", name] = Kind.REFER
        if isinstance(value, np.ufunc):  # the name that NumPy 1 writes
            listing["numpy._core._multiarray_umath", value.__name__] = Kind.REFER
    for name in _SPECIAL_UFUNCS.split():
        if isinstance(getattr(scipy.special, name, None), np.ufunc):
            listing |= {(f"scipy.special{part}", name): Kind.REFER for part in ("", "._special_ufuncs", "._ufuncs")}
    for path in unused.DISTRIBUTIONS:
        module = import_module(path)
        listing |= {(path, name): Kind.CREATE for name in _classes_under(module, (rv_generic, rv_frozen))}

    for name in ("csr", "csc", "coo", "bsr", "dia", "lil", "dok"):
        for ending in ("matrix", "array"):
            listing[f"scipy.sparse._{name}", f"{name}_{ending}"] = Kind.CREATE

    listing |= {(kind.__module__, kind.__name__): Kind.CREATE for kind in _classes(_HELD_BEFORE)}

    roots = tuple(_classes(_ROOTS))
    for module in _sklearn_modules():
        listing |= {(module.__name__, name): Kind.CREATE for name in _classes_under(module, roots)}
    for kind, extension in _EXTENSION_ROOTS.items():
        for path, names in extension.items():
            compiled = _module(path)
            if compiled is None:
                continue
            under = _classes_under(compiled, tuple(_classes({path: names})))
            # this metric calls a Python function, which an artifact cannot hold
            listing |= {(path, name): kind for name in under if not name.startswith("PyFunc")}
            # until scikit-learn 1.5 Cython's function rebuilds them, which makes nothing but an object of the class
            rebuilding = [f"__pyx_unpickle_{name}" for name in under if kind is Kind.CALL]
            listing |= {(path, name): kind for name in rebuilding if name in vars(compiled)}

    scores = {name: vars(sklearn.metrics)[name] for name in sklearn.metrics.__all__ if name not in _NO_SCORES}
    scores |= {name: value for name, value in vars(pairwise).items() if name in pairwise.PAIRWISE_KERNEL_FUNCTIONS}
    scores |= {f.__name__: f for f in pairwise.PAIRWISE_KERNEL_FUNCTIONS.values()}
    scores |= {f.__name__: f for f in pairwise.PAIRWISE_DISTANCE_FUNCTIONS.values() if f is not None}
    scores |= {"": vars(_scorer).get("_passthrough_scorer")}  # a function until scikit-learn 1.2
    for value in scores.values():
        if isinstance(value, types.FunctionType) and value.__module__.startswith("sklearn.metrics."):
            listing[value.__module__, value.__name__] = Kind.REFER
    return listing


def as_json(listing: Listing) -> str:
    """The stored form: by kind, module and name, sorted."""
    kinds: dict[str, dict[str, list[str]]] = {kind.value: defaultdict(list) for kind in Kind}
    for (module, name), kind in sorted(listing.items()):
        kinds[kind.value][module].append(name)
    return json.dumps(kinds, indent=1) + "\n"


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else FILE
    target.write_text(as_json(generate()), encoding="utf-8")
