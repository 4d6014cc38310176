"""The means of the attacks, of allowed names alone.

- `hidden`: a pandas array of objects that `changeover/artifact/state/walk.py` passes over, as the array has an
  attribute `categories`. So no state behind it is checked: any method name, any cache folder, any forged tree.
- `at_missing`: a pipeline that calls an estimator only for a row with a missing value, so that admission passes.
- `calls`: an estimator that calls any method of any object, by `StackingRegressor.stack_method_`.
- `chosen_code`: `Pipeline.fit` with a cache folder unpickles a file that `ndarray.tofile` wrote before.
"""

import contextlib
import shutil
import tempfile
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pandas._libs.arrays as compiled
from pandas.arrays import StringArray
from sklearn.ensemble import StackingRegressor, VotingRegressor
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import Bunch

from tests.attacks.attack import COLUMNS
from tests.forged_models import Reduced, dumped, given

_REBUILD = vars(compiled)["__pyx_unpickle_NDArrayBacked"]
_CHECKSUM = StringArray(np.array(["a"], dtype=object)).__reduce__()[1][1]
RNG = np.random.default_rng(5)
X = RNG.random((40, len(COLUMNS)))
Y = X.sum(axis=1)
NOTHING = np.array([], dtype=int)


def objects(things: list[object]) -> Any:
    """An array of these objects."""
    array = np.empty(len(things), dtype=object)
    for index, thing in enumerate(things):
        array[index] = thing
    return array


def text_array(content: object, attributes: dict[str, object]) -> Reduced:
    """A pandas array of strings with other content than strings, and with attributes of its own."""
    kind = pd.StringDtype("python", na_value=np.nan)  # type: ignore[call-overload, unused-ignore]
    return Reduced(_REBUILD, (StringArray, _CHECKSUM, (kind, content, attributes)))


def hidden(*things: object) -> Reduced:
    """A sequence of these objects, whose state is not checked."""
    return text_array(objects(list(things)), {"categories": None})


def through(*estimators: object) -> Any:
    """An ensemble that calls `predict` of these, whose state is not checked."""
    model = VotingRegressor([("a", LinearRegression())]).fit(X, Y)
    return given(model, estimators_=hidden(*estimators))


def at_missing(*acts: object, sees: Any = NOTHING) -> Any:
    """A pipeline that calls `acts[i].predict` for rows whose column i is missing, with the columns `sees` of these rows."""
    table = X.copy()
    table[np.arange(3), np.arange(3)] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        imputer = IterativeImputer(max_iter=1, random_state=0).fit(table)
    steps = [Bunch(feat_idx=index, neighbor_feat_idx=sees, estimator=act) for index, act in enumerate(acts)]
    wide = np.full(len(COLUMNS), np.inf)
    given(imputer, imputation_sequence_=steps, n_iter_=1, _estimator=None, _min_value=-wide, _max_value=wide)
    return Pipeline([("imputer", imputer), ("regressor", first_column())])


def first_column() -> Any:
    """A regressor that answers its first column."""
    columns = np.zeros(len(COLUMNS))
    columns[0] = 1.0
    return given(LinearRegression().fit(X, Y), coef_=columns, intercept_=0.0)


def calls(thing: object, method: str, argument: object = None) -> Any:
    """An estimator whose `predict` calls `thing.method(argument)`, or with its own input where there is no argument."""
    stack = StackingRegressor([("a", LinearRegression())], cv=2).fit(X, Y)
    given(stack, estimators_=[thing], stack_method_=[method])
    if argument is None:
        return stack
    given_out = FunctionTransformer(np.sum, kw_args={"dtype": object, "initial": argument})  # a sum of nothing
    return Pipeline([("argument", given_out), ("call", stack)])


def content(payload: bytes) -> Any:
    """An array of one item: `tofile` writes these bytes."""
    return np.array([payload + b"."], dtype=f"S{len(payload) + 1}")  # NumPy drops zeros at the end


def writes(payload: bytes, path: str) -> Any:
    """An estimator whose `predict` writes a file."""
    return calls(content(payload), "tofile", path)


def cached(folder: str) -> Any:
    """A pipeline whose `fit` reads and fills a cache folder."""
    return given(Pipeline([("same", FunctionTransformer()), ("end", LinearRegression())]), memory=folder)


@cache
def _place_in_cache() -> Path:
    """The path of the cached result in a cache folder; it depends on the versions of the libraries alone."""
    folder = tempfile.mkdtemp()
    with contextlib.suppress(ValueError):  # the last step has no target; the first one is cached
        cached(folder).fit(np.empty((1, 0)))
    try:
        (found,) = Path(folder).rglob("output.pkl")
        return found.relative_to(folder)
    finally:
        shutil.rmtree(folder)


def chosen_code(source: str, folder: str) -> Any:
    """Runs `source` at the third request that sets it off: FIRST fills a cache, SECOND forges it, FIRST reads it."""
    payload = dumped(Reduced(exec, (source,)))
    path = Path(folder) / _place_in_cache()
    return at_missing(through(calls(cached(folder), "fit")), through(writes(payload, str(path))))
