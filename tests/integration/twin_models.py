"""Fitted pipelines of many kinds with input rows, for the tests of ONNX twins."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, SGDClassifier
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV, TunedThresholdClassifierCV
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import (
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    RobustScaler,
    StandardScaler,
)
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from changeover.estimator.infer_schema import infer_schema
from changeover.estimator.training_frame import rows_of
from changeover.json_types import JsonObject
from changeover.schema.schema import Schema

Fitted = Callable[[], Any]


@dataclass(frozen=True)
class Case:
    """A fitted estimator, its schema, and some rows as clients send them."""

    estimator: Any
    schema: Schema
    rows: list[JsonObject]


def case(estimator: Any, frame: pd.DataFrame, target: Any, *, as_array: bool = False) -> Case:
    """Fit `estimator` and infer its schema."""
    fitted = estimator.fit(frame.to_numpy() if as_array else frame, target)
    example = frame.set_axis([f"x{index}" for index in range(frame.shape[1])], axis=1) if as_array else frame
    schema = infer_schema(fitted, example)
    return Case(fitted, schema, rows_of(example.head(20)))


def customers() -> tuple[pd.DataFrame, "pd.Series[int]"]:
    """Numbers and strings with missing values, integers and booleans, in columns without order."""
    random, rows = np.random.default_rng(0), 400
    frame = pd.DataFrame(
        {
            "city": random.choice(["Graz", "Linz", "Wien"], rows),
            "age": random.integers(18, 80, rows).astype(float),
            "flag": random.random(rows) < 0.5,
            "kind": random.choice(["a", "b"], rows),
            "income": random.normal(3e4, 1e4, rows),
            "kids": random.integers(0, 5, rows),
        }
    )
    target = ((frame.age > 40) ^ (frame.city == "Graz") ^ (random.random(rows) < 0.1)).astype(int)
    frame.loc[::11, "income"] = np.nan
    frame.loc[::13, "city"] = None
    return frame, target


def wine() -> tuple[pd.DataFrame, "pd.Series[Any]"]:
    """Three classes with names as labels."""
    data = load_wine(as_frame=True)
    return data.data, data.target.map(lambda index: f"class_{index}")


def cancer() -> tuple[pd.DataFrame, Any]:
    """Two classes."""
    data = load_breast_cancer(as_frame=True)
    return data.data, data.target


def diabetes() -> tuple[pd.DataFrame, Any]:
    """A regression target."""
    data = load_diabetes(as_frame=True)
    return data.data, data.target


def by_columns(last: Any, *, encoder: Any = None, first_texts: bool = False) -> Pipeline:
    """A pipeline of a transformer for each kind of the customers' columns, and then `last`."""
    numbers = make_pipeline(SimpleImputer(add_indicator=True), StandardScaler())
    parts = [
        ("numbers", numbers, ["income", "age"]),
        ("texts", encoder or OneHotEncoder(handle_unknown="ignore"), ["kind", "city"]),
        ("kids", OneHotEncoder(handle_unknown="ignore"), ["kids"]),
        ("flag", "passthrough", ["flag"]),
    ]
    return make_pipeline(ColumnTransformer(parts[1:2] + parts[:1] + parts[2:] if first_texts else parts), last)


def _with_gaps() -> tuple[pd.DataFrame, Any]:
    frame, target = wine()
    return frame.mask(np.random.default_rng(0).random(frame.shape) < 0.1), target


def _selected() -> Pipeline:
    numbers = make_pipeline(SimpleImputer(strategy="median"), RobustScaler())
    texts = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(drop="first"))
    parts = [
        ("numbers", numbers, make_column_selector(dtype_include="number")),
        ("texts", texts, slice("city", "city")),
    ]
    return make_pipeline(ColumnTransformer(parts), LogisticRegression())


def _ordinal() -> OrdinalEncoder:
    return OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2)


def _scaled(last: Any) -> Pipeline:
    return make_pipeline(StandardScaler(), last)


def _voters() -> list[tuple[str, Any]]:
    return [("linear", _scaled(LogisticRegression())), ("forest", RandomForestClassifier(10, random_state=0))]


CONVERTED: dict[str, Callable[[], Case]] = {
    "logistic regression, labels are texts": lambda: case(_scaled(LogisticRegression()), *wine()),
    "logistic regression on an array": lambda: case(_scaled(LogisticRegression()), *wine(), as_array=True),
    "labels are true and false": lambda: case(_scaled(LogisticRegression()), cancer()[0], cancer()[1] == 1),
    "labels are floats": lambda: case(
        RandomForestClassifier(5, random_state=0), cancer()[0], cancer()[1].astype(float)
    ),
    "a class alone": lambda: case(RandomForestClassifier(3), cancer()[0], np.zeros(569, dtype=int)),
    "AdaBoost": lambda: case(_scaled(AdaBoostClassifier(random_state=0)), *wine()),
    "extra trees": lambda: case(ExtraTreesClassifier(20, random_state=0), *wine()),
    "a forest of shallow trees": lambda: case(RandomForestClassifier(20, max_depth=3, random_state=0), *wine()),
    "a tree": lambda: case(DecisionTreeClassifier(max_depth=3, random_state=0), *cancer()),
    "gradient boosting, two classes": lambda: case(GradientBoostingClassifier(n_estimators=20), *cancer()),
    "gradient boosting, three": lambda: case(GradientBoostingClassifier(n_estimators=10), *wine()),
    "exponential loss": lambda: case(GradientBoostingClassifier(n_estimators=9, loss="exponential"), *cancer()),
    "histograms": lambda: case(HistGradientBoostingClassifier(max_iter=10), *cancer()),
    "histograms with missing values": lambda: case(HistGradientBoostingClassifier(max_iter=10), *_with_gaps()),
    "columns of each kind": lambda: case(by_columns(LogisticRegression()), *customers()),
    "texts first": lambda: case(by_columns(LogisticRegression(), first_texts=True), *customers()),
    "columns into a forest": lambda: case(by_columns(RandomForestClassifier(10, random_state=0)), *customers()),
    "ordinal columns": lambda: case(by_columns(LogisticRegression(), encoder=_ordinal()), *customers()),
    "selected columns": lambda: case(_selected(), *customers()),
    "a tuned threshold": lambda: case(TunedThresholdClassifierCV(by_columns(LogisticRegression()), cv=2), *customers()),
    "a fixed threshold around what is frozen": lambda: case(
        FixedThresholdClassifier(
            FrozenEstimator(RandomForestClassifier(10, random_state=0).fit(*cancer())), threshold=0.3
        ),
        *cancer(),
    ),
    "a search": lambda: case(GridSearchCV(_scaled(LogisticRegression()), {"logisticregression__C": [1, 2]}), *cancer()),
    "a vote": lambda: case(VotingClassifier(_voters(), voting="soft"), *cancer()),
    "a stack": lambda: case(StackingClassifier(_voters(), cv=2), *cancer()),
    "bagging": lambda: case(BaggingClassifier(random_state=0), *cancer()),
    "calibrated": lambda: case(_scaled(CalibratedClassifierCV(LogisticRegression(), cv=2)), *cancer()),
    "a union": lambda: case(
        make_pipeline(FeatureUnion([("a", MinMaxScaler()), ("b", PCA(2))]), LogisticRegression(max_iter=500)), *wine()
    ),
    "a linear classifier without probabilities": lambda: case(_scaled(LinearSVC()), *wine()),
    "the same for two classes": lambda: case(_scaled(SGDClassifier(random_state=0)), *cancer()),
    "linear regression": lambda: case(LinearRegression(), *diabetes()),
    "regression without an intercept": lambda: case(LinearRegression(fit_intercept=False), *diabetes()),
    "logistic without an intercept": lambda: case(LogisticRegression(fit_intercept=False, max_iter=500), *wine()),
    "polynomials": lambda: case(make_pipeline(StandardScaler(), PolynomialFeatures(2), Ridge()), *diabetes()),
    "regression of two numbers": lambda: case(Ridge(), diabetes()[0], np.column_stack([diabetes()[1]] * 2)),
    "a forest that predicts numbers": lambda: case(RandomForestRegressor(10, random_state=0), *diabetes()),
    "gradient boosting of numbers": lambda: case(GradientBoostingRegressor(n_estimators=20), *diabetes()),
    "histograms of counts": lambda: case(HistGradientBoostingRegressor(max_iter=10, loss="poisson"), *diabetes()),
}
