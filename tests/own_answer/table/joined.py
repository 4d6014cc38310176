"""Steps that look at all rows of a call: a request's rows are scored together, as sent, and with no other's."""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, minmax_scale, normalize, robust_scale, scale

from tests.own_answer import own_steps
from tests.own_answer.table.case import Case, Made

N = 40
RANDOM = np.random.default_rng(9)
FRAME = pd.DataFrame(RANDOM.normal(size=(N, 3)) * [1.0, 10.0, 0.1] + 2.0, columns=["a", "b", "c"])
TARGET = FRAME["a"] * 3 + FRAME["b"] - FRAME["c"]


def together(function: Any, last: Any = None) -> Case:
    model = make_pipeline(FunctionTransformer(function), last or LinearRegression())
    target = (TARGET.median() < TARGET).astype(int) if isinstance(last, LogisticRegression) else TARGET
    return Case(model.fit(FRAME, target), FRAME, FRAME.iloc[:12], together=True)


def of_one_column() -> Case:
    columns = make_column_transformer((FunctionTransformer(scale), ["b"]), remainder="passthrough")
    return Case(make_pipeline(columns, LinearRegression()).fit(FRAME, TARGET), FRAME, FRAME.iloc[:12], together=True)


CASES: dict[str, Made] = {
    "scale": partial(together, scale),
    "scale before a classifier": partial(together, scale, LogisticRegression()),
    "minmax_scale": partial(together, minmax_scale),
    "robust_scale": partial(together, robust_scale),
    "normalize": partial(together, normalize),  # by row
    "scaled by an own function": partial(together, own_steps.scaled_together),
    "summed by an own function": partial(together, own_steps.summed_up),
    "ranks by an own function": partial(together, own_steps.ranked),
    "less the first row": partial(together, own_steps.less_the_first),
    "the number of rows": partial(together, own_steps.counted),
    "scale of one column": of_one_column,
}
