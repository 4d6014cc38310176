"""Frame or array: estimators and first steps of a user's own, which take the one that they were fitted on."""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from tests.own_answer import own_steps
from tests.own_answer.table.case import Case, Made

N = 24
TARGET = np.array([0, 1] * (N // 2))
FRAME = pd.DataFrame(
    {
        "size": np.linspace(0.5, 6, N),
        "rooms": np.arange(N, dtype="int64") % 5 + 1,
        "kind": pd.Series(["a", "b", "a"] * (N // 3), dtype=object),
    }
)
NUMBERS = FRAME[["size", "rooms"]].astype(float)
DTYPES = FRAME.assign(
    flag=TARGET.astype(bool), small=np.arange(N, dtype="int8"), single=np.linspace(0, 1, N).astype("float32")
).drop(columns=["kind"])


def of_frame(model: Any, frame: pd.DataFrame = FRAME, target: Any = TARGET) -> Case:
    return Case(model.fit(frame, target), frame, frame.iloc[4:9])


def of_array(model: Any, table: Any = None, target: Any = TARGET) -> Case:
    table = NUMBERS.to_numpy() if table is None else table
    return Case(model.fit(table, target), table, table[4:9])


def plain() -> Case:
    return Case(own_steps.Plain(3.5), FRAME, FRAME.iloc[:4])


def plain_of_array() -> Case:
    return Case(own_steps.PlainOfArray(), NUMBERS.to_numpy(), NUMBERS.to_numpy()[:4])


def mirrored() -> Case:
    """Columns in another order than the fit's in the example."""
    model = make_pipeline(own_steps.NamedParts(), LogisticRegression()).fit(FRAME, TARGET)
    return Case(model, FRAME[["kind", "rooms", "size"]], FRAME.iloc[4:9])


CASES: dict[str, Made] = {
    "own classifier": lambda: of_frame(own_steps.Rule()),
    "own regressor with names": lambda: of_frame(own_steps.Tariff()),
    "own object": plain,
    "own object of arrays": plain_of_array,
    "own first step by names": lambda: of_frame(make_pipeline(own_steps.NamedParts(), LogisticRegression())),
    "own first step, columns in another order": mirrored,
    "own first step by positions": lambda: of_array(make_pipeline(own_steps.Positions(), LogisticRegression())),
    "own first step by positions, fitted on whole numbers": lambda: of_array(
        make_pipeline(own_steps.Positions(), LinearRegression()), FRAME[["rooms", "rooms"]].to_numpy()
    ),
    "own regressor that sees dtypes": lambda: of_frame(own_steps.SeesDtypes(), DTYPES),
    "own step behind a scaler": lambda: of_array(
        make_pipeline(StandardScaler(), own_steps.Positions(), LogisticRegression())
    ),
    "own step in a column transformer": lambda: of_frame(
        make_pipeline(
            make_column_transformer(
                (own_steps.NamedParts(), ["size", "kind", "rooms"]), (OneHotEncoder(), ["kind"]), sparse_threshold=0
            ),
            LogisticRegression(),
        )
    ),
    "array": partial(of_array, LogisticRegression()),
    "array of float32": lambda: of_array(DecisionTreeClassifier(), NUMBERS.to_numpy(dtype=np.float32)),
    "array of integers": lambda: of_array(DecisionTreeClassifier(), FRAME[["rooms", "rooms"]].to_numpy()),
    "array of booleans": lambda: of_array(
        DecisionTreeClassifier(), np.column_stack([TARGET == 1, np.arange(N) % 3 == 0])
    ),
    "array of objects": lambda: of_array(
        make_pipeline(OneHotEncoder(handle_unknown="ignore"), LogisticRegression()),
        FRAME[["kind", "rooms"]].to_numpy(dtype=object),
    ),
    "sparse": lambda: of_array(LogisticRegression(), sparse.csr_matrix(np.eye(4)[np.arange(N) % 4])),
    "frame with numbered columns": lambda: of_frame(
        LogisticRegression(), pd.DataFrame(NUMBERS.to_numpy(), columns=["x0", "x1"])
    ),
}
