"""Digits as text: postal codes, phone numbers, codes that read as numbers, dates or truths."""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, TargetEncoder
from sklearn.tree import DecisionTreeClassifier

from tests.own_answer import own_steps
from tests.own_answer.table.case import Case, Made

N = 24
TARGET = np.array([0, 1, 2] * (N // 3))
ZIP = ["01100", "1100", "80331"]


def encoded(encoder: Any, cells: list[Any], dtype: Any = object) -> Case:
    frame = pd.DataFrame({"number": np.linspace(0, 1, N), "zip": pd.Series(cells * (N // 3), dtype=dtype)})
    columns = make_column_transformer((encoder, ["zip"]), remainder="passthrough", sparse_threshold=0)
    model = make_pipeline(columns, DecisionTreeClassifier(max_depth=4, random_state=0)).fit(frame, TARGET)
    return Case(model, frame, frame.iloc[:3])


def measured(dtype: Any) -> Case:
    """An own step that takes the length of a text."""
    frame = pd.DataFrame({"zip": pd.Series(["01100", "110", "8"] * (N // 3), dtype=dtype)})
    model = make_pipeline(FunctionTransformer(own_steps.lengths), DecisionTreeClassifier()).fit(frame, TARGET)
    return Case(model, frame, frame.iloc[:3])


def words() -> Case:
    frame = pd.DataFrame({"text": [*ZIP] * (N // 3), "number": np.linspace(0, 1, N)})
    columns = make_column_transformer((TfidfVectorizer(), "text"), remainder="passthrough")
    return Case(make_pipeline(columns, LogisticRegression()).fit(frame, TARGET), frame, frame.iloc[:3])


def array_of_objects() -> Case:
    table = np.array([ZIP * (N // 3), ["x", "y", "z"] * (N // 3)], dtype=object).T
    return Case(make_pipeline(OneHotEncoder(), LogisticRegression()).fit(table, TARGET), table, table[:3])


CASES: dict[str, Made] = {
    "one-hot, object": partial(encoded, OneHotEncoder(), ZIP),
    "one-hot, str": partial(encoded, OneHotEncoder(), ZIP, "str"),
    "one-hot, pandas' string": partial(encoded, OneHotEncoder(), ZIP, "string[python]"),
    "one-hot, category": partial(encoded, OneHotEncoder(), ZIP, "category"),
    "one-hot, unknown ones are ignored": partial(encoded, OneHotEncoder(handle_unknown="ignore"), ZIP),
    "one-hot, percents": partial(encoded, OneHotEncoder(), ["5%", "5.0%", "50%"]),
    "one-hot, amounts": partial(encoded, OneHotEncoder(), ["$5", "$5.00", "$50"]),
    "one-hot, decimals": partial(encoded, OneHotEncoder(), ["1.0", "1.00", "1"], "str"),
    "one-hot, truths": partial(encoded, OneHotEncoder(), ["true", "false", "True"]),
    "one-hot, missing ones in words": partial(encoded, OneHotEncoder(), ["nan", "", "None"]),
    "one-hot, exponents": partial(encoded, OneHotEncoder(), ["1e5", "100000", "inf"]),
    "one-hot, a missing value": partial(encoded, OneHotEncoder(), ["01100", "1100", None]),
    "ordinal, object": partial(encoded, OrdinalEncoder(), ZIP),
    "target, object": partial(encoded, TargetEncoder(cv=2), ZIP),
    "own step, object": partial(measured, object),
    "own step, str": partial(measured, "str"),
    "words of a text": words,
    "one-hot of an array of objects": array_of_objects,
}
