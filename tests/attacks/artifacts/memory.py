"""Attacks on memory: reads of other memory, writes outside an array, and crashes in compiled code."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import GradientBoostingRegressor, HistGradientBoostingRegressor
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsTransformer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, PolynomialFeatures

from tests.attacks.artifacts.forging import RNG, X, Y, at_missing, text_array, through
from tests.attacks.attack import COLUMNS, FIRST, Attack, Target
from tests.forged_models import dumped, given

_WORDS = 64  # of the memory that a read gives, and rows of the request
_CRASH = ("model-crashed", "model-failed")  # memory behind an array may be anything


def _interface(data: object, offset: int, count: int, kind: str = "|u1") -> Any:
    """An object that NumPy takes for an array over other memory."""
    described = {"data": data, "offset": offset, "shape": (count, 1), "typestr": kind, "version": 3}
    return text_array(np.array([1.0], dtype=object), {"__array_interface__": described})


def _reads(offset: int, count: int) -> Callable[[Target], bytes]:
    """A constant that is the memory around a string of the artifact: with the header of the object, an address."""

    def build(target: Target) -> bytes:
        constant = _interface(b"x" * 2000, offset, count)
        return dumped(at_missing(given(DummyRegressor().fit(X, Y), constant_=constant, n_outputs_=1)))

    return build


def _reads_nothing_mapped(target: Target) -> bytes:
    constant = _interface((8, True), 0, 1, "<f8")
    return dumped(at_missing(given(DummyRegressor().fit(X, Y), constant_=constant, n_outputs_=1)))


def _norms(target: Target) -> bytes:
    """Distances by norms that lie outside their array: one norm for thirty points.

    An address, read as a number, is 1e-310 and vanishes beside the row (1, 1, 1); beside (0, 0, 0) its root is the answer.
    """
    points = np.zeros((30, len(COLUMNS)))
    nearest = KNeighborsTransformer(mode="distance", n_neighbors=len(points) - 1, algorithm="brute").fit(points)
    given(nearest, effective_metric_params_={"Y_norm_squared": np.zeros(1)})
    spelt = given(LinearRegression().fit(X, Y), coef_=np.eye(len(points)), intercept_=0.0, n_features_in_=len(points))
    return dumped(Pipeline([("distances", nearest), ("all", spelt)]))


def _uninitialised(target: Target) -> bytes:
    """One column more than powers: it is what was in that memory before."""
    width = len(COLUMNS) + 2
    powers = given(PolynomialFeatures(1).fit(X), _n_out_full=width, n_output_features_=width)
    last = given(LinearRegression().fit(X, Y), coef_=np.eye(width)[-1], intercept_=0.0, n_features_in_=width)
    model = Pipeline([("powers", powers), ("finite", FunctionTransformer(np.nan_to_num)), ("last", last)])
    return dumped(at_missing(through(model), sees=np.arange(len(COLUMNS))))


def _fewer_rows(target: Target) -> bytes:
    """Boosting whose first estimate has one row for any number of rows: compiled code adds to the rows behind it."""
    boosting = GradientBoostingRegressor(n_estimators=20, init=DummyRegressor()).fit(X, Y)
    one_row = FunctionTransformer(np.sum, kw_args={"axis": 0, "keepdims": True})
    given(boosting, init_=make_pipeline(one_row, Ridge()).fit(X[:1], Y[:1]))
    return dumped(boosting)


def _no_buckets(target: Target) -> bytes:
    """A vectorizer that divides by zero in compiled code, for each word."""
    words = HashingVectorizer(n_features=1, norm=None)
    model = make_pipeline(FunctionTransformer(np.ravel), words, DummyRegressor())
    model.fit(pd.DataFrame({"text": ["a b", "c d"]}), [0.0, 1.0])
    given(words, n_features=0)
    return dumped(model)


def _outside_the_nodes(target: Target) -> bytes:
    model = HistGradientBoostingRegressor(max_iter=2, min_samples_leaf=5).fit(X[:, 1:], Y)
    model._predictors[0][0].nodes["left"][0] = model._predictors[0][0].nodes["right"][0] = (1 << 32) - 1
    return dumped(at_missing(through(model), sees=np.array([1, 2])))


def _wrong_labels(target: Target) -> bytes:
    """Classes whose data is an address that is not mapped."""
    model = DummyClassifier(strategy="most_frequent").fit(X, Y > 1)
    return dumped(at_missing(through(given(model, classes_=_interface((16, True), 0, 2, "<f8")))))


def _sparse_outside(target: Target) -> bytes:
    """Sparse weights whose indices lie far outside."""
    weights = LogisticRegression().fit(X, Y > 1.5).sparsify()
    weights.coef_.indices[:] = 1 << 30
    return dumped(at_missing(through(weights), sees=np.arange(3)))


_ROWS = [FIRST] * _WORDS
_MANY = [{name: float(value) for name, value in zip(COLUMNS, row, strict=True)} for row in RNG.random((9000, 3))]
ATTACKS = (
    Attack(
        "reads an address", "__array_interface__ reads the header of an object in memory", _reads(-32, _WORDS), (_ROWS,)
    ),
    Attack(
        "reads behind a string",
        "__array_interface__ reads what follows in memory",
        _reads(1800, 9000),
        ([FIRST] * 9000,),
    ),
    Attack(
        "reads before a string",
        "__array_interface__ reads what precedes in memory",
        _reads(-9000, 9000),
        ([FIRST] * 9000,),
    ),
    Attack("reads address 8", "__array_interface__ reads what is not mapped", _reads_nothing_mapped, ends=_CRASH),
    Attack("classes at address 16", "classes_ are at an address that is not mapped", _wrong_labels),
    Attack(
        "norms",
        "Y_norm_squared is shorter than its points: distances tell memory",
        _norms,
        (dict.fromkeys(COLUMNS, 0.0),),
        quiet=dict.fromkeys(COLUMNS, 1.0),
    ),
    Attack("uninitialised", "PolynomialFeatures leaves a column as memory was", _uninitialised, ([FIRST] * 500,)),
    Attack(
        "fewer rows",
        "boosting adds to memory behind its array: many rows crash it",
        _fewer_rows,
        (_MANY, _MANY),
        ends=_CRASH,
    ),
    Attack(
        "division by zero",
        "a vectorizer without buckets divides by zero at the first word",
        _no_buckets,
        ({"text": "two words"},),
        quiet={"text": ""},
        columns={"text": "string"},
        ends=_CRASH,
    ),
    Attack("outside the nodes", "a tree goes on far outside its nodes", _outside_the_nodes, ends=_CRASH),
    Attack("sparse outside", "sparse weights name columns far outside", _sparse_outside),
)
