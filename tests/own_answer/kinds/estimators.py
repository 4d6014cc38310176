"""Every estimator of scikit-learn that predicts, fitted on a frame of numbers, or on what it takes instead."""

import inspect
import warnings
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.preprocessing import StandardScaler
from sklearn.utils import all_estimators

from tests.own_answer.table.case import Case, Made

N = 60
RANDOM = np.random.default_rng(161)
NUMBERS = pd.DataFrame(RANDOM.normal(size=(N, 4)), columns=["age", "size", "income", "rooms"]).round(3)
POSITIVE = NUMBERS.abs() + 0.1
COUNTS = pd.DataFrame(RANDOM.integers(0, 4, (N, 3)), columns=["one", "two", "three"])
SIGNAL = 3 * NUMBERS["age"] - 2 * NUMBERS["size"] + NUMBERS["size"] * NUMBERS["income"] + RANDOM.normal(0, 0.1, N)
TWO = np.where(SIGNAL > 0, "yes", "no").astype(object)
SEVERAL = np.column_stack([SIGNAL, NUMBERS["rooms"] - SIGNAL])
SEVERAL_CLASSES = np.column_stack([(SIGNAL > 0).astype(int), (NUMBERS["rooms"] > 0).astype(int)])

CLASSIFIER, REGRESSOR = LogisticRegression(), LinearRegression()
MEMBERS = {
    "StackingClassifier": [("one", CLASSIFIER), ("other", GaussianNB())],
    "VotingClassifier": [("one", CLASSIFIER), ("other", GaussianNB())],
    "StackingRegressor": [("one", REGRESSOR)],
    "VotingRegressor": [("one", REGRESSOR)],
}
SETTINGS: dict[str, dict[str, Any]] = {
    "GridSearchCV": {"estimator": CLASSIFIER, "param_grid": {"C": [0.1, 1.0]}},
    "RandomizedSearchCV": {"estimator": CLASSIFIER, "param_distributions": {"C": [0.1, 1.0]}, "n_iter": 2},
    "Pipeline": {"steps": [("scaled", StandardScaler()), ("last", CLASSIFIER)]},
    "RFE": {"estimator": CLASSIFIER},
    "RFECV": {"estimator": CLASSIFIER},
    "LocalOutlierFactor": {"novelty": True},
    "LogisticRegressionCV": {"l1_ratios": (0,), "scoring": "neg_log_loss", "use_legacy_attributes": False, "Cs": 2},
    "SelfTrainingClassifier": {"estimator": CLASSIFIER},
    "OrthogonalMatchingPursuitCV": {"max_iter": 2},
    "RadiusNeighborsClassifier": {"radius": 1.5, "outlier_label": "no"},
    "RadiusNeighborsRegressor": {"radius": 3.0},
    "OutputCodeClassifier": {"estimator": CLASSIFIER, "random_state": 0},
    **{name: {"estimators": members} for name, members in MEMBERS.items()},
}
SMALLER = {"n_estimators": 5, "max_iter": 300, "random_state": 0, "cv": 2}  # where it is a parameter
HISTOGRAMS = {"HistGradientBoostingClassifier": 5, "HistGradientBoostingRegressor": 5}
TARGETS: dict[str, Any] = {
    **dict.fromkeys(("ClassifierChain", "MultiOutputClassifier"), SEVERAL_CLASSES),
    **dict.fromkeys(("MultiOutputRegressor", "RegressorChain", "CCA", "PLSCanonical"), SEVERAL),
    **dict.fromkeys(("MultiTaskElasticNet", "MultiTaskElasticNetCV", "MultiTaskLasso", "MultiTaskLassoCV"), SEVERAL),
    **dict.fromkeys(("GammaRegressor", "PoissonRegressor", "TweedieRegressor"), SIGNAL.abs() + 0.1),
}
FRAMES: dict[str, pd.DataFrame] = {
    "CategoricalNB": COUNTS,
    **dict.fromkeys(("MultinomialNB", "ComplementNB"), POSITIVE),
    "IsotonicRegression": NUMBERS[["age"]],
}


def made(name: str, kind: type) -> Any:
    """The estimator, not fitted, with few trees and few rounds."""
    parameters = inspect.signature(kind).parameters
    settings = {key: value for key, value in SMALLER.items() if key in parameters} | SETTINGS.get(name, {})
    if name in HISTOGRAMS:
        settings["max_iter"] = HISTOGRAMS[name]
    if (
        "estimator" in parameters
        and "estimator" not in settings
        and parameters["estimator"].default is inspect.Parameter.empty
    ):
        settings["estimator"] = REGRESSOR if "Regressor" in name or name == "RegressorChain" else CLASSIFIER
    return kind(**settings)


def fitted(name: str, kind: type) -> Case:
    """The estimator on its frame; rows of the frame, and rows between them, are asked."""
    frame = FRAMES.get(name, NUMBERS)
    target = TARGETS.get(name, SIGNAL if name in REGRESSING else TWO)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = made(name, kind).fit(frame, target)
    between = frame if name == "CategoricalNB" else (frame + frame.sample(frac=1, random_state=0).to_numpy()) / 2
    return Case(model, frame, pd.concat([frame.head(6), between.head(6)], ignore_index=True))


REGRESSING = {name for name, _ in all_estimators(type_filter="regressor")}
ESTIMATORS: dict[str, Made] = {
    name: partial(fitted, name, kind) for name, kind in all_estimators() if hasattr(kind, "predict")
}
