"""ONNX twins of xgboost and lightgbm: equal on many rows and at thresholds, or none, with the reason.

Run by an environment that has these libraries, skl2onnx and onnxruntime.
"""

from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import xgboost
from sklearn.compose import ColumnTransformer
from sklearn.datasets import make_classification
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from changeover.estimator.infer_schema import infer_schema
from changeover.estimator.training_frame import rows_of
from changeover.onnx_twin.exceptions import NoTwin
from changeover.onnx_twin.export.convert import convert
from changeover.onnx_twin.session import TwinRunner
from changeover.request.decode import decode
from changeover.request.tensors import tensors
from tests.libraries.served import refusal, run, twin_of

NAMES = ["a", "b", "c", "d", "e"]
VALUES, THREE = make_classification(2_000, 5, n_informative=4, n_redundant=0, n_classes=3, flip_y=0.2, random_state=0)
FRAME = pd.DataFrame(VALUES * [1, 10, 1e3, 1e-3, 1], columns=NAMES)
GAPS = FRAME.mask(np.random.default_rng(0).random(FRAME.shape) < 0.1)
YES = (THREE > 0).astype(int)
AMOUNT = FRAME["a"] * 3 + FRAME["b"].abs() + 1
FEW = GAPS.sample(200, random_state=1)


def _proved(model: Any, frame: pd.DataFrame = FEW, within: float = 0.0) -> None:
    proof = twin_of(model, frame)
    assert proof.at_thresholds > 100
    assert proof.left_to_model <= 0.01 * proof.rows, proof
    assert proof.largest_difference <= within, proof


def check_xgboost_classifiers() -> None:
    for labels, within in ((YES, 2e-7), (THREE, 2e-7)):
        for frame in (FRAME, GAPS):
            _proved(xgboost.XGBClassifier(n_estimators=100).fit(frame, labels), within=within)
    _proved(xgboost.XGBClassifier(n_estimators=300, max_depth=8).fit(GAPS, YES), within=2e-7)
    _proved(xgboost.XGBRFClassifier(n_estimators=50).fit(GAPS, YES), within=2e-7)
    stopped = xgboost.XGBClassifier(n_estimators=200, early_stopping_rounds=2, learning_rate=1.0)
    stopped.fit(GAPS[:1000], YES[:1000], eval_set=[(GAPS[1000:], YES[1000:])], verbose=False)
    assert stopped.best_iteration + 1 < stopped.get_booster().num_boosted_rounds()
    _proved(stopped, within=2e-7)


def check_xgboost_regressors_are_equal_bit_for_bit() -> None:
    for kind in (xgboost.XGBRegressor, xgboost.XGBRFRegressor):
        _proved(kind(n_estimators=100).fit(GAPS, AMOUNT))
    _proved(xgboost.XGBRegressor(n_estimators=100, objective="reg:absoluteerror").fit(GAPS, AMOUNT))
    _proved(xgboost.XGBRegressor(n_estimators=100, objective="count:poisson").fit(GAPS, AMOUNT.abs()), within=1e-4)


def check_an_objective_of_the_users_own() -> None:
    own = xgboost.XGBRegressor(n_estimators=20, objective=lambda true, given: (given - true, np.ones(len(true))))
    _proved(own.fit(GAPS, AMOUNT))


def check_xgboost_boosters() -> None:
    booster = xgboost.train({"objective": "binary:logistic"}, xgboost.DMatrix(GAPS, YES), 100)
    _proved(booster, within=2e-7)
    booster = xgboost.train({"objective": "multi:softprob", "num_class": 3}, xgboost.DMatrix(GAPS, THREE), 50)
    _proved(booster, within=2e-7)
    _proved(xgboost.train({}, xgboost.DMatrix(GAPS, AMOUNT), 50))


def check_xgboost_without_names() -> None:
    model = xgboost.XGBRegressor(n_estimators=50).fit(GAPS.to_numpy(), AMOUNT)
    _proved(model, FEW.set_axis([f"x{index}" for index in range(5)], axis=1))


def check_lightgbm_classifiers() -> None:
    texts = np.array(["no", "yes"])[YES]
    for labels in (YES, THREE, texts, YES == 1):
        for frame in (FRAME, GAPS):
            _proved(lightgbm.LGBMClassifier(n_estimators=100, verbose=-1).fit(frame, labels), within=1e-12)
    forest = lightgbm.LGBMClassifier(boosting_type="rf", subsample=0.5, subsample_freq=1, n_estimators=20, verbose=-1)
    _proved(forest.fit(GAPS, YES), within=1e-12)
    dart = lightgbm.LGBMClassifier(boosting_type="dart", n_estimators=50, sigmoid=2.0, verbose=-1)
    _proved(dart.fit(GAPS, YES), within=1e-12)


def check_lightgbm_regressors() -> None:
    _proved(lightgbm.LGBMRegressor(n_estimators=100, verbose=-1).fit(GAPS, AMOUNT))
    _proved(lightgbm.LGBMRegressor(n_estimators=100, verbose=-1).fit(FRAME, AMOUNT))
    poisson = lightgbm.LGBMRegressor(n_estimators=100, objective="poisson", verbose=-1)
    _proved(poisson.fit(GAPS, AMOUNT.abs()), within=1e-9)


def check_lightgbm_boosters() -> None:
    _proved(lightgbm.train({"objective": "binary", "verbose": -1}, lightgbm.Dataset(GAPS, YES), 50), within=1e-12)
    several = {"objective": "multiclass", "num_class": 3, "verbose": -1}
    _proved(lightgbm.train(several, lightgbm.Dataset(GAPS, THREE), 50), within=1e-12)
    _proved(lightgbm.train({"verbose": -1}, lightgbm.Dataset(GAPS, AMOUNT), 50))


def check_twins_in_pipelines() -> None:
    city = np.random.default_rng(1).choice(["aarau", "bern", "zürich"], len(FRAME))
    frame = GAPS.assign(city=city)
    columns = ColumnTransformer(
        [("numbers", make_pipeline(SimpleImputer(), StandardScaler()), NAMES), ("city", OneHotEncoder(), ["city"])]
    )
    few = frame.loc[FEW.index]
    for last, within in (
        (xgboost.XGBClassifier(n_estimators=50), 2e-7),
        (lightgbm.LGBMClassifier(n_estimators=50, verbose=-1), 1e-12),
    ):
        _proved(make_pipeline(columns, last).fit(frame, YES), few, within)


def check_twins_answer_one_row_as_many() -> None:
    for model in (
        xgboost.XGBClassifier(n_estimators=300).fit(GAPS, YES),
        xgboost.XGBRegressor(n_estimators=300).fit(GAPS, AMOUNT),
    ):
        schema = infer_schema(model)
        twin = TwinRunner(convert(model, schema), schema)
        decoded = decode(rows_of(FEW), schema, len(FEW))
        numbers, _ = tensors(schema, decoded.columns, decoded.rows)
        together = twin.scores(numbers, None)
        alone = np.vstack([twin.scores(numbers[index : index + 1], None) for index in range(len(numbers))])
        assert np.array_equal(together, alone)


def check_no_twin_has_a_reason() -> None:
    category = FRAME.assign(city=pd.Categorical(np.resize(["aarau", "bern"], len(FRAME))))
    for model, reason in (
        (xgboost.XGBClassifier(n_estimators=5, enable_categorical=True).fit(category, YES), "sets of categories"),
        (lightgbm.LGBMClassifier(n_estimators=5, verbose=-1).fit(category, YES), "sets of categories"),
        (xgboost.XGBClassifier(n_estimators=5, booster="dart").fit(FRAME, YES), "'dart'"),
        (xgboost.XGBClassifier(n_estimators=5, missing=-1.0).fit(FRAME, YES), "a number for a missing value"),
        (xgboost.XGBRegressor(n_estimators=5).fit(FRAME, FRAME[["a", "b"]]), "several outputs"),
        (lightgbm.LGBMRegressor(n_estimators=5, linear_tree=True, verbose=-1).fit(FRAME, AMOUNT), "linear models"),
        (
            lightgbm.LGBMRegressor(n_estimators=5, zero_as_missing=True, verbose=-1).fit(FRAME, AMOUNT),
            "0 for a missing",
        ),
        (lightgbm.LGBMRegressor(n_estimators=5, reg_sqrt=True, verbose=-1).fit(FRAME, AMOUNT), "square roots"),
    ):
        schema = infer_schema(model)
        assert reason in refusal(NoTwin, convert, model, schema), reason


if __name__ == "__main__":
    run(globals())
