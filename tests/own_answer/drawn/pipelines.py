"""Fitted pipelines over drawn columns, and rows that they answer."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    Binarizer,
    FunctionTransformer,
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
    TargetEncoder,
)
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from tests.own_answer import own_steps
from tests.own_answer.drawn.frames import CATEGORY, KINDS, NUMBER, TEXT, TIME, Drawn, Random, draw_columns
from tests.own_answer.verdict import own_answers

TRAINED: Final = 150
ASKED: Final = 1_000
_ATTEMPTS: Final = 200
_ARRAYS, _BARE, _NATIVE, _WITH_TWIN = 0.05, 0.2, 0.27, 0.5
NUMERIC: Final = ["float32", "float64", "int64", "bool", "float64 of any value", "Int64", "boolean", "uint8"]
CATEGORICAL: Final = [*NUMERIC, "category of texts", "category of integers", "ordered category"]
CONVERTIBLE: Final = ["float64", "float64 of any value", "object of texts and NaN", "str", "int64"]  # often to ONNX


@dataclass(frozen=True)
class Fitted:
    """A model, the table of its fit, rows that it answers, and the kinds of its columns with their treatments."""

    model: Any
    example: Any
    asked: Any
    words: tuple[str, ...]


def _one_hot(random: Random) -> Any:
    unknown = str(random.choice(["error", "ignore", "infrequent_if_exist"]))
    drop = None if unknown != "error" else random.choice(np.array([None, "first", "if_binary"], dtype=object))
    rare = {"min_frequency": 12} if random.random() < 0.3 else {}
    return OneHotEncoder(handle_unknown=unknown, drop=drop, sparse_output=False, **rare)


def _ordinal(random: Random) -> Any:
    unknown = {"handle_unknown": "use_encoded_value", "unknown_value": -1} if random.random() < 0.5 else {}
    return OrdinalEncoder(**unknown, encoded_missing_value=-2)


def _target(random: Random) -> Any:
    return TargetEncoder(cv=2, random_state=0)


def _filled(random: Random, stands_for_missing: object) -> Any:
    """The most frequent value, then one-hot."""
    missing = stands_for_missing if stands_for_missing is None or stands_for_missing is pd.NA else np.nan
    return make_pipeline(SimpleImputer(strategy="most_frequent", missing_values=missing), _one_hot(random))


def _number_steps(random: Random, *, missing: bool) -> Any:
    fillers: list[Any] = [
        SimpleImputer(),
        SimpleImputer(strategy="median", add_indicator=True),
        KNNImputer(n_neighbors=2),
    ]
    scalers: list[Any] = [
        *(StandardScaler(), MinMaxScaler(clip=True), RobustScaler(), QuantileTransformer(n_quantiles=9)),
        *(Binarizer(threshold=float(random.integers(-3, 4)) / 10), PolynomialFeatures(2), "passthrough"),
        KBinsDiscretizer(3, encode=str(random.choice(["ordinal", "onehot-dense"])), strategy="uniform"),
    ]
    scaler = scalers[random.integers(len(scalers))]
    return make_pipeline(fillers[random.integers(3)], scaler) if missing or random.random() < 0.2 else scaler


def _treatment(random: Random, column: Drawn) -> Any:
    suits = sorted(column.suits)
    how = suits[random.integers(len(suits))]
    if how == NUMBER:
        return _number_steps(random, missing=column.missing)
    if how == TIME and random.random() < 0.5:
        return FunctionTransformer(own_steps.calendar)
    if how == TEXT and random.random() < 0.5:
        return FunctionTransformer(own_steps.lengths)
    if how == CATEGORY and column.missing and random.random() < 0.3:
        return _filled(random, KINDS[column.kind][2])
    if random.random() < 0.15 and not column.kind.startswith(("category of integers", "datetime64")):  # not row by row
        return make_pipeline(FunctionTransformer(own_steps.as_text), _one_hot(random))
    makers: list[Callable[[Random], Any]] = [_one_hot, _one_hot, _ordinal, _target]
    return makers[random.integers(len(makers))](random)


CLASSIFIERS: Final[tuple[Callable[[], Any], ...]] = (
    LogisticRegression,
    lambda: DecisionTreeClassifier(max_depth=5, random_state=0),
    lambda: RandomForestClassifier(5, random_state=0),
    lambda: ExtraTreesClassifier(5, random_state=0),
    lambda: HistGradientBoostingClassifier(max_iter=5),
    lambda: KNeighborsClassifier(3),
    GaussianNB,
    lambda: CalibratedClassifierCV(SVC(), cv=2),
    lambda: IsolationForest(n_estimators=5, random_state=0),
)
REGRESSORS: Final[tuple[Callable[[], Any], ...]] = (
    Ridge,
    LinearRegression,
    lambda: DecisionTreeRegressor(max_depth=5, random_state=0),
    lambda: RandomForestRegressor(5, random_state=0),
    lambda: GradientBoostingRegressor(n_estimators=5, random_state=0),
    lambda: HistGradientBoostingRegressor(max_iter=5),
    lambda: KNeighborsRegressor(3),
)


def draw(seed: int, number: int) -> Fitted:
    """Pipeline `number` of `seed`: draws that scikit-learn cannot fit are drawn again."""
    random = np.random.default_rng([seed, number])
    for _ in range(_ATTEMPTS):
        fitted = _draw(random)
        if fitted is not None:
            return fitted
    raise AssertionError(f"no pipeline could be fitted for the seed {seed}, number {number}")


def _draw(random: Random) -> Fitted | None:
    share = random.random()
    makers = CLASSIFIERS if random.random() < 0.6 else REGRESSORS
    last = makers[random.integers(len(makers))]()
    steps: list[Any] = []
    if share < _BARE:  # an estimator on numbers
        columns = draw_columns(random, TRAINED + ASKED, NUMERIC)
        steps += [SimpleImputer()] if any(column.missing for column in columns.values()) else []
    elif share < _NATIVE:  # one that takes pandas' categories
        columns = draw_columns(random, TRAINED + ASKED, CATEGORICAL)
        last = (HistGradientBoostingClassifier if makers is CLASSIFIERS else HistGradientBoostingRegressor)(max_iter=5)
    else:
        columns = draw_columns(random, TRAINED + ASKED, CONVERTIBLE if share < _WITH_TWIN else None)
        treatments = [(f"t{i}", _treatment(random, column), [name]) for i, (name, column) in enumerate(columns.items())]
        steps += [ColumnTransformer(treatments, sparse_threshold=0)]
    frame = pd.DataFrame({name: column.cells for name, column in columns.items()})
    as_array = share < _ARRAYS
    table: Any = frame.to_numpy(dtype=str(random.choice(["float32", "float64"]))) if as_array else frame
    words = tuple(f"{column.kind}{' with missing values' * column.missing}" for column in columns.values())
    return _fitted(random, make_pipeline(*steps, last), frame, table, words, classes=makers is CLASSIFIERS)


def _fitted(
    random: Random, model: Any, frame: pd.DataFrame, table: Any, words: tuple[str, ...], *, classes: bool
) -> Fitted | None:
    signal = sum(pd.factorize(frame[name], use_na_sentinel=False)[0] % 5 for name in frame) + random.normal(
        0, 0.5, len(frame)
    )
    target = _labels(random, signal) if classes else signal
    known = _known(frame)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            model.fit(table[:TRAINED], target[:TRAINED])
        except (ValueError, TypeError, AttributeError):
            return None
    asked = table[TRAINED:]
    if own_answers(model, asked).error:
        asked = asked[known[TRAINED:]]
        if len(asked) < ASKED // 10 or own_answers(model, asked).error:
            return None
    return Fitted(model, table[:TRAINED], asked, words)


def _labels(random: Random, signal: "np.ndarray") -> np.ndarray:
    names = [np.array(["no", "yes", "perhaps"]), np.array([0, 1, 2]), np.array([False, True, True])]
    bounds = np.quantile(signal, [0.5] if random.random() < 0.5 else [0.3, 0.7])
    return names[random.integers(3)][np.digitize(signal, bounds)]


def _known(frame: pd.DataFrame) -> np.ndarray:
    """Which rows have only values that the training rows have, in the columns of few values."""
    keys = frame.astype(object).map(lambda value: f"{type(value).__name__} {value}")
    few = [name for name in keys if keys[name].nunique() < TRAINED // 2]
    return np.logical_and.reduce([keys[name].isin(set(keys[name][:TRAINED])) for name in few] or [[True] * len(frame)])
