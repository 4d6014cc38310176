"""Models as an environment makes them, run by its interpreter: `PROGRAM FOLDER GROUP`.

It knows nothing of this product. Each model is written by `joblib.dump`, or as its library does; `FILE.json` beside it
has what it answers there.
"""

import json
import math
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd

ROWS, ASKED = 300, 50
CITIES = ["zurich", "bern", "aarau"]  # no alphabetic order


def frame() -> tuple[pd.DataFrame, pd.Series]:
    """The training data: numbers, missing values, texts, and a target of words."""
    random = np.random.default_rng(13)
    table = pd.DataFrame(
        {
            "size": random.normal(size=ROWS),
            "income": np.where(random.random(ROWS) < 0.1, np.nan, random.lognormal(3, 1, ROWS)),
            "rooms": random.integers(1, 7, ROWS),
            "city": random.choice(CITIES, ROWS),
        }
    )
    wanted = table["size"] + 0.3 * table["rooms"] + (table["city"] == "bern") + random.normal(0, 0.3, ROWS) > 1.5
    return table, pd.Series(np.where(wanted, "yes", "no"))


def sklearn_models(table: pd.DataFrame, target: pd.Series) -> Iterator[tuple[str, Any, pd.DataFrame]]:
    """A pipeline over the whole frame, and those kinds that another version reads, and answers differently."""
    from sklearn.compose import ColumnTransformer
    from sklearn.cross_decomposition import PLSRegression
    from sklearn.ensemble import AdaBoostClassifier, GradientBoostingClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler
    from sklearn.tree import DecisionTreeClassifier

    def columns() -> Any:
        numbers = make_pipeline(SimpleImputer(), StandardScaler())
        city = OneHotEncoder(handle_unknown="ignore")
        return ColumnTransformer([("numbers", numbers, ["size", "income", "rooms"]), ("city", city, ["city"])])

    yield "pipeline", make_pipeline(columns(), GradientBoostingClassifier(random_state=0)).fit(table, target), table
    numbers = table[["size", "rooms"]]
    deep = DecisionTreeClassifier(max_depth=3, random_state=0)
    yield "ada", AdaBoostClassifier(deep, n_estimators=10, random_state=0).fit(numbers, target), numbers
    yield "pls", PLSRegression(n_components=2).fit(numbers, numbers["size"] * 3 + numbers["rooms"]), numbers
    try:
        from ourfeatures import Clip
    except ImportError:
        return
    scaled = StandardScaler().set_output(transform="pandas")  # it keeps the names
    yield (
        "own",
        make_pipeline(scaled, Clip(0.5), GradientBoostingClassifier(random_state=0)).fit(numbers, target),
        numbers,
    )


def boosting_models(table: pd.DataFrame, target: pd.Series) -> Iterator[tuple[str, Any, pd.DataFrame]]:
    """xgboost, lightgbm and catboost, two of them with pandas' categories, too."""
    import catboost
    import lightgbm
    import xgboost

    numbers, second = table[["size", "income", "rooms"]], (target == "yes").astype(int)
    categories = table.assign(city=pd.Categorical(table["city"], categories=CITIES))
    quiet = {"verbose": 0, "allow_writing_files": False}
    yield "xgboost", xgboost.XGBClassifier(n_estimators=30).fit(numbers, second), numbers
    yield "lightgbm", lightgbm.LGBMClassifier(n_estimators=30, verbose=-1).fit(numbers, target), numbers
    yield (
        "lightgbm-categories",
        lightgbm.LGBMClassifier(n_estimators=30, verbose=-1).fit(categories, target),
        categories,
    )
    mixed = xgboost.XGBClassifier(n_estimators=30, enable_categorical=True)
    yield "xgboost-categories", mixed.fit(categories, second), categories
    yield "catboost", catboost.CatBoostClassifier(iterations=30, **quiet).fit(numbers, target), numbers


def statistics_models(table: pd.DataFrame, target: pd.Series) -> Iterator[tuple[str, Any, pd.DataFrame]]:
    """imbalanced-learn, category_encoders, feature_engine, and a GLM of a formula."""
    import category_encoders
    import statsmodels.api as sm
    import statsmodels.formula.api as smf
    from feature_engine.encoding import OneHotEncoder
    from imblearn.over_sampling import SMOTE
    from imblearn.pipeline import make_pipeline as make_sampled
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    whole = table.drop(columns=["income"])
    numbers = table[["size", "rooms"]]
    sampled = make_sampled(StandardScaler(), SMOTE(random_state=0), LogisticRegression())
    yield "imblearn", sampled.fit(numbers, target), numbers
    encoder = category_encoders.TargetEncoder(cols=["city"])
    yield "category-encoders", make_pipeline(encoder, LogisticRegression()).fit(whole, target == "yes"), whole
    yield "feature-engine", make_pipeline(OneHotEncoder(), LogisticRegression()).fit(whole, target), whole
    with_target = whole.assign(yes=(target == "yes").astype(int))
    formula = smf.glm("yes ~ size * C(city) + np.log(rooms)", with_target, family=sm.families.Binomial())
    yield "glm", formula.fit(), whole
    yield "logistic.skops", make_pipeline(StandardScaler(), LogisticRegression()).fit(numbers, target), numbers


def code_models(table: pd.DataFrame, target: pd.Series) -> Iterator[tuple[str, Any, pd.DataFrame]]:
    """A class of this program, by value."""
    from sklearn.base import BaseEstimator, TransformerMixin
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    class Doubled(TransformerMixin, BaseEstimator):
        def fit(self, values: Any, target: Any = None) -> "Doubled":
            self.n_features_in_ = values.shape[1]
            return self

        def transform(self, values: Any) -> Any:
            return values * 2

    numbers = table[["size", "rooms"]]
    # the names of the columns are in what was fitted before
    from sklearn.preprocessing import StandardScaler

    scaled = StandardScaler().set_output(transform="pandas")
    yield "by-value.cloudpickle", make_pipeline(scaled, Doubled(), LogisticRegression()).fit(numbers, target), numbers


def answers(model: Any, few: pd.DataFrame) -> dict[str, Any]:
    """What the model says of these rows, and the rows as a caller sends them."""
    labels = np.asarray(model.predict(few)).reshape(-1)
    probabilities = model.predict_proba(few).tolist() if hasattr(model, "predict_proba") else None
    if "statsmodels" in type(model).__module__:  # the mean is the probability of the second class
        probabilities = np.column_stack([1 - labels, labels]).tolist()
        labels = (labels > 0.5).astype(int)
    rows = [
        {name: None if isinstance(cell, float) and math.isnan(cell) else cell for name, cell in row.items()}
        for row in few.astype(object).to_dict("records")
    ]
    return {"rows": rows, "labels": labels.tolist(), "probabilities": probabilities}


def dump(model: Any, path: Path) -> None:
    """Write the model as its users do."""
    if path.suffix == ".skops":
        import skops.io

        skops.io.dump(model, path)
    elif path.suffix == ".cloudpickle":
        import cloudpickle

        path.write_bytes(cloudpickle.dumps(model))
    else:
        joblib.dump(model, path)


GROUPS: dict[str, Callable[[pd.DataFrame, pd.Series], Iterator[tuple[str, Any, pd.DataFrame]]]] = {
    "sklearn": sklearn_models,
    "boosting": boosting_models,
    "statistics": statistics_models,
    "code": code_models,
}


def main(folder: str, group: str) -> None:
    """Write the models of one group."""
    warnings.simplefilter("ignore")
    table, target = frame()
    for name, model, inputs in GROUPS[group](table, target):
        path = Path(folder) / (name if "." in name else f"{name}.joblib")
        dump(model, path)
        few = inputs.tail(ASKED).reset_index(drop=True)
        (Path(folder) / f"{path.name}.json").write_text(json.dumps(answers(model, few)), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
