"""Models without scikit-learn's methods, such as a bare booster, in the form of a scikit-learn estimator.

A model that answers with probabilities becomes a classifier: its label is the most probable class, and of two equally
probable ones the first. Every other model becomes a regressor.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

from changeover.schema.schema import ATTRIBUTE

Table = pd.DataFrame | npt.NDArray[Any]
Compute = Callable[[Table], npt.NDArray[Any]]


class Adapted(BaseEstimator):  # type: ignore[misc]  # scikit-learn brings no types
    """A model of another library, called by `compute`.

    `names` are the columns that it is asked for, None for an array of `count` columns. `example` is a frame of training
    data that the model itself keeps, or None.
    """

    def __init__(
        self,
        original: Any,
        compute: Compute,
        names: Sequence[str] | None,
        count: int,
        example: pd.DataFrame | None = None,
    ) -> None:
        self.original, self.compute, self.example = original, compute, example
        self.names, self.count = names, count
        self.n_features_in_ = count
        if names is not None:
            self.feature_names_in_ = np.array(names, dtype=object)
        schema = getattr(original, ATTRIBUTE, None)
        if schema is not None:
            setattr(self, ATTRIBUTE, schema)

    def __sklearn_is_fitted__(self) -> bool:
        return True


class AdaptedRegressor(RegressorMixin, Adapted):  # type: ignore[misc]
    """A model that answers with numbers."""

    def predict(self, table: Table) -> npt.NDArray[Any]:
        """The numbers of each row."""
        return self.compute(table)


class AdaptedClassifier(ClassifierMixin, Adapted):  # type: ignore[misc]
    """A model that answers with a probability for each of `classes`, or for the second of two."""

    def __init__(
        self,
        original: Any,
        compute: Compute,
        names: Sequence[str] | None,
        count: int,
        example: pd.DataFrame | None = None,
        classes: Sequence[object] = (0, 1),
    ) -> None:
        super().__init__(original, compute, names, count, example)
        self.classes = classes
        self.classes_ = np.array(classes) if len({*map(type, classes)}) == 1 else np.array(classes, dtype=object)

    def predict_proba(self, table: Table) -> npt.NDArray[Any]:
        """The probability of each class."""
        returned = self.compute(table)
        return returned if returned.ndim == 2 else np.column_stack([1 - returned, returned])

    def predict(self, table: Table) -> npt.NDArray[Any]:
        """The most probable class of each row."""
        labels: npt.NDArray[Any] = self.classes_.take(np.argmax(self.predict_proba(table), axis=1))
        return labels
