"""Columns of true and false, and whole numbers by chance: models published with and without an example."""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from tests.own_answer.table.case import Case, Made

N = 24
TARGET = np.linspace(1, 4, N) + np.array([0.0, 2.0] * (N // 2))
CLASSES = np.array([0, 1, 1] * (N // 3))
FRAME = pd.DataFrame({"member": np.arange(N) % 2 == 1, "age": np.linspace(20, 60, N)})
WHOLE = pd.DataFrame({"count": np.arange(N, dtype="int64") % 7, "age": np.linspace(20, 60, N)})


def flags(model: Any, target: Any = TARGET, frame: pd.DataFrame = FRAME) -> Case:
    return Case(model.fit(frame, target), frame, frame.iloc[5:9])


def fractions(model: Any, target: Any = TARGET, frame: pd.DataFrame = WHOLE) -> Case:
    """A column without a fraction in training; 3.5 is asked."""
    asked = pd.DataFrame({"count": [3.5, 2.0, 0.25, -1.0], "age": [30.0, 31.0, 32.5, 40.0]})
    return Case(model.fit(frame, target), frame, asked)


def missing(model: Any, target: Any = TARGET) -> Case:
    """A column without a fraction and without a missing value in training; null is asked of a model that fills it."""
    asked = pd.DataFrame({"count": [3.5, np.nan, 0.0], "age": [30.0, 31.0, 32.5]})
    return Case(model.fit(WHOLE, target), WHOLE, asked)


def encoded_beside() -> Case:
    columns = make_column_transformer((OneHotEncoder(), ["member"]), remainder="passthrough")
    return flags(make_pipeline(columns, Ridge()))


FLAGS: dict[str, Made] = {
    "ridge": partial(flags, Ridge()),
    "tree": partial(flags, DecisionTreeClassifier(random_state=0), CLASSES),
    "forest": partial(flags, RandomForestClassifier(5, random_state=0), CLASSES),
    "boosting": partial(flags, HistGradientBoostingClassifier(max_iter=3, min_samples_leaf=2), CLASSES),
    "scaled": lambda: flags(make_pipeline(StandardScaler(), LogisticRegression()), CLASSES),
    "one-hot": encoded_beside,
    "ordinal": lambda: flags(make_pipeline(OrdinalEncoder(), DecisionTreeClassifier()), CLASSES, FRAME[["member"]]),
    "imputed": lambda: flags(make_pipeline(SimpleImputer(strategy="most_frequent"), Ridge())),
    "only flags": lambda: flags(Ridge(), TARGET, FRAME[["member"]].assign(other=np.arange(N) % 3 == 0)),
    "nullable flags": lambda: flags(Ridge(), TARGET, FRAME.astype({"member": "boolean"})),
}
FRACTIONS: dict[str, Made] = {
    "ridge": partial(fractions, Ridge()),
    "linear, int32": lambda: fractions(LinearRegression(), TARGET, WHOLE.astype({"count": "int32"})),
    "linear, Int64": lambda: fractions(LinearRegression(), TARGET, WHOLE.astype({"count": "Int64"})),
    "whole numbers as float64": lambda: fractions(Ridge(), TARGET, WHOLE.astype({"count": "float64"})),
    "tree": partial(fractions, DecisionTreeRegressor(random_state=0)),
    "boosting": partial(fractions, HistGradientBoostingClassifier(max_iter=3, min_samples_leaf=2), CLASSES),
    "scaled": lambda: fractions(make_pipeline(StandardScaler(), LogisticRegression()), CLASSES),
    "filled, and null is asked": lambda: missing(make_pipeline(SimpleImputer(), Ridge())),
    "boosting, and null is asked": partial(missing, HistGradientBoostingClassifier(max_iter=3), CLASSES),
}
