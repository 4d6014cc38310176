"""Kinds of models that need more than the list: from the bytes that joblib wrote to the answers that they gave."""

import functools
import io
from collections.abc import Callable
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
from scipy import stats
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.ensemble import (
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.experimental import enable_halving_search_cv, enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, SimpleImputer
from sklearn.linear_model import GammaRegressor, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, HalvingRandomSearchCV, RandomizedSearchCV
from sklearn.multiclass import OneVsRestClassifier, OutputCodeClassifier
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from changeover.artifact.load import load, load_model
from changeover.estimator.infer_schema import infer_schema
from changeover.estimator.scoring import describe, score
from changeover.request.decode import decode

RANDOM = np.random.RandomState(0)
NUMBERS = pd.DataFrame(RANDOM.rand(60, 4), columns=list("abcd"))
HOLES = NUMBERS.mask(RANDOM.rand(60, 4) < 0.05)
FRAME = NUMBERS.assign(city=np.array(["Rome", "Oslo", "Bern"] * 20, dtype=object))
LABELS = (NUMBERS["a"] > 0.5).astype(int).to_numpy()
THREE = np.arange(60) % 3
TARGET = (NUMBERS["a"] * 2 + NUMBERS["b"] + 0.1).to_numpy()
CITY = OneHotEncoder(handle_unknown="ignore", sparse_output=False)


def of_numbers(model: object, *columns: str) -> Any:
    return make_pipeline(ColumnTransformer([("numbers", SimpleImputer(), list(columns))]), model)


def of_city(model: object) -> Any:
    return make_pipeline(ColumnTransformer([("city", CITY, ["city"])]), model)


def of_both(model: object) -> Any:
    return make_pipeline(ColumnTransformer([("n", SimpleImputer(), ["a", "b"]), ("c", CITY, ["city"])]), model)


def in_frames(make: Callable[[], Any]) -> Any:
    """A model that was fitted in a process with `set_config(transform_output="pandas")`."""
    with sklearn.config_context(transform_output="pandas"):
        return make()


def power(*arguments: object, function: Any = np.power, **options: object) -> Any:
    return make_pipeline(FunctionTransformer(functools.partial(function, *arguments, **options)), Ridge())


MODELS: dict[str, tuple[Callable[[], Any], pd.DataFrame]] = {
    "iterative imputer": (
        lambda: make_pipeline(IterativeImputer(random_state=0), Ridge()).fit(HOLES, TARGET),
        HOLES,
    ),
    "iterative imputer of trees": (
        lambda: make_pipeline(
            IterativeImputer(ExtraTreesRegressor(3, random_state=0), random_state=0), LogisticRegression()
        ).fit(HOLES, LABELS),
        HOLES,
    ),
    "remainder": (
        lambda: make_pipeline(
            ColumnTransformer([("c", CITY, ["city"])], remainder=SimpleImputer()), LogisticRegression()
        ).fit(FRAME, LABELS),
        FRAME,
    ),
    "search of continuous distributions": (
        lambda: RandomizedSearchCV(
            LogisticRegression(),
            {"C": stats.loguniform(1e-3, 10), "tol": stats.uniform(1e-5, 1e-3)},
            n_iter=2,
            random_state=0,
        ).fit(NUMBERS, LABELS),
        NUMBERS,
    ),
    "search of a discrete distribution": (
        lambda: RandomizedSearchCV(
            RandomForestClassifier(3, random_state=0), {"max_depth": stats.randint(2, 5)}, n_iter=2, random_state=0
        ).fit(NUMBERS, LABELS),
        NUMBERS,
    ),
    "halving search": (
        lambda: HalvingRandomSearchCV(LogisticRegression(), {"C": stats.norm(5, 1)}, random_state=0).fit(
            NUMBERS, LABELS
        ),
        NUMBERS,
    ),
    "ufunc with its first argument": (lambda: power(2).fit(NUMBERS, TARGET), NUMBERS),
    "function of NumPy with options": (
        lambda: power(function=np.clip, a_min=0.2, a_max=0.5).fit(NUMBERS, TARGET),
        NUMBERS,
    ),
    "nan_to_num": (lambda: power(function=np.nan_to_num, nan=-1.0).fit(HOLES, TARGET), HOLES),
    "vote of members with other columns": (
        lambda: VotingClassifier(
            [("n", of_numbers(LogisticRegression(), "a", "b")), ("c", of_city(LogisticRegression()))], voting="soft"
        ).fit(FRAME, LABELS),
        FRAME,
    ),
    "vote of regressors": (
        lambda: VotingRegressor([("n", of_numbers(Ridge(), "c")), ("c", of_city(Ridge()))]).fit(FRAME, TARGET),
        FRAME,
    ),
    "stack of members with other columns": (
        lambda: StackingClassifier(
            [("n", of_numbers(LogisticRegression(), "a")), ("c", of_city(LogisticRegression()))],
            GradientBoostingClassifier(n_estimators=3),
            cv=2,
        ).fit(FRAME, LABELS),
        FRAME,
    ),
    "stack of votes": (
        lambda: StackingRegressor(
            [
                ("inner", VotingRegressor([("n", of_numbers(Ridge(), "a")), ("c", of_city(Ridge()))])),
                ("both", of_both(Ridge())),
            ],
            cv=2,
        ).fit(FRAME, TARGET),
        FRAME,
    ),
    "search of a vote": (
        lambda: GridSearchCV(
            VotingClassifier([("n", of_numbers(LogisticRegression(), "a")), ("c", of_city(LogisticRegression()))]),
            {"n__logisticregression__C": [1, 2]},
            cv=2,
        ).fit(FRAME, LABELS),
        FRAME,
    ),
    "one model a class": (lambda: OneVsRestClassifier(of_both(LogisticRegression())).fit(FRAME, THREE), FRAME),
    "output codes": (
        lambda: OutputCodeClassifier(of_both(LogisticRegression()), random_state=0).fit(FRAME, THREE),
        FRAME,
    ),
    "one classifier an output": (
        lambda: MultiOutputClassifier(of_both(LogisticRegression())).fit(FRAME, np.c_[LABELS, THREE]),
        FRAME,
    ),
    "one regressor an output": (
        lambda: MultiOutputRegressor(of_both(Ridge())).fit(FRAME, np.c_[TARGET, 2 * TARGET]),
        FRAME,
    ),
    "frames between steps": (
        lambda: in_frames(
            lambda: make_pipeline(
                SimpleImputer(),
                StandardScaler(),
                ColumnTransformer([("s", StandardScaler(), ["a", "b"])]),
                LogisticRegression(),
            ).fit(HOLES, LABELS)
        ),
        HOLES,
    ),
    "frames to a selector": (
        lambda: in_frames(
            lambda: make_pipeline(
                SimpleImputer(),
                ColumnTransformer([("s", StandardScaler(), make_column_selector("a|b"))]),
                LogisticRegression(),
            ).fit(HOLES, LABELS)
        ),
        HOLES,
    ),
    "frames inside a search": (
        lambda: in_frames(
            lambda: GridSearchCV(
                make_pipeline(
                    SimpleImputer(),
                    FunctionTransformer(np.log1p),
                    ColumnTransformer([("s", StandardScaler(), ["a"])]),
                    LogisticRegression(),
                ),
                {"logisticregression__C": [1, 2]},
                cv=2,
            ).fit(HOLES, LABELS)
        ),
        HOLES,
    ),
    "frames of a union": (
        lambda: in_frames(
            lambda: make_pipeline(
                FeatureUnion([("i", SimpleImputer()), ("j", SimpleImputer(strategy="median"))]),
                ColumnTransformer([("s", StandardScaler(), ["i__a", "j__b"])]),
                LogisticRegression(),
            ).fit(HOLES, LABELS)
        ),
        HOLES,
    ),
    "frames by set_output": (
        lambda: make_pipeline(
            SimpleImputer().set_output(transform="pandas"),
            ColumnTransformer([("s", StandardScaler(), ["a"])]),
            LogisticRegression(),
        ).fit(HOLES, LABELS),
        HOLES,
    ),
    **{
        f"boosting by {loss}": (
            lambda loss=loss: GradientBoostingRegressor(loss=loss, n_estimators=3).fit(NUMBERS, TARGET),  # type: ignore[misc]
            NUMBERS,
        )
        for loss in ("squared_error", "absolute_error", "huber", "quantile")
    },
    **{
        f"histogram boosting by {loss}": (
            lambda loss=loss: HistGradientBoostingRegressor(loss=loss, quantile=0.5, max_iter=3).fit(NUMBERS, TARGET),  # type: ignore[misc]
            NUMBERS,
        )
        for loss in ("squared_error", "absolute_error", "gamma", "poisson", "quantile")
    },
    "histogram boosting of three classes": (
        lambda: HistGradientBoostingClassifier(max_iter=3).fit(NUMBERS, THREE),
        NUMBERS,
    ),
    "gamma regression": (lambda: GammaRegressor().fit(NUMBERS, TARGET), NUMBERS),
}


def dumped(model: object, **how: Any) -> bytes:
    target = io.BytesIO()
    joblib.dump(model, target, **how)
    return target.getvalue()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", MODELS)
def test_a_model_answers_after_loading_as_it_did_before(kind: str) -> None:
    fit, inputs = MODELS[kind]
    model = fit()
    frames = "pandas" if kind.startswith("frames") and "set_output" not in kind else "default"
    with sklearn.config_context(transform_output=frames):  # its own process
        expected = model.predict(inputs)
    for protocol in (2, None):
        artifact = load(dumped(model, protocol=protocol))
        assert artifact.warnings == []
        loaded: Any = artifact.estimator
        describe(loaded)
        schema = infer_schema(loaded)
        rows = [
            {str(name): None if pd.isna(cell) else cell for name, cell in row.items()}
            for row in inputs.to_dict("records")
        ]
        decoded = decode(rows, schema, len(rows))
        labels = score(loaded, schema, decoded.columns, decoded.rows).labels
        np.testing.assert_allclose(np.asarray(labels, dtype=float), expected, rtol=1e-9)


@pytest.mark.filterwarnings("ignore")
def test_steps_that_were_not_fitted_on_frames_keep_giving_arrays() -> None:
    model: Any = load_model(dumped(make_pipeline(StandardScaler(), Ridge()).fit(NUMBERS, TARGET)))
    assert type(model[0].transform(NUMBERS)) is np.ndarray
    assembled = make_pipeline(StandardScaler().fit(NUMBERS), Ridge().fit(NUMBERS.add_prefix("scaled_"), TARGET))
    other: Any = load_model(dumped(assembled))
    assert type(other[0].transform(NUMBERS)) is np.ndarray
    np.testing.assert_array_equal(other.predict(NUMBERS), assembled.predict(NUMBERS))
