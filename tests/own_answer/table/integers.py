"""Identifiers beyond 2^53, unsigned 64 bits, whole numbers in nullable columns."""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, TargetEncoder
from sklearn.tree import DecisionTreeClassifier

from tests.own_answer import own_steps
from tests.own_answer.table.case import Case, Made

N = 24
TARGET = [0, 1, 2, 3] * (N // 4)
BEYOND = tuple(2**53 + more for more in range(4))
UNSIGNED = tuple(2**64 - less for less in (1, 2, 3, 4))
SMALL = (3, 1, 20, 7)


def asked(model: Any, cells: pd.Series, target: list[int] = TARGET) -> Case:
    frame = pd.DataFrame({"account": cells})
    return Case(model.fit(frame, target), frame, frame.iloc[:4])


def repeated(values: tuple[object, ...], dtype: Any) -> pd.Series:
    return pd.Series(list(values) * (N // len(values)), dtype=dtype)


def tree(step: Any) -> Any:
    return make_pipeline(step, DecisionTreeClassifier(random_state=0))


def in_words(**settings: Any) -> Any:
    return make_pipeline(
        FunctionTransformer(own_steps.as_text), OneHotEncoder(handle_unknown="ignore"), LogisticRegression()
    )


def two_columns() -> Case:
    frame = pd.DataFrame({"account": repeated(BEYOND, "int64"), "amount": np.linspace(0, 3, N)})
    return Case(tree(OneHotEncoder()).fit(frame, TARGET), frame, frame.iloc[:4])


def array_of_integers() -> Case:
    table = np.column_stack([np.array(list(BEYOND) * 6, dtype=np.int64), np.arange(N, dtype=np.int64) % 4])
    return Case(tree(OneHotEncoder()).fit(table, TARGET), table, table[:4])


CASES: dict[str, Made] = {
    "one-hot, int64": partial(asked, tree(OneHotEncoder()), repeated(BEYOND, "int64")),
    "one-hot and linear, int64": lambda: asked(
        make_pipeline(OneHotEncoder(), LogisticRegression()), repeated(BEYOND, "int64")
    ),
    "one-hot, uint64": partial(asked, tree(OneHotEncoder()), repeated(UNSIGNED, "uint64")),
    "one-hot, uint64 and unknown": lambda: asked(
        tree(OneHotEncoder(handle_unknown="ignore")), repeated(UNSIGNED, "uint64")
    ),
    "ordinal, int64": partial(asked, tree(OrdinalEncoder()), repeated(BEYOND, "int64")),
    "ordinal, uint64": partial(asked, tree(OrdinalEncoder()), repeated(UNSIGNED, "uint64")),
    "target, int64": partial(asked, tree(TargetEncoder(cv=2)), repeated(BEYOND, "int64")),
    "one-hot, negative": partial(asked, tree(OneHotEncoder()), repeated(tuple(-value for value in BEYOND), "int64")),
    "one-hot, objects with a missing value": partial(
        asked, tree(OneHotEncoder()), repeated((*BEYOND[:3], None), object)
    ),
    "one-hot, objects with NaN": partial(asked, tree(OneHotEncoder()), repeated((*BEYOND[:3], np.nan), object)),
    "one-hot, Int64 without a missing value": partial(asked, tree(OneHotEncoder()), repeated(SMALL, "Int64")),
    "one-hot, Int64 with a missing value": partial(
        asked, tree(OneHotEncoder()), repeated((*SMALL[:3], pd.NA), "Int64")
    ),
    "one-hot, category of integers": partial(
        asked, tree(OneHotEncoder()), repeated(BEYOND, "int64").astype("category")
    ),
    "one-hot beside a float column": two_columns,
    "one-hot of an array of integers": array_of_integers,
    "in words, int64": partial(asked, in_words(), repeated(SMALL, "int64")),
    "in words, beyond 2^53": partial(asked, in_words(), repeated(BEYOND, "int64")),
    "in words, int32": partial(asked, in_words(), repeated(SMALL, "int32")),
    "in words, Int64": partial(asked, in_words(), repeated(SMALL, "Int64")),
    "in words, Int64 with a missing value": partial(asked, in_words(), repeated((*SMALL[:3], pd.NA), "Int64")),
    "in words, uint64": partial(asked, in_words(), repeated(UNSIGNED, "uint64")),
    "in words, float64 that are whole": partial(asked, in_words(), repeated(SMALL, "float64")),
}
