"""Artifacts with allowed names only, whose state would do harm when the model is called: each is refused by name.

Each is a fitted model with one forged attribute. The key of an example names the harm.
"""

import pickle
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.cluster import AgglomerativeClustering, KMeans
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    RandomForestClassifier,
)
from sklearn.feature_selection import SelectFromModel
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV
from sklearn.multioutput import ClassifierChain
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.tree._tree import Tree
from sklearn.utils import Bunch, check_array

from changeover.artifact.load import load_model
from changeover.exceptions import UnsafeState
from tests.forged_models import (
    TWO,
    Reduced,
    X,
    Y,
    boosting,
    boosting_over_other_columns,
    doubled_lists,
    doubled_pipelines,
    dumped,
    forest_with_a_loop,
    forged_tree,
    given,
    histogram,
    isolation_with_a_loop,
    machine,
    neighbours,
    node,
    outside_its_state,
    put,
    replaced,
    sparse,
    spline,
    stacking,
    tree,
)

called = FunctionTransformer

STATES: dict[str, tuple[Callable[[], Any], str]] = {
    # an attribute names the method that is called
    "stacking that writes a file": (
        lambda: given(stacking(), stack_method_=["tofile", "tofile"]),
        "stack_method_ names 'tofile'",
    ),
    "stacking over an array": (
        lambda: given(stacking(), stack_method_=["dump"], estimators_=[np.zeros(3)]),
        "stack_method_ names 'dump'",
    ),
    "a threshold on any method": (
        lambda: given(FixedThresholdClassifier(LogisticRegression()).fit(X, Y), response_method="fit"),
        "response_method names 'fit'",
    ),
    "a threshold on a list of methods": (
        lambda: given(FixedThresholdClassifier(LogisticRegression()).fit(X, Y), response_method=["predict", "fit"]),
        "response_method names 'fit'",
    ),
    "a chain by any method": (
        lambda: given(ClassifierChain(LogisticRegression()).fit(X, TWO), chain_method_="set_params"),
        "chain_method_ names 'set_params'",
    ),
    "importance by any attribute": (
        lambda: given(SelectFromModel(Ridge()).fit(X, Y), importance_getter="__class__.fit.__globals__"),
        "importance_getter names",
    ),
    "a method replaced": (lambda: given(Ridge().fit(X, Y), predict=np.log1p), "predict takes the place of a method"),
    "a private method replaced": (
        lambda: given(Ridge().fit(X, Y), _decision_function=np.log1p),
        "_decision_function takes the place of a method",
    ),
    # functions and their options
    "out= of a function": (
        lambda: called(np.log1p, kw_args={"out": X.copy()}),
        "kw_args has the keyword argument out=",
    ),
    "out= of the inverse": (
        lambda: called(np.log1p, inv_kw_args={"out": X.copy()}),
        "inv_kw_args has the keyword argument out=",
    ),
    "out= in a partial call": (
        lambda: called(Reduced(partial, (check_array,), (check_array, (), {"out": X.copy()}, None))),
        "the keyword argument out=",
    ),
    "arguments in a partial call": (
        lambda: called(Reduced(partial, (check_array,), (check_array, (X,), {}, None))),
        "arguments by place",
    ),
    "like= of a function": (lambda: called(np.asarray, kw_args={"like": X}), "like="),
    "memory that where= leaves as it was": (lambda: called(np.log1p, kw_args={"where": False}), "where="),
    "options that are no dict": (lambda: called(np.log1p, kw_args=Bunch(out=X)), "is no dict of keyword arguments"),
    "the options of a metric": (
        lambda: given(KNeighborsClassifier().fit(X, Y), metric_params={"out": X}),
        "metric_params has the keyword argument out=",
    ),
    "uninitialized memory": (lambda: called(np.ndarray), "is the class ndarray"),
    "uninitialized memory, by a masked array": (lambda: called(np.ma.MaskedArray), "is the class MaskedArray"),
    "as many bytes as a row says": (lambda: called(np.void), "is the class void"),
    "a class of scikit-learn as a function": (
        lambda: called(Pipeline, kw_args={"memory": "/tmp/changeover"}),
        "is the class Pipeline",
    ),
    "a function for loading": (lambda: called(bytearray), "is the class bytearray"),
    # caches of pipelines
    "a cache that is no text": (lambda: Pipeline([("a", Ridge())], memory=Bunch(cache=1)), "memory is a cache"),
    "the cache of a clusterer": (lambda: AgglomerativeClustering(memory={"location": "/tmp"}), "memory is a cache"),
    # trees
    "a loop in a tree": (lambda: forged_tree(node("left_child", 0)), "it would loop"),
    "a loop by the other child": (lambda: forged_tree(node("right_child", 0)), "it would loop"),
    "a child that is no leaf's mark": (lambda: forged_tree(node("right_child", -1)), "it would loop"),
    "a child outside": (lambda: forged_tree(node("left_child", 1 << 40)), "a child outside its"),
    "a column outside": (lambda: forged_tree(node("feature", 4)), "a column it does not have"),
    "a column before the first": (lambda: forged_tree(node("feature", -5)), "a column it does not have"),
    "more nodes than there are": (
        lambda: forged_tree(lambda state: state.update(node_count=1 << 30)),
        "another number of nodes",
    ),
    "deeper than its nodes": (lambda: forged_tree(lambda state: state.update(max_depth=1 << 40)), "deeper than"),
    "a tree without nodes": (lambda: given(tree(), tree_=Reduced(Tree, (4, np.array([2]), 1))), "without nodes"),
    "more outputs than classes": (
        lambda: given(tree(), tree_=Reduced(Tree, (4, np.array([2]), 1 << 33))),
        "number of outputs",
    ),
    "no classes": (lambda: given(tree(), tree_=Reduced(Tree, (4, np.array([0]), 1))), "number of classes"),
    "more columns than the model": (
        lambda: forged_tree(node("feature", 900), 1000, np.array([2]), 1),
        "n_features_in_ is not 1000",
    ),
    "no number of columns": (lambda: given(tree(), n_features_in_=None), "n_features_in_ is not 4"),
    "something else as a tree": (lambda: given(tree(), tree_=Bunch(n_features=4)), "tree_ is no tree"),
    "a loop in a forest": (forest_with_a_loop, "it would loop"),
    "a loop in an isolation forest": (isolation_with_a_loop, "it would loop"),
    "boosting with a tree over other columns": (boosting_over_other_columns, "no tree over the columns"),
    "boosting that writes beside its results": (
        lambda: given(boosting(), n_trees_per_iteration_=0),
        "n_trees_per_iteration_ is not 1",
    ),
    "a loop in a histogram's tree": (lambda: histogram("left", 0), "it would loop"),
    "a child outside a histogram's tree": (lambda: histogram("right", 1 << 30), "a child outside its"),
    "a column outside a histogram's tree": (lambda: histogram("feature_idx", 4), "a column that it does not have"),
    "a column before a histogram's first": (lambda: histogram("feature_idx", -1), "a column that does not exist"),
    "categories outside": (lambda: histogram("is_categorical", 1), "a set of categories outside"),
    # trees of neighbours
    "a point outside": (lambda: neighbours(put(1, 0, 1 << 40)), "names a point outside its 60"),
    "a ball's point outside": (lambda: neighbours(put(1, 0, -1), "ball_tree"), "names a point outside its 60"),
    "a node outside": (lambda: neighbours(put(2, 0, 1 << 40, "idx_end")), "with a node outside its 60 points"),
    "a node before the first": (lambda: neighbours(put(2, 0, -9, "idx_start")), "with a node outside its 60 points"),
    "a tree without an end": (lambda: neighbours(put(2, -1, 0, "is_leaf")), "goes on below its last level"),
    "more nodes than levels": (lambda: neighbours(replaced(6, 1 << 40)), "number of nodes"),
    "bounds of other nodes": (lambda: neighbours(replaced(3, np.zeros((2, 1, 4)))), "bounds of other nodes"),
    "a class outside": (
        lambda: given(KNeighborsClassifier().fit(X, Y), _y=np.full(60, 1 << 40)),
        "_y names a class outside",
    ),
    # other arrays of indices that compiled code uses
    "a sparse index outside": (
        lambda: sparse(indices=np.array([0, 1, 2, 1 << 30], np.int32)),
        "points outside the 4 columns",
    ),
    "a sparse index before the first": (
        lambda: sparse(indices=np.array([0, 1, 2, -9], np.int32)),
        "points outside the 4 columns",
    ),
    "sparse rows that go back": (lambda: sparse(indptr=np.array([4, 0], np.int32)), "indptr goes back"),
    "sparse rows that never end": (
        lambda: sparse(indptr=np.array([0, 1 << 30], np.int32)),
        "points outside the 4 numbers",
    ),
    "a sparse matrix of another height": (lambda: sparse(_shape=(1 << 30, 4)), "does not have 1073741825 places"),
    "a sparse matrix of an odd form": (lambda: given(Ridge().fit(X, Y), coef_=sp.dok_matrix((1, 4))), "'dok'"),
    "knots that go back": (lambda: spline(_t=np.linspace(1, 0, 11)), "knots that go back"),
    "too few coefficients": (lambda: spline(_c=np.zeros((1, 1))), "too few coefficients"),
    "a spline of an impossible degree": (lambda: spline(k=1 << 40), "k is no degree"),
    "support vectors that are not there": (
        lambda: machine(_n_support=np.array([1 << 30, -(1 << 30)], np.int32)),
        "_n_support",
    ),
    "coefficients that are not there": (
        lambda: machine(_dual_coef_=np.zeros((1, 1))),
        "_dual_coef_ is of another shape",
    ),
    "constants that are not there": (lambda: machine(_intercept_=np.zeros(0)), "_intercept_ does not have 1"),
    "centres of fewer columns": (
        lambda: given(KMeans(2, n_init=1).fit(X), cluster_centers_=np.zeros((2, 1))),
        "cluster_centers_ does not have 4 columns",
    ),
    "a random generator outside its state": (
        lambda: given(Ridge().fit(X, Y), random_state=outside_its_state()),
        "outside its state",
    ),
    # small artifacts that take much memory or time
    "lists of lists of the same": (lambda: given(Ridge().fit(X, Y), coef_=doubled_lists(40)), "unfolds to more than"),
    "pipelines of the same": (lambda: doubled_pipelines(40), "unfolds to more than"),
    "a request that takes terabytes": (lambda: given(Ridge().fit(X, Y), n_features_out_=10**12), "n_features_out_ is"),
    "a range of columns without end": (
        lambda: given(Ridge().fit(X, Y), feature_names_in_=pd.RangeIndex(10**12)),
        "is a range of more than",
    ),
    "threads without end": (lambda: given(RandomForestClassifier(2).fit(X, Y), n_jobs="many"), "n_jobs is no number"),
}


@pytest.mark.parametrize("name", STATES)
def test_state_that_would_do_harm_is_refused_by_name(name: str) -> None:
    """Faults 70 and 71: state that makes allowed names run code, or compiled code leave its arrays."""
    forge, reason = STATES[name]
    with pytest.raises(UnsafeState) as refusal:
        load_model(dumped(make_pipeline(StandardScaler(), forge())))
    assert reason in str(refusal.value)
    assert str(refusal.value).startswith("the artifact cannot be served: model")


def test_a_replica_refuses_what_admission_refuses() -> None:
    body = dumped(given(stacking(), stack_method_=["tofile", "tofile"]))
    with pytest.raises(UnsafeState, match="tofile"):
        load_model(body, ())


def test_the_way_to_a_fault_is_named() -> None:
    inner = make_pipeline(StandardScaler(), forged_tree(node("feature", 900), 1000, np.array([2]), 1))
    model = ColumnTransformer([("left", inner, [0])])
    with pytest.raises(UnsafeState) as refusal:
        load_model(dumped(Pipeline([("columns", model)])))
    assert "model.steps[0][1].transformers[0][1].steps[1][1].n_features_in_" in str(refusal.value)


def test_what_a_model_holds_of_its_training_is_forgotten(tmp_path: Any) -> None:
    inner = RandomForestClassifier(2, n_jobs=7)
    search = GridSearchCV(make_pipeline(StandardScaler(), inner), {}, cv=2, n_jobs=1).fit(X, Y)
    search.n_jobs = -1
    nearest = FunctionTransformer(check_array, kw_args={"ensure_2d": True})
    loaded: Any = load_model(dumped(Pipeline([("a", nearest), ("b", search)], memory=str(tmp_path))))
    assert loaded.memory is None
    assert loaded[1].n_jobs == -1
    assert loaded[1].best_estimator_[1].n_jobs == 1
    assert loaded[1].estimator[1].n_jobs == 1
    assert (loaded.predict(X) == search.predict(X)).all()


def test_the_outermost_model_starts_no_more_threads_than_there_are_processors() -> None:
    loaded: Any = load_model(dumped(given(RandomForestClassifier(2).fit(X, Y), n_jobs=100_000)))
    assert loaded.n_jobs <= 1024


def test_a_model_that_holds_itself_is_walked_once() -> None:
    model = Ridge().fit(X, Y)
    model.coef_of_a_friend = [model, {"again": model}]
    loaded: Any = load_model(dumped(model))
    assert loaded.coef_of_a_friend[0] is loaded


def test_a_deep_model_is_walked_without_recursion() -> None:
    """Deeper than Python's own stack, as a list in a list."""
    depth = 100_000
    body = b"\x80\x04" + b"]" * depth + b"a" * (depth - 1) + b"."
    assert isinstance(load_model(body), list)


def test_a_model_of_the_same_array_again_and_again_is_refused() -> None:
    body = pickle.dumps(given(Ridge().fit(X, Y), coef_=[np.zeros(10_000)] * 100_000))
    assert len(body) < 1_000_000
    with pytest.raises(UnsafeState, match="unfolds to more than"):
        load_model(body)
