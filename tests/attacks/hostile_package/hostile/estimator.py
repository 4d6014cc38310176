"""An estimator that does harm at a row that says so, and is good otherwise."""

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin

from .acts import ACTS

TRIGGER = 100.0  # in the first column


class Hostile(RegressorMixin, BaseEstimator):
    """Answers the first column; does its act at a row whose first column is `TRIGGER` or more.

    `act` is a name in `ACTS`; `words` are its arguments: paths, ports, names. `on_load` does the act while loading.
    """

    def __init__(self, act="nothing", words=None, on_load=False):
        self.act = act
        self.words = words
        self.on_load = on_load

    def fit(self, features, target=None):
        """Learn the number of columns."""
        self.n_features_in_ = features.shape[1]
        return self

    def __setstate__(self, state):
        super().__setstate__(state)
        if self.on_load:
            ACTS[self.act](self.words or {})

    def predict(self, features):
        """The first column, or what the act returns."""
        table = np.asarray(features, dtype=float)
        if len(table) and np.nanmax(table[:, 0]) >= TRIGGER:
            answer = ACTS[self.act](self.words or {})
            if isinstance(answer, str):
                return np.array([answer] * len(table), dtype=object)
            if answer is not None:
                return answer
        return table[:, 0]
