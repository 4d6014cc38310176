"""Missing texts and flags: None, NaN, pd.NA and NaT, as categories of their own."""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, TargetEncoder
from sklearn.tree import DecisionTreeClassifier

from tests.own_answer import own_steps
from tests.own_answer.table.case import Case, Made

N = 24
TARGET = np.array(["first", "second", "none"] * (N // 3))
TEXTS = ("a", "b")
FLAGS = (True, False)


def column(values: tuple[object, ...], missing: object, dtype: Any = object) -> pd.Series:
    return pd.Series([*values, missing] * (N // 3), dtype=dtype)


def encoded(encoder: Any, cells: pd.Series) -> Case:
    """The encoder before a tree, with a column of numbers beside it."""
    frame = pd.DataFrame({"number": np.linspace(0, 1, N), "given": cells})
    columns = make_column_transformer((encoder, ["given"]), remainder="passthrough", sparse_threshold=0)
    model = make_pipeline(columns, DecisionTreeClassifier(max_depth=4, random_state=0)).fit(frame, TARGET)
    return Case(model, frame, frame.iloc[3:9])


def alone(model: Any, cells: pd.Series) -> Case:
    frame = pd.DataFrame({"given": cells})
    return Case(model.fit(frame, TARGET), frame, frame.iloc[3:9])


def one_hot(**settings: Any) -> OneHotEncoder:
    return OneHotEncoder(sparse_output=False, **settings)


def filled(**settings: Any) -> Any:
    return make_pipeline(SimpleImputer(**settings), one_hot(handle_unknown="ignore"))


def two_kinds_of_missing() -> Case:
    frame = pd.DataFrame({"given": pd.Series(["a", "b", None, np.nan] * 6, dtype=object)})
    target = ["first", "second", "none", "nan"] * 6
    model = make_pipeline(one_hot(), DecisionTreeClassifier()).fit(frame, target)
    return Case(model, frame, frame.iloc[:4])


def never_missing_in_training() -> Case:
    frame = pd.DataFrame({"given": pd.Series(["a", "b", "c"] * 8, dtype=object)})
    model = make_pipeline(one_hot(handle_unknown="ignore"), LogisticRegression()).fit(frame, TARGET)
    return Case(model, frame, pd.DataFrame({"given": pd.Series(["a", None, "c"], dtype=object)}))


def by_kind_of_missing(cells: pd.Series) -> Case:
    """An own step that tells None, NaN, pd.NA and NaT apart."""
    return alone(make_pipeline(FunctionTransformer(own_steps.kinds_of_missing), DecisionTreeClassifier()), cells)


def boosted() -> Case:
    frame = pd.DataFrame({"given": column(TEXTS, None, "category"), "number": np.linspace(0, 1, N)})
    model = HistGradientBoostingClassifier(max_iter=5, min_samples_leaf=1, categorical_features="from_dtype")
    return Case(model.fit(frame, TARGET), frame, frame.iloc[:6])


CASES: dict[str, Made] = {
    "one-hot, None": partial(encoded, one_hot(), column(TEXTS, None)),
    "one-hot, NaN": partial(encoded, one_hot(), column(TEXTS, np.nan)),
    "one-hot, str": partial(encoded, one_hot(), column(TEXTS, None, "str")),
    "one-hot, category": partial(encoded, one_hot(), column(TEXTS, None, "category")),
    "one-hot, flags as read_csv makes them": partial(encoded, one_hot(), column(FLAGS, np.nan)),
    "one-hot, flags and None": partial(encoded, one_hot(), column(FLAGS, None)),
    "one-hot, nullable flags": partial(encoded, one_hot(), column(FLAGS, None, "boolean")),
    "one-hot alone, None": lambda: alone(make_pipeline(OneHotEncoder(), LogisticRegression()), column(TEXTS, None)),
    "one-hot alone, NaN": lambda: alone(make_pipeline(OneHotEncoder(), LogisticRegression()), column(TEXTS, np.nan)),
    "one-hot, the first dropped": partial(encoded, one_hot(drop="first"), column(TEXTS, None)),
    "one-hot, infrequent": partial(
        encoded, one_hot(min_frequency=9, handle_unknown="infrequent_if_exist"), column(TEXTS, np.nan)
    ),
    "ordinal, None": partial(encoded, OrdinalEncoder(), column(TEXTS, None)),
    "ordinal, NaN as -2": partial(encoded, OrdinalEncoder(encoded_missing_value=-2), column(TEXTS, np.nan)),
    "ordinal, flags": partial(encoded, OrdinalEncoder(encoded_missing_value=-2), column(FLAGS, np.nan)),
    "target, None": partial(encoded, TargetEncoder(cv=2, target_type="multiclass"), column(TEXTS, None)),
    "target, category": partial(encoded, TargetEncoder(cv=2), column(TEXTS, None, "category")),
    "the most frequent, NaN": partial(encoded, filled(strategy="most_frequent"), column(TEXTS, np.nan)),
    "the most frequent, None": partial(
        encoded, filled(strategy="most_frequent", missing_values=None), column(TEXTS, None)
    ),
    "a constant, NaN": partial(encoded, filled(strategy="constant", fill_value="?"), column(TEXTS, np.nan)),
    "a constant, pandas' string": partial(
        encoded,
        filled(strategy="constant", fill_value="?", missing_values=pd.NA),
        column(TEXTS, pd.NA, "string[python]"),
    ),
    "a constant, pd.NA": partial(
        encoded, filled(strategy="constant", fill_value="?", missing_values=pd.NA), column(TEXTS, pd.NA)
    ),
    "boosting by categories": boosted,
    "two kinds of missing": two_kinds_of_missing,
    "never missing in training": never_missing_in_training,
    "own step, None": partial(by_kind_of_missing, column(TEXTS, None)),
    "own step, NaN": partial(by_kind_of_missing, column(TEXTS, np.nan)),
    "own step, pd.NA": partial(by_kind_of_missing, column(TEXTS, pd.NA)),
    "own step, pandas' string": partial(by_kind_of_missing, column(TEXTS, pd.NA, "string[python]")),
}
