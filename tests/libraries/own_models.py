"""Classes as a user's own package has them: with a frame as input, and nothing of scikit-learn's conventions."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin


class Rule:
    """No estimator: a rule over two columns of a frame."""

    def predict(self, frame: pd.DataFrame) -> list[str]:
        """One word a row."""
        return [
            "large" if size > 1 and city == "bern" else "small"
            for size, city in zip(frame["size"], frame["city"], strict=True)
        ]


class Majority(ClassifierMixin, BaseEstimator):
    """An estimator that keeps no names."""

    def fit(self, frame: pd.DataFrame, labels: Any) -> "Majority":
        """Keep the classes."""
        self.classes_, counts = np.unique(labels, return_counts=True)
        self.shares_ = counts / counts.sum()
        return self

    def predict_proba(self, frame: pd.DataFrame) -> npt.NDArray[Any]:
        """The shares of the classes, turned round where `size` is negative."""
        turned = frame["size"].to_numpy() < 0
        return np.where(turned[:, None], self.shares_[::-1], self.shares_)

    def predict(self, frame: pd.DataFrame) -> npt.NDArray[Any]:
        """The most frequent class."""
        return self.classes_[self.predict_proba(frame).argmax(axis=1)]


class Columns(TransformerMixin, BaseEstimator):
    """A selection of columns that returns an array, and keeps no names."""

    def __init__(self, columns: tuple[str, ...] = ("size",)) -> None:
        self.columns = columns

    def fit(self, frame: pd.DataFrame, labels: Any = None) -> "Columns":
        """Nothing to keep."""
        return self

    def transform(self, frame: pd.DataFrame) -> npt.NDArray[Any]:
        """The columns as an array."""
        return frame[list(self.columns)].to_numpy()
