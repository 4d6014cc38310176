"""imbalanced-learn, category_encoders, feature_engine, own classes and classes by value.

Run by an environment that has them.
"""

import pickle

import category_encoders
import cloudpickle
import numpy as np
import pandas as pd
from feature_engine.encoding import MeanEncoder, OneHotEncoder, OrdinalEncoder, RareLabelEncoder
from feature_engine.imputation import CategoricalImputer, MeanMedianImputer
from imblearn.ensemble import BalancedRandomForestClassifier, EasyEnsembleClassifier
from imblearn.over_sampling import SMOTE, SMOTENC, RandomOverSampler
from imblearn.pipeline import make_pipeline as make_sampled
from imblearn.under_sampling import InstanceHardnessThreshold, RandomUnderSampler
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder as CategoryCodes
from sklearn.preprocessing import StandardScaler

from changeover.estimator.infer_schema import infer_schema
from changeover.estimator.scoring import describe
from changeover.estimator.training_frame import rows_of
from changeover.schema.cell_parsers import ColumnType
from tests.libraries import own_models
from tests.libraries.served import answers, reloaded, run, same_answers, twin_of

RANDOM = np.random.default_rng(0)
ROWS = 300
CITIES = ("aarau", "bern", "zürich")
FRAME = pd.DataFrame(
    {"size": RANDOM.normal(size=ROWS), "age": RANDOM.normal(size=ROWS), "city": RANDOM.choice(CITIES, ROWS)}
)
NUMBERS = FRAME[["size", "age"]]
LABELS = np.where((FRAME["size"] > 0.8) | (FRAME["city"] == "bern") & (FRAME["age"] > 0.3), "yes", "no")
FEW = FRAME.sample(20, random_state=1)
FEW_NUMBERS = FEW[["size", "age"]]


def check_samplers_are_skipped() -> None:
    for sampler in (
        RandomUnderSampler(random_state=0),
        RandomOverSampler(random_state=0),
        SMOTE(random_state=0),
        InstanceHardnessThreshold(estimator=LogisticRegression(), random_state=0),
    ):
        for steps in (
            (sampler, StandardScaler(), LogisticRegression()),
            (StandardScaler(), sampler, LogisticRegression()),
        ):
            model = make_sampled(*steps).fit(NUMBERS, (LABELS == "yes").astype(int))
            same_answers(model, FEW_NUMBERS, model.predict(FEW_NUMBERS), model.predict_proba(FEW_NUMBERS))
            assert twin_of(model, FEW_NUMBERS).rows
    columns = ColumnTransformer([("city", CategoryCodes(), ["city"])], remainder="passthrough")
    sampler = SMOTENC(categorical_features=["city"], random_state=0)
    model = make_sampled(sampler, columns, RandomForestClassifier(5)).fit(FRAME, LABELS)
    same_answers(model, FEW, model.predict(FEW), model.predict_proba(FEW))


def check_balanced_ensembles() -> None:
    for model in (BalancedRandomForestClassifier(5, random_state=0), EasyEnsembleClassifier(3, random_state=0)):
        model.fit(NUMBERS, LABELS)
        same_answers(model, FEW_NUMBERS, model.predict(FEW_NUMBERS), model.predict_proba(FEW_NUMBERS))
        assert describe(model)["kind"] == "classifier"


def check_category_encoders() -> None:
    for name in (
        "TargetEncoder",
        "OrdinalEncoder",
        "OneHotEncoder",
        "WOEEncoder",
        "CatBoostEncoder",
        "CountEncoder",
        "LeaveOneOutEncoder",
        "BinaryEncoder",
    ):
        encoder = getattr(category_encoders, name)(cols=["city"])
        model = make_pipeline(encoder, LogisticRegression()).fit(FRAME, LABELS == "yes")
        same_answers(model, FEW, model.predict(FEW), model.predict_proba(FEW))
        column = infer_schema(reloaded(model)).by_name["city"]
        assert (column.type, sorted(column.categories or ())) == (ColumnType.STRING, sorted(CITIES)), name
        unknown = FEW.head(2).assign(city=["geneva", None])
        assert answers(model, rows_of(unknown)).probabilities == model.predict_proba(unknown).tolist(), name
    columns = ColumnTransformer([("city", category_encoders.TargetEncoder(), ["city"])], remainder="passthrough")
    model = make_pipeline(columns, LogisticRegression()).fit(FRAME, LABELS == "yes")
    same_answers(model, FEW, model.predict(FEW), model.predict_proba(FEW))
    assert infer_schema(model).by_name["city"].type is ColumnType.STRING


def check_category_encoders_that_refuse() -> None:
    encoder = category_encoders.OrdinalEncoder(cols=["city"], handle_unknown="error", handle_missing="error")
    model = make_pipeline(encoder, LogisticRegression()).fit(FRAME, LABELS)
    column = infer_schema(model).by_name["city"]
    assert sorted(map(str, column.enum or ())) == sorted(CITIES)
    assert not column.nullable


def check_feature_engine() -> None:
    for encoder in (OneHotEncoder(), OrdinalEncoder(encoding_method="arbitrary"), MeanEncoder(unseen="raise")):
        model = make_pipeline(encoder, LogisticRegression()).fit(FRAME, LABELS == "yes")
        same_answers(model, FEW, model.predict(FEW), model.predict_proba(FEW))
        column = infer_schema(reloaded(model)).by_name["city"]
        assert column.type is ColumnType.STRING
        assert sorted(map(str, column.enum or column.categories or ())) == sorted(CITIES)
        assert (column.enum is not None) == (type(encoder) is MeanEncoder)
    gaps = FRAME.assign(city=FRAME["city"].where(FRAME.index % 7 > 0), age=FRAME["age"].where(FRAME.index % 5 > 0))
    steps = (MeanMedianImputer(), CategoricalImputer(), RareLabelEncoder(n_categories=2), OneHotEncoder())
    model = make_pipeline(*steps, LogisticRegression()).fit(gaps, LABELS)
    few = gaps.loc[FEW.index]
    same_answers(model, few, model.predict(few), model.predict_proba(few))
    schema = infer_schema(model)
    assert schema.by_name["city"].type is ColumnType.STRING
    assert all(column.nullable for column in schema.columns)


def check_own_classes_take_a_frame() -> None:
    rule = own_models.Rule()
    schema = infer_schema(rule, FRAME[["city", "size"]])
    rows = [{"size": 2, "city": "bern"}, {"size": 0, "city": "bern"}]
    assert answers(reloaded(rule), rows, schema).labels == ["large", "small"]
    assert describe(rule) == {"type": "Rule", "kind": "other", "predict_proba": False, "includes": []}
    model = own_models.Majority().fit(FRAME, LABELS)
    scores = answers(reloaded(model), rows_of(FEW), infer_schema(model, FRAME))
    assert scores.labels == model.predict(FEW).tolist()
    assert scores.probabilities == model.predict_proba(FEW).tolist()
    assert scores.classes == ["no", "yes"]
    model = make_pipeline(own_models.Columns(("age", "size")), StandardScaler(), LogisticRegression()).fit(
        FRAME, LABELS
    )
    scores = answers(reloaded(model), rows_of(FEW), infer_schema(model, FRAME))
    assert scores.probabilities == model.predict_proba(FEW).tolist()


def check_classes_by_value() -> None:
    cloudpickle.register_pickle_by_value(own_models)
    try:
        written = cloudpickle.dumps((own_models.Majority().fit(FRAME, LABELS), own_models.Rule()))
    finally:
        cloudpickle.unregister_pickle_by_value(own_models)
    cloudpickle.cloudpickle._DYNAMIC_CLASS_TRACKER_BY_ID.clear()  # it would give back the classes of this process
    model, rule = pickle.loads(written)
    assert type(model) is not own_models.Majority
    assert answers(model, rows_of(FEW), infer_schema(model, FRAME)).labels == model.predict(FEW).tolist()
    assert answers(
        rule, rows_of(FEW[["size", "city"]]), infer_schema(rule, FRAME[["size", "city"]])
    ).labels == rule.predict(FEW)


if __name__ == "__main__":
    run(globals())
