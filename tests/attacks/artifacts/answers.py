"""Attacks by answers: labels and numbers that JSON has not, objects in place of arrays, and names of attributes."""

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import LatentDirichletAllocation
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import BaggingRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils import Bunch

from tests.attacks.artifacts.forging import X, Y, at_missing, calls, given, hidden, objects, through
from tests.attacks.attack import Attack, Target
from tests.forged_models import dumped


def _not_a_number(target: Target) -> bytes:
    return dumped(at_missing(given(DummyRegressor().fit(X, Y), constant_=np.array([[np.nan]]))))


def _label_in_itself(target: Target) -> bytes:
    """A label that is a list with itself in it."""
    model = DummyClassifier(strategy="most_frequent").fit(X, (Y > 1.5).astype(int))
    label: list[object] = []
    label.append(label)
    return dumped(given(model, classes_=objects([label, label])))


def _classes_with_tolist(target: Target) -> bytes:
    """Classes that are an object with a `tolist` and a length of its own."""
    model = LogisticRegression().fit(X, Y > 1.5)
    return dumped(given(model, classes_=Bunch(tolist=FunctionTransformer(), shape=(1 << 60,), dtype="O")))


def _hidden_classes(target: Target) -> bytes:
    model = LogisticRegression().fit(X, Y > 1.5)
    return dumped(given(model, classes_=hidden(object, LinearRegression(), Bunch())))


def _format_string(target: Target) -> bytes:
    """`str.format` follows attributes to the environment of the process; the error of the next step quotes it."""
    way = "{0.__class__.__init__.__globals__}"
    model = given(LinearRegression().fit(X, Y))
    quoted = Pipeline([("formatted", calls(way, "format", None)), ("end", model)])
    return dumped(at_missing(through(quoted)))


def _jobs(target: Target) -> bytes:
    """Models that start processes of their own for a request."""
    columns = ColumnTransformer([(name, StandardScaler(), [index]) for index, name in enumerate("abc")], n_jobs=2)
    bagging = BaggingRegressor(LinearRegression(), n_estimators=4, n_jobs=2)
    topics = LatentDirichletAllocation(2, max_iter=1, n_jobs=2)
    model = make_pipeline(columns, FunctionTransformer(np.abs), topics, bagging).fit(X, Y)
    return dumped(at_missing(through(model), sees=np.arange(3)))


ATTACKS = (
    Attack("not a number", "an answer that JSON cannot hold", _not_a_number),
    Attack("label in itself", "a label that contains itself", _label_in_itself),
    Attack("classes with tolist", "classes that are an object with methods of their own", _classes_with_tolist),
    Attack("hidden classes", "classes that are models", _hidden_classes),
    Attack("format string", "str.format follows attributes to the environment", _format_string),
    Attack("jobs", "models that start processes for a request", _jobs),
)
