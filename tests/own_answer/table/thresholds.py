"""Rows at the very threshold of a step, and one step of a double beside it, by twin and estimator."""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
)
from sklearn.feature_selection import VarianceThreshold
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Binarizer, KBinsDiscretizer, MinMaxScaler, QuantileTransformer, StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from tests.own_answer.table.case import Case, Made

N = 60
RANDOM = np.random.default_rng(4)
FRAME = pd.DataFrame({"level": RANDOM.uniform(0, 20, N).round(1), "other": RANDOM.integers(0, 9, N).astype(float)})
TARGET = ((FRAME["level"] > 10) ^ (FRAME["other"] > 4)).astype(int)


def around(thresholds: list[float]) -> pd.DataFrame:
    """Each threshold in each column, with its neighbours as float64 and as float32."""
    near = [
        value
        for threshold in thresholds
        for value in (
            threshold,
            np.nextafter(threshold, -np.inf),
            np.nextafter(threshold, np.inf),
            float(np.float32(threshold)),
            float(np.nextafter(np.float32(threshold), np.float32(-np.inf))),
            float(np.nextafter(np.float32(threshold), np.float32(np.inf))),
        )
    ]
    return pd.DataFrame({"level": near, "other": near[::-1]})


def at(model: Any, thresholds: list[float], target: Any = TARGET) -> Case:
    return Case(model.fit(FRAME, target), FRAME, around(thresholds))


def binarized(threshold: float) -> Case:
    return at(make_pipeline(Binarizer(threshold=threshold), LogisticRegression()), [threshold, 0.0, 3.0])


def binned(**settings: Any) -> Case:
    model = make_pipeline(KBinsDiscretizer(4, **settings), LogisticRegression()).fit(FRAME, TARGET)
    return Case(model, FRAME, around(np.concatenate(model[0].bin_edges_).tolist()))


def of_trees(model: Any, target: Any = TARGET) -> Case:
    """The thresholds of a tree, or of the first ones of an ensemble."""
    model.fit(FRAME, target)
    trees = np.ravel(getattr(model, "estimators_", [model]))[:3]
    found = np.concatenate([tree.tree_.threshold[tree.tree_.feature >= 0] for tree in trees])
    return Case(model, FRAME, around(found[:12].tolist()))


def boosted() -> Case:
    model = HistGradientBoostingClassifier(max_iter=3, min_samples_leaf=2).fit(FRAME, TARGET)
    found = [node["num_threshold"] for (tree,) in model._predictors for node in tree.nodes if not node["is_leaf"]]
    return Case(model, FRAME, around(found[:12]))


def clipped() -> Case:
    model = make_pipeline(MinMaxScaler(clip=True), LogisticRegression()).fit(FRAME, TARGET)
    return Case(model, FRAME, around([float(FRAME["level"].min()), float(FRAME["level"].max()), -5.0, 100.0]))


CASES: dict[str, Made] = {
    "binarizer at 10": partial(binarized, 10.0),
    "binarizer at 0": partial(binarized, 0.0),
    "binarizer at 0.1": partial(binarized, 0.1),
    "binarizer at a large number": partial(binarized, 16777217.0),
    "binarizer after a scaler": lambda: at(
        make_pipeline(StandardScaler(), Binarizer(threshold=0.0), LogisticRegression()),
        [float(FRAME["level"].mean()), float(FRAME["other"].mean())],
    ),
    "bins by quantiles": partial(binned, encode="onehot", quantile_method="averaged_inverted_cdf"),
    "bins of equal width": partial(binned, encode="ordinal", strategy="uniform"),
    "bins by k-means": partial(binned, encode="onehot-dense", strategy="kmeans"),
    "quantiles": lambda: at(
        make_pipeline(QuantileTransformer(n_quantiles=8), LogisticRegression()), [0.0, 5.0, 10.0, 19.9, -3.0]
    ),
    "clipped": clipped,
    "variance": lambda: at(make_pipeline(VarianceThreshold(1.0), LogisticRegression()), [1.0, 5.0]),
    "tree": partial(of_trees, DecisionTreeClassifier(random_state=0)),
    "tree of a number": partial(of_trees, DecisionTreeRegressor(random_state=0), FRAME["level"] * 2),
    "forest": partial(of_trees, RandomForestClassifier(5, random_state=0)),
    "extra trees": partial(of_trees, ExtraTreesClassifier(5, random_state=0)),
    "gradient boosting": partial(of_trees, GradientBoostingClassifier(n_estimators=5, random_state=0)),
    "histogram boosting": boosted,
    "isolation forest": lambda: of_trees(IsolationForest(n_estimators=5, random_state=0)),
}
