"""Attacks on size: gigabytes for a kilobyte, while loading, while scoring, and as an answer."""

import io

import joblib
import numpy as np
import scipy.sparse
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import LinearRegression, RidgeClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from tests.attacks.artifacts.forging import X, Y, at_missing, calls, given, objects, through
from tests.attacks.attack import COLUMNS, FIRST, QUIET, Attack, Target
from tests.forged_models import doubled_lists, dumped

_LARGE = ("model-out-of-memory", "model-timeout", "model-crashed")
_HUNDRED = [QUIET] * 100


def _repeated(target: Target) -> bytes:
    """`ndarray.repeat`: four billion bytes."""
    return dumped(at_missing(through(calls(np.zeros(1), "repeat", 500_000_000))))


def _multiplied(target: Target) -> bytes:
    """One letter, four billion times."""
    return dumped(at_missing(through(calls(np.array(["A"], dtype=object), "__mul__", 4_000_000_000))))


def _wide_strings(target: Target) -> bytes:
    """Each cell becomes a string of ten megabytes."""
    wide = FunctionTransformer(np.asarray, kw_args={"dtype": "S10000000"})
    short = FunctionTransformer(np.asarray, kw_args={"dtype": "f8"})
    return dumped(Pipeline([("wide", wide), ("short", short), ("end", LinearRegression().fit(X, Y))]))


def _wide_weights(target: Target) -> bytes:
    """Sparse weights of five million classes: forty megabytes for a row."""
    model = RidgeClassifier().fit(X, Y > 1.5)
    weights = scipy.sparse.csc_matrix((5_000_000, len(COLUMNS)))
    return dumped(given(model, coef_=weights, intercept_=np.zeros(1)))


def _many_outputs(target: Target) -> bytes:
    """Twenty thousand outputs a row: ten thousand rows are an answer of gigabytes."""
    return dumped(given(DummyRegressor().fit(X, Y), constant_=np.array([[1 / 3]]), n_outputs_=20_000))


def _long_label(target: Target) -> bytes:
    """A label of four megabytes, in a few kilobytes: a thousand rows are an answer of gigabytes."""
    model = DummyClassifier(strategy="constant", constant="A" * (1 << 22))
    buffer = io.BytesIO()
    joblib.dump(model.fit(X, objects(["A" * (1 << 22)] * len(X))), buffer, compress=9)
    return buffer.getvalue()


def _compressed_zeros(target: Target) -> bytes:
    """A gigabyte of zeros, compressed."""
    buffer = io.BytesIO()
    joblib.dump(given(LinearRegression().fit(X, Y), rank_=np.zeros(1_000_000_000, dtype="u1")), buffer, compress=1)
    return buffer.getvalue()


def _doubled_lists(target: Target) -> bytes:
    """A list of the same list twice, forty times."""
    return dumped(given(LinearRegression().fit(X, Y), coef_=doubled_lists(40)))


def _announced_array(target: Target) -> bytes:
    """An array of three gigabytes is announced, and does not follow."""
    buffer = dumped(given(LinearRegression().fit(X, Y), coef_=np.zeros(200_000)))
    return buffer.replace((200_000).to_bytes(4, "little"), (400_000_000).to_bytes(4, "little"))


ATTACKS = (
    Attack("repeat", "ndarray.repeat makes gigabytes of one number", _repeated, ends=_LARGE),
    Attack("multiplied", "one letter becomes gigabytes", _multiplied, ends=_LARGE),
    Attack(
        "wide strings",
        "a dtype makes ten megabytes of each cell: gigabytes for a batch",
        _wide_strings,
        (_HUNDRED,),
        ends=_LARGE,
    ),
    Attack(
        "wide weights",
        "sparse weights of millions of classes: gigabytes for a batch",
        _wide_weights,
        ([QUIET] * 50,),
        ends=_LARGE,
    ),
    Attack("many outputs", "an answer of gigabytes, of numbers", _many_outputs, ([QUIET] * 10_000,)),
    Attack("long label", "an answer of gigabytes, of a label", _long_label, ([QUIET] * 1000,)),
    Attack("compressed zeros", "a gigabyte of zeros in a few megabytes", _compressed_zeros),
    Attack("doubled lists", "a list that unfolds to 2**40 parts", _doubled_lists),
    Attack("announced array", "an array is announced that does not follow", _announced_array, (FIRST,)),
)
