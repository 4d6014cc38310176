"""Steps and estimators of a user's own, which the environment of these tests lets a model have."""

import zlib
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, TransformerMixin


def as_text(table: Any) -> Any:
    """Each value in words: "3" for a whole number, "3.0" for a float."""
    return table.astype(str)


def lengths(frame: pd.DataFrame) -> pd.DataFrame:
    """The number of characters of each text."""
    return frame.apply(lambda column: column.str.len()).fillna(-1)


def calendar(frame: pd.DataFrame) -> pd.DataFrame:
    """Month, weekday and hour of each time."""
    parts = {
        f"{name}_{part}": getattr(frame[name].dt, part) for name in frame for part in ("month", "dayofweek", "hour")
    }
    return pd.DataFrame(parts).fillna(-1)


def kinds_of_missing(frame: pd.DataFrame) -> pd.DataFrame:
    """1 for None, 2 for NaN, 3 for pd.NA, 4 for NaT, 0 for a value."""

    def kind(value: object) -> int:
        if value is None:
            return 1
        if value is pd.NA:
            return 3
        if value is pd.NaT:
            return 4
        return 2 if isinstance(value, float) and value != value else 0

    return frame.apply(lambda column: column.astype(object).map(kind, na_action=None))


def scaled_together(table: Any) -> Any:
    """Each column by the mean and the spread of the rows of this call."""
    return (table - table.mean(axis=0)) / (table.std(axis=0, ddof=0) + 1.0)


def summed_up(table: Any) -> Any:
    """The sum of all rows so far."""
    return table.cumsum(axis=0)


def ranked(frame: pd.DataFrame) -> pd.DataFrame:
    """The rank of each value among the rows of this call."""
    return frame.rank()


def less_the_first(table: Any) -> Any:
    """The difference to the first row of this call."""
    values = np.asarray(table)
    return values - values[:1]


def counted(table: Any) -> Any:
    """The values, times the number of rows of this call."""
    values = np.asarray(table)
    return values * len(values)


class NamedParts(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A first step that takes columns by their names, and keeps none of them."""

    def fit(self, frame: pd.DataFrame, target: object = None) -> Self:
        self.mean_ = frame["size"].mean()
        return self

    def transform(self, frame: pd.DataFrame) -> np.ndarray:
        return np.column_stack([frame["size"] - self.mean_, frame["kind"] == "b", frame["size"] * frame["rooms"]])


class Positions(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A first step that takes columns of an array by their positions."""

    def fit(self, values: np.ndarray, target: object = None) -> Self:
        self.n_features_in_ = values.shape[1]
        return self

    def transform(self, values: np.ndarray) -> np.ndarray:
        return np.column_stack([values[:, 0] * 2, values[:, 1] + values[:, 0]])


class Rule(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A rule over named columns: no fit, no names, no number of columns."""

    def fit(self, frame: pd.DataFrame, target: object) -> Self:
        self.classes_ = np.unique(np.asarray(target))
        self.fitted_ = True
        return self

    def predict(self, frame: pd.DataFrame) -> np.ndarray:
        return self.classes_[((frame["size"] > 2) & (frame["kind"] == "b")).astype(int)]

    def predict_proba(self, frame: pd.DataFrame) -> np.ndarray:
        second = np.clip(frame["size"].to_numpy() / 10, 0, 1)
        return np.column_stack([1 - second, second])


class Tariff(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """A price by a table of kinds and a size."""

    def fit(self, frame: pd.DataFrame, target: object) -> Self:
        self.feature_names_in_ = np.array(frame.columns, dtype=object)
        self.n_features_in_ = frame.shape[1]
        self.prices_ = {"a": 1.5, "b": 10.0}
        return self

    def predict(self, frame: pd.DataFrame) -> np.ndarray:
        price = frame["kind"].map(self.prices_).fillna(0.0).astype(float)
        return (price * frame["size"] + frame["rooms"]).to_numpy()


class SeesDtypes(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """A number that tells the dtypes of all columns."""

    def fit(self, frame: pd.DataFrame, target: object) -> Self:
        self.feature_names_in_ = np.array(frame.columns, dtype=object)
        return self

    def predict(self, frame: pd.DataFrame) -> np.ndarray:
        words = " ".join(str(dtype) for dtype in frame.dtypes)
        return np.full(len(frame), float(zlib.crc32(words.encode())))


class Plain:
    """An object with `predict(frame)` and nothing else."""

    def __init__(self, factor: float) -> None:
        self.factor = factor

    def predict(self, frame: pd.DataFrame) -> np.ndarray:
        return (frame["size"] * self.factor + frame["rooms"]).to_numpy()


class PlainOfArray:
    """An object with `predict(array)` and nothing else."""

    def predict(self, values: np.ndarray) -> np.ndarray:
        return values[:, 0] * 3 + values[:, 1]


class Keeper(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """A model that keeps the rows of a call, and answers by them in the next one."""

    def fit(self, frame: pd.DataFrame, target: object = None) -> Self:
        self.feature_names_in_ = np.array(frame.columns, dtype=object)
        self.n_features_in_ = frame.shape[1]
        self.kept_ = 0.0
        return self

    def predict(self, frame: pd.DataFrame) -> np.ndarray:
        kept, self.kept_ = self.kept_, float(frame.to_numpy().sum())
        return np.full(len(frame), kept)
