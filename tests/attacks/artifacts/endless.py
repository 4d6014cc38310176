"""Attacks on time: models that do not come back, in compiled code, in a regular expression, in Python."""

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import Pipeline

from tests.attacks.artifacts.forging import X, Y, at_missing, calls, through
from tests.attacks.attack import Attack, Target
from tests.forged_models import dumped

_TIMEOUT = ("model-timeout",)
_DEPTH = 2_000_000


def _tree(target: Target) -> bytes:
    """A tree whose root is its own child: compiled code follows it for ever, without Python's lock."""
    model = HistGradientBoostingRegressor(max_iter=2, min_samples_leaf=5).fit(X[:, 1:], Y)
    nodes = model._predictors[0][0].nodes
    nodes["left"][0] = nodes["right"][0] = 0
    return dumped(at_missing(through(model), sees=np.array([1, 2])))


def _expression(target: Target) -> bytes:
    """A pattern that takes exponential time for some strings, with Python's lock held."""
    words = CountVectorizer(token_pattern=r"(?:a+)+b|x")
    model = Pipeline([("words", ColumnTransformer([("t", words, "text")])), ("end", LinearRegression())])
    return dumped(model.fit(pd.DataFrame({"text": ["x", "aab"]}), [0.0, 1.0]))


def _doubled(target: Target) -> bytes:
    """A model that calls itself 2**40 times, in a few kilobytes."""
    model: object = LinearRegression().fit(X[:, 1:], Y)
    for _ in range(40):
        model = through(model, model)
    return dumped(at_missing(model, sees=np.array([1, 2])))


def _power(target: Target) -> bytes:
    """A number of a billion digits: hours in compiled code, with Python's lock held."""
    return dumped(at_missing(through(calls(np.array([7], dtype=object), "__pow__", 10**9))))


def _deep_key(target: Target) -> bytes:
    """A tuple in a tuple, two million deep, as the key of a dict: its hash overflows the stack of C."""
    return b"\x80\x04})" + b"\x85" * _DEPTH + b"K\x01s."


ATTACKS = (
    Attack("endless tree", "a tree that is its own child loops in C", _tree, ends=_TIMEOUT),
    Attack(
        "endless expression",
        "a regular expression that takes exponential time",
        _expression,
        ({"text": "a" * 64},),
        quiet={"text": "x"},
        columns={"text": "string"},
        ends=_TIMEOUT,
    ),
    Attack("2**40 calls", "a model of models that are all the same one", _doubled, ends=_TIMEOUT),
    Attack("power", "a power of a billion digits", _power, ends=(*_TIMEOUT, "model-out-of-memory")),
    Attack("deep key", "a key so deeply nested that its hash overflows the stack", _deep_key),
)
