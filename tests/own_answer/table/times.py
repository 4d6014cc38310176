"""Dates and times: datetime64 of each unit, with zones, as objects, and strings that look like them."""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, TargetEncoder
from sklearn.tree import DecisionTreeClassifier

from tests.own_answer import own_steps
from tests.own_answer.table.case import Case, Made

N = 24
TARGET = np.array([0, 1, 2] * (N // 3))
DAYS = ["2024-01-01", "2024-02-29", "2024-12-31"]
TIMES = ["2024-01-01T08:30:00", "2024-02-29T23:59:59.123456", "2024-12-31T00:00:01"]
NANOSECONDS = [f"2024-01-01T00:00:00.00000000{digit}" for digit in (1, 2, 3)]


def times(written: list[str | None], unit: str = "us", zone: str | None = None) -> pd.Series:
    cells = pd.Series(pd.to_datetime(pd.Series(written * (N // len(written))), format="ISO8601")).astype(
        f"datetime64[{unit}]"
    )
    return cells if zone is None else cells.dt.tz_localize(zone)


def encoded(encoder: Any, cells: pd.Series) -> Case:
    frame = pd.DataFrame({"number": np.linspace(0, 1, N), "at": cells})
    columns = make_column_transformer((encoder, ["at"]), remainder="passthrough", sparse_threshold=0)
    model = make_pipeline(columns, DecisionTreeClassifier(max_depth=4, random_state=0)).fit(frame, TARGET)
    return Case(model, frame, frame.iloc[3:9])


def in_parts(cells: pd.Series, **settings: Any) -> Case:
    """An own step that takes month, weekday and hour."""
    frame = pd.DataFrame({"at": cells})
    model = make_pipeline(FunctionTransformer(own_steps.calendar), DecisionTreeClassifier(random_state=0))
    return Case(model.fit(frame, TARGET), frame, frame.iloc[:3])


def alone(encoder: Any, cells: pd.Series) -> Case:
    frame = pd.DataFrame({"at": cells})
    return Case(make_pipeline(encoder, LogisticRegression()).fit(frame, TARGET), frame, frame.iloc[:3])


def target() -> TargetEncoder:
    return TargetEncoder(cv=2, target_type="multiclass")


CASES: dict[str, Made] = {
    "one-hot, days": partial(encoded, OneHotEncoder(), times(DAYS)),
    "one-hot alone, days": partial(alone, OneHotEncoder(), times(DAYS)),
    "one-hot, days in nanoseconds": partial(encoded, OneHotEncoder(), times(DAYS, "ns")),
    "one-hot, days in seconds": partial(encoded, OneHotEncoder(), times(DAYS, "s")),
    "one-hot, unknown days are ignored": partial(encoded, OneHotEncoder(handle_unknown="ignore"), times(DAYS)),
    "one-hot, times": partial(encoded, OneHotEncoder(), times(TIMES)),
    "one-hot, nanoseconds": partial(encoded, OneHotEncoder(), times(NANOSECONDS, "ns")),
    "one-hot, a zone": partial(encoded, OneHotEncoder(), times(TIMES, zone="Europe/Berlin")),
    "one-hot, UTC": partial(encoded, OneHotEncoder(), times(TIMES, zone="UTC")),
    "one-hot, strings of days": partial(encoded, OneHotEncoder(), pd.Series(DAYS * (N // 3), dtype=object)),
    "one-hot, strings of times": partial(encoded, OneHotEncoder(), pd.Series(TIMES * (N // 3))),
    "one-hot, objects of days": partial(
        encoded, OneHotEncoder(), pd.Series(list(pd.to_datetime(DAYS * (N // 3)).date), dtype=object)
    ),
    "one-hot, a category of days": partial(encoded, OneHotEncoder(), times(DAYS).astype("category")),
    "ordinal, days": partial(encoded, OrdinalEncoder(), times(DAYS)),
    "ordinal, times in nanoseconds": partial(encoded, OrdinalEncoder(), times(TIMES, "ns")),
    "ordinal, a zone": partial(encoded, OrdinalEncoder(), times(TIMES, zone="America/New_York")),
    "target, days": partial(encoded, target(), times(DAYS)),
    "target, a missing value": partial(encoded, target(), times([*DAYS[:2], None])),
    "target, a zone": partial(encoded, target(), times(DAYS, zone="Europe/Berlin")),
    "own step, times": partial(in_parts, times(TIMES)),
    "own step, times in nanoseconds": partial(in_parts, times(TIMES, "ns")),
    "own step, a zone": partial(in_parts, times(TIMES, zone="Asia/Kolkata")),
    "own step, a missing value": partial(in_parts, times([*TIMES[:2], None])),
}
