"""float32: categories and thresholds that a double does not hit."""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Binarizer, KBinsDiscretizer, OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from tests.own_answer.table.case import Case, Made

N = 24
TARGET = np.array([0, 1, 2] * (N // 3))
TENTHS = [0.1, 0.2, 0.7]


def column(values: list[float], dtype: Any = "float32") -> pd.DataFrame:
    return pd.DataFrame({"share": pd.Series(values * (N // len(values)), dtype=dtype)})


def asked(model: Any, frame: pd.DataFrame) -> Case:
    return Case(model.fit(frame, TARGET), frame, frame.iloc[:6])


def encoded(encoder: Any, values: list[float] | None = None, dtype: Any = "float32") -> Case:
    return asked(make_pipeline(encoder, DecisionTreeClassifier(random_state=0)), column(values or TENTHS, dtype))


def many(model: Any) -> Case:
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.normal(size=(200, 3)).astype(np.float32), columns=["a", "b", "c"])
    target = (frame["a"] + frame["b"] * frame["c"] > 0).astype(int)
    return Case(model.fit(frame, target), frame, frame.iloc[:40])


def beside_a_double() -> Case:
    frame = column(TENTHS).assign(double=np.array(TENTHS * 8) + np.repeat([0.0, 1.0], 12))
    return asked(make_pipeline(OneHotEncoder(), LogisticRegression()), frame)


def array_of_float32() -> Case:
    table = np.array(TENTHS * (N // 3), dtype=np.float32).reshape(-1, 1)
    model = make_pipeline(OneHotEncoder(), DecisionTreeClassifier()).fit(table, TARGET)
    return Case(model, table, table[:6])


CASES: dict[str, Made] = {
    "one-hot": partial(encoded, OneHotEncoder()),
    "one-hot, unknown ones are ignored": partial(encoded, OneHotEncoder(handle_unknown="ignore")),
    "one-hot, a missing value": partial(encoded, OneHotEncoder(), [0.1, 0.2, np.nan]),
    "one-hot, Float32": partial(encoded, OneHotEncoder(), [0.1, 0.2, 0.7], "Float32"),
    "one-hot, float16": partial(encoded, OneHotEncoder(), [0.1, 0.2, 0.7], "float16"),
    "one-hot, large": partial(encoded, OneHotEncoder(), [16777216.0, 16777218.0, 1e30]),
    "one-hot, float64": partial(encoded, OneHotEncoder(), [0.1, 0.2, 0.7], "float64"),
    "one-hot beside a double": beside_a_double,
    "one-hot of an array": array_of_float32,
    "ordinal": partial(encoded, OrdinalEncoder()),
    "binarizer at its threshold": partial(encoded, Binarizer(threshold=0.2)),
    "bins": lambda: many(make_pipeline(KBinsDiscretizer(4, encode="ordinal"), LogisticRegression())),
    "tree": partial(many, DecisionTreeClassifier(random_state=0)),
    "forest": partial(many, RandomForestClassifier(10, random_state=0)),
    "boosting": partial(many, HistGradientBoostingClassifier(max_iter=10)),
    "scaled and linear": lambda: many(make_pipeline(StandardScaler(), LogisticRegression())),
    "neighbours": partial(many, KNeighborsClassifier(3)),
}
