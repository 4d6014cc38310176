"""xgboost, lightgbm and catboost: bare, in pipelines, with pandas' categories. Run by an environment that has them."""

import catboost
import lightgbm
import numpy as np
import pandas as pd
import xgboost
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import VotingClassifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from changeover.estimator.golden_rows import record, replay
from changeover.estimator.infer_schema import infer_schema
from changeover.estimator.scoring import describe
from changeover.estimator.training_frame import rows_of
from changeover.exceptions import InvalidSchema
from changeover.schema.cell_parsers import ColumnType
from tests.libraries.served import answers, refusal, reloaded, run, same_answers

RANDOM = np.random.default_rng(0)
ROWS = 300
NUMBERS = pd.DataFrame(
    {"size": RANDOM.normal(size=ROWS), "age": RANDOM.integers(0, 90, ROWS), "old": RANDOM.integers(0, 2, ROWS)}
)
CITIES = ["zurich", "bern", "aarau"]  # no alphabetic order
MIXED = NUMBERS.assign(
    city=pd.Categorical(RANDOM.choice(CITIES, ROWS), categories=CITIES),
    floor=pd.Categorical(RANDOM.choice([30, 10, 20], ROWS), categories=[30, 10, 20]),
)
YES = ((NUMBERS["size"] > 0) ^ (MIXED["city"] == "bern")).astype(int)
THREE = (YES + 1 * (NUMBERS["age"] > 40)).to_numpy()
FEW = MIXED.sample(20, random_state=1)
TEXTS = np.array(["no", "yes"])[YES]
AMOUNT = NUMBERS["size"] * 3 + NUMBERS["age"]
QUIET = {"verbose": 0, "allow_writing_files": False, "thread_count": 1}


def check_xgboost_estimators() -> None:
    for kind in (xgboost.XGBClassifier, xgboost.XGBRFClassifier):
        for labels in (YES, THREE):
            model = kind(n_estimators=5).fit(NUMBERS, labels)
            same_answers(
                model, FEW[list(NUMBERS)], model.predict(FEW[list(NUMBERS)]), model.predict_proba(FEW[list(NUMBERS)])
            )
            assert describe(model) == {
                "type": kind.__name__,
                "kind": "classifier",
                "predict_proba": True,
                "includes": [],
            }
    for kind in (xgboost.XGBRegressor, xgboost.XGBRFRegressor):
        model = kind(n_estimators=5).fit(NUMBERS, AMOUNT)
        same_answers(model, FEW[list(NUMBERS)], model.predict(FEW[list(NUMBERS)]))
        assert describe(model)["kind"] == "regressor"


def check_xgboost_knows_true_and_false() -> None:
    frame = NUMBERS.astype({"old": bool})
    model = xgboost.XGBClassifier(n_estimators=5).fit(frame, YES)
    schema = infer_schema(model)
    few = frame.loc[FEW.index]
    same_answers(model, few, model.predict(few), model.predict_proba(few))
    unknown = few.head(1).astype(float).assign(old=np.nan)
    row = {"size": few["size"].iloc[0], "age": int(few["age"].iloc[0]), "old": None}
    assert answers(model, [row]).probabilities == model.predict_proba(unknown).tolist()
    assert [column.type for column in schema.columns] == [ColumnType.NUMBER, ColumnType.NUMBER, ColumnType.BOOLEAN]
    assert all(column.nullable for column in schema.columns)


def check_xgboost_without_names() -> None:
    model = xgboost.XGBClassifier(n_estimators=5).fit(NUMBERS.to_numpy(dtype=float), YES)
    schema = infer_schema(model)
    assert list(schema.by_name) == ["x0", "x1", "x2"]
    scores = answers(model, [{"x0": 0.5, "x1": None, "x2": 1}])
    assert scores.probabilities == model.predict_proba(np.array([[0.5, np.nan, 1.0]])).tolist()


def check_xgboost_categories() -> None:
    model = xgboost.XGBClassifier(n_estimators=20, enable_categorical=True).fit(MIXED, YES)
    scores = same_answers(model, FEW, model.predict(FEW), model.predict_proba(FEW))
    assert scores.classes == [0, 1]
    column = infer_schema(reloaded(model)).by_name["city"]
    assert (column.categories, column.type, column.nullable) == (tuple(CITIES), ColumnType.STRING, True)
    rows = [{"size": 0.1, "age": 3, "old": 1, "city": city, "floor": 10} for city in (None, "geneva")]
    first, second = answers(model, rows).probabilities or ()
    assert first == second


def check_xgboost_categories_that_it_does_not_keep() -> None:
    umlauts = ["zürich", "bern", "aarau"]
    frame = MIXED.assign(city=MIXED["city"].cat.rename_categories(umlauts))
    few = frame.loc[FEW.index]
    model = xgboost.XGBClassifier(n_estimators=20, enable_categorical=True).fit(frame, YES)
    reason = refusal(InvalidSchema, infer_schema, model)
    assert "['city']" in reason
    assert "frame that it was fitted on" in reason
    schema = infer_schema(model, frame)
    assert schema.by_name["city"].categories == tuple(umlauts)
    scores = answers(reloaded(model), rows_of(few), schema)
    assert scores.probabilities == model.predict_proba(few).tolist()


def check_xgboost_booster() -> None:
    few = FEW[list(NUMBERS)]
    matrix = xgboost.DMatrix(NUMBERS, YES)
    booster = xgboost.train({"objective": "binary:logistic"}, matrix, 5)
    second = booster.predict(xgboost.DMatrix(few))
    same_answers(booster, few, (second > 0.5).astype(int), np.column_stack([1 - second, second]))
    assert describe(booster) == {"type": "Booster", "kind": "classifier", "predict_proba": True, "includes": []}
    booster = xgboost.train({"objective": "multi:softprob", "num_class": 3}, xgboost.DMatrix(NUMBERS, THREE), 5)
    several = booster.predict(xgboost.DMatrix(few))
    same_answers(booster, few, several.argmax(axis=1), several)
    booster = xgboost.train({"objective": "reg:squarederror"}, xgboost.DMatrix(NUMBERS, AMOUNT), 5)
    same_answers(booster, few, booster.predict(xgboost.DMatrix(few)))
    booster = xgboost.train({}, xgboost.DMatrix(NUMBERS.to_numpy(dtype=float), AMOUNT), 5)
    assert list(infer_schema(booster).by_name) == ["x0", "x1", "x2"]
    assert (
        answers(booster, [{"x0": 1, "x1": 2, "x2": None}]).labels
        == booster.predict(xgboost.DMatrix([[1, 2, np.nan]])).tolist()
    )


def check_xgboost_booster_with_categories() -> None:
    matrix = xgboost.DMatrix(MIXED, YES, enable_categorical=True)
    booster = xgboost.train({"objective": "binary:logistic"}, matrix, 20)
    second = booster.predict(xgboost.DMatrix(FEW, enable_categorical=True))
    same_answers(booster, FEW, (second > 0.5).astype(int), np.column_stack([1 - second, second]))


def check_xgboost_several_outputs() -> None:
    few = FEW[list(NUMBERS)]
    model = xgboost.XGBRegressor(n_estimators=5).fit(NUMBERS, np.column_stack([AMOUNT, -AMOUNT]))
    same_answers(model, few, model.predict(few))
    model = xgboost.XGBClassifier(n_estimators=5).fit(NUMBERS, np.column_stack([YES, 1 - YES, YES]))
    scores = same_answers(model, few, model.predict(few), model.predict_proba(few))
    assert scores.classes == [0, 1, 2]


def check_lightgbm_estimators() -> None:
    few = FEW[list(NUMBERS)]
    for labels in (YES, THREE, TEXTS, YES == 1, YES.to_numpy(dtype=float)):
        model = lightgbm.LGBMClassifier(n_estimators=5, verbose=-1).fit(NUMBERS, labels)
        same_answers(model, few, model.predict(few), model.predict_proba(few))
        assert describe(model)["kind"] == "classifier"
    model = lightgbm.LGBMRegressor(n_estimators=5, verbose=-1).fit(NUMBERS, AMOUNT)
    same_answers(model, few, model.predict(few))
    model = lightgbm.LGBMClassifier(n_estimators=5, verbose=-1).fit(NUMBERS.to_numpy(dtype=float), YES)
    assert list(infer_schema(model).by_name) == ["x0", "x1", "x2"]
    row = {"x0": 0.5, "x1": None, "x2": 1}
    assert answers(model, [row]).probabilities == model.predict_proba(np.array([[0.5, np.nan, 1.0]])).tolist()


def check_lightgbm_categories() -> None:
    model = lightgbm.LGBMClassifier(n_estimators=20, min_child_samples=2, verbose=-1).fit(MIXED, TEXTS)
    scores = same_answers(model, FEW, model.predict(FEW), model.predict_proba(FEW))
    assert scores.classes == ["no", "yes"]
    city, floor = (infer_schema(reloaded(model)).by_name[name] for name in ("city", "floor"))
    assert (city.type, city.categories) == (ColumnType.STRING, tuple(CITIES))
    assert (floor.type, floor.categories) == (ColumnType.NUMBER, (30, 10, 20))
    rows = [{"size": 0.1, "age": 3, "old": 1, "city": city, "floor": 10} for city in (None, "geneva")]
    first, second = answers(model, rows).probabilities or ()
    assert first == second


def check_lightgbm_booster() -> None:
    few = FEW[list(NUMBERS)]
    booster = lightgbm.train({"objective": "binary", "verbose": -1}, lightgbm.Dataset(MIXED, YES), 5)
    for loaded in (booster, lightgbm.Booster(model_str=booster.model_to_string())):
        second = loaded.predict(FEW)
        same_answers(loaded, FEW, (second > 0.5).astype(int), np.column_stack([1 - second, second]))
    parameters = {"objective": "multiclass", "num_class": 3, "verbose": -1}
    booster = lightgbm.train(parameters, lightgbm.Dataset(NUMBERS, THREE), 5)
    several = booster.predict(few)
    same_answers(booster, few, several.argmax(axis=1), several)
    booster = lightgbm.train({"verbose": -1}, lightgbm.Dataset(NUMBERS, AMOUNT), 5)
    same_answers(booster, few, booster.predict(few))


def check_lightgbm_names_with_blanks() -> None:
    frame = NUMBERS.rename(columns={"size": "living size"})
    model = lightgbm.LGBMRegressor(n_estimators=5, verbose=-1).fit(frame, AMOUNT)
    few = FEW[list(NUMBERS)].rename(columns={"size": "living size"})
    schema = infer_schema(model, frame)
    assert list(schema.by_name) == list(frame)
    assert answers(model, rows_of(few), schema).labels == model.predict(few).tolist()


def check_catboost_estimators() -> None:
    few = FEW[list(NUMBERS)]
    for labels in (YES, THREE, TEXTS, YES == 1):
        model = catboost.CatBoostClassifier(iterations=5, **QUIET).fit(NUMBERS, labels)
        wanted = model.predict(few).reshape(-1)
        same_answers(model, few, wanted, model.predict_proba(few))
        assert describe(model)["kind"] == "classifier"
    model = catboost.CatBoostRegressor(iterations=5, **QUIET).fit(NUMBERS, AMOUNT)
    same_answers(model, few, model.predict(few))
    model = catboost.CatBoostRegressor(iterations=5, **QUIET).fit(NUMBERS.to_numpy(dtype=float), AMOUNT)
    assert list(infer_schema(model).by_name) == ["x0", "x1", "x2"]
    assert answers(model, [{"x0": 1, "x1": None, "x2": 1}]).labels == model.predict([[1, np.nan, 1]]).tolist()


def check_catboost_categories() -> None:
    frame = MIXED.astype({"city": str, "floor": int})
    few = frame.loc[FEW.index]
    model = catboost.CatBoostClassifier(iterations=20, cat_features=["city", "floor"], **QUIET).fit(frame, TEXTS)
    with_example = infer_schema(model, frame)
    assert [column.type for column in with_example.columns][-2:] == [ColumnType.STRING, ColumnType.INTEGER]
    assert [column.nullable for column in with_example.columns] == [True, True, True, False, False]
    rows = rows_of(few)
    scores = answers(reloaded(model), rows, with_example)
    assert (scores.labels, scores.probabilities) == (model.predict(few).tolist(), model.predict_proba(few).tolist())
    assert scores.classes == ["no", "yes"]
    texts = answers(reloaded(model), [{**row, "floor": str(row["floor"])} for row in rows])
    assert texts.probabilities == scores.probabilities


def check_boosting_in_pipelines() -> None:
    columns = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), ["size", "age"]),
            ("city", OneHotEncoder(), ["city"]),
        ]
    )
    frame = MIXED.astype({"city": str})[["size", "age", "city"]]
    few = frame.loc[FEW.index]
    for last in (
        xgboost.XGBClassifier(n_estimators=5),
        lightgbm.LGBMClassifier(n_estimators=5, verbose=-1),
        catboost.CatBoostClassifier(iterations=5, **QUIET),
    ):
        model = make_pipeline(columns, last).fit(frame, YES)
        same_answers(model, few, model.predict(few), model.predict_proba(few))
        assert infer_schema(model).by_name["city"].enum == ("aarau", "bern", "zurich")


def check_categories_that_a_column_transformer_passes_on() -> None:
    columns = ColumnTransformer([("numbers", StandardScaler(), ["size", "age"])], remainder="passthrough")
    for last in (
        xgboost.XGBClassifier(n_estimators=20, enable_categorical=True),
        lightgbm.LGBMClassifier(n_estimators=20, min_child_samples=2, verbose=-1),
    ):
        model = make_pipeline(columns.set_output(transform="pandas"), last).fit(MIXED, YES)
        same_answers(model, FEW, model.predict(FEW), model.predict_proba(FEW))
        assert infer_schema(model).by_name["city"].categories == tuple(CITIES)


def check_boosting_inside_ensembles() -> None:
    few = FEW[list(NUMBERS)]
    inner = [("x", xgboost.XGBClassifier(n_estimators=5)), ("l", lightgbm.LGBMClassifier(n_estimators=5, verbose=-1))]
    for model in (VotingClassifier(inner, voting="soft"), CalibratedClassifierCV(inner[1][1], cv=2)):
        model.fit(NUMBERS, TEXTS)
        same_answers(model, few, model.predict(few), model.predict_proba(few))


def check_golden_rows_of_all() -> None:
    few = rows_of(FEW[list(NUMBERS)])
    for model in (
        xgboost.XGBClassifier(n_estimators=5).fit(NUMBERS, YES),
        xgboost.train({}, xgboost.DMatrix(NUMBERS, AMOUNT), 5),
        lightgbm.LGBMClassifier(n_estimators=5, verbose=-1).fit(NUMBERS, TEXTS),
        catboost.CatBoostClassifier(iterations=5, **QUIET).fit(NUMBERS, TEXTS),
    ):
        schema = infer_schema(model)
        replay(reloaded(model), schema, record(model, schema, few))


if __name__ == "__main__":
    run(globals())
