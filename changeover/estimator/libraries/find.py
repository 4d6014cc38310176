"""The choice of the file for an object, by the library of its class."""

from functools import cache, lru_cache
from typing import Any, Final

import pandas as pd

from changeover.estimator.libraries.adapted import Adapted
from changeover.estimator.libraries.library import Library

ROOTS: Final = ("xgboost", "lightgbm", "catboost", "statsmodels", "category_encoders", "feature_engine")
_DEFAULT: Final = Library()


def library_of(part: object) -> Library:
    """The answers for `part`: those of its library, else those of scikit-learn's conventions."""
    if isinstance(part, Adapted):
        part = part.original
    kind: Any = type(part)
    return _of_class(kind)


@lru_cache(maxsize=1_000)
def _of_class(kind: type[Any]) -> Library:
    for base in kind.__mro__:  # a class may derive from a library's, as those of a user's own package do
        root = base.__module__.partition(".")[0]
        if root in ROOTS:
            return _library(root)
        if root == "sklearn":
            break
    return _DEFAULT


@cache
def _library(root: str) -> Library:
    """The answers of the library with this top-level package."""
    match root:
        case "xgboost":
            from changeover.estimator.libraries import xgboost

            return xgboost.LIBRARY
        case "lightgbm":
            from changeover.estimator.libraries import lightgbm

            return lightgbm.LIBRARY
        case "catboost":
            from changeover.estimator.libraries import catboost

            return catboost.LIBRARY
        case "statsmodels":
            from changeover.estimator.libraries import statsmodels

            return statsmodels.LIBRARY
        case "category_encoders":
            from changeover.estimator.libraries import category_encoders

            return category_encoders.LIBRARY
        case _:
            from changeover.estimator.libraries import feature_engine

            return feature_engine.LIBRARY


def adapted(estimator: object) -> object:
    """`estimator` in the form of a scikit-learn estimator: itself, unless its library has another form."""
    library = _DEFAULT if isinstance(estimator, Adapted) else library_of(estimator)
    return estimator if type(library).adapted is Library.adapted else _adapted(library, estimator)


@lru_cache(maxsize=1)  # a process serves one model
def _adapted(library: Library, estimator: object) -> object:
    return library.adapted(estimator)


def original_of(estimator: object) -> object:
    """The model that was adapted, or `estimator` itself."""
    return estimator.original if isinstance(estimator, Adapted) else estimator


def example_of(estimator: object) -> pd.DataFrame | None:
    """The inputs among the training data that an adapted model keeps, if any."""
    return estimator.example if isinstance(estimator, Adapted) else None
