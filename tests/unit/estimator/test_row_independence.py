"""Row independence: which models may be asked for the rows of several requests in one call."""

import warnings
from inspect import signature
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.decomposition import NMF, PCA
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier, StackingClassifier, VotingClassifier
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import make_scorer
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler, normalize, scale
from sklearn.svm import SVC
from sklearn.utils import all_estimators

from changeover.estimator.golden_rows import record
from changeover.estimator.infer_schema import infer_schema
from changeover.estimator.row_independence import dependence, members
from changeover.json_types import JsonObject

RANDOM = np.random.default_rng(0)
X = np.abs(RANDOM.normal(size=(60, 4))) + 0.1
Y = (X[:, 0] > X[:, 1]).astype(int)
GAPS = np.where(RANDOM.random(X.shape) < 0.2, np.nan, X)


def ranks(table: Any) -> Any:
    return pd.DataFrame(table).rank().to_numpy()


def by_distance(distances: Any) -> Any:
    return 1 / (distances - distances.min() + 1)


def linear(left: Any, right: Any) -> Any:
    return (left - left.mean(axis=0)) @ right.T


def first(true: Any, predicted: Any) -> float:
    return float(predicted[0] == true[0])


class Own(TransformerMixin, BaseEstimator):
    def fit(self, features: Any, target: Any = None) -> "Own":
        self.n_features_in_ = features.shape[1]
        return self

    def transform(self, features: Any) -> Any:
        return features - features.mean(axis=0)


def ended(*steps: Any) -> Any:
    return make_pipeline(*steps, LogisticRegression())


INDEPENDENT = {
    "pipeline": ended(SimpleImputer(), StandardScaler(), PCA(2)),
    "ufunc": ended(FunctionTransformer(np.log1p)),
    "identity": ended(FunctionTransformer()),
    "union": ended(FeatureUnion([("a", StandardScaler()), ("b", PCA(2))])),
    "forest": RandomForestClassifier(5),
    "boosting": GradientBoostingClassifier(n_estimators=3),
    "search with a scorer of one's own": GridSearchCV(LogisticRegression(), {"C": [1]}, scoring=make_scorer(first)),
    "calibrated": CalibratedClassifierCV(LogisticRegression(), cv=2),
    "vote": VotingClassifier([("a", LogisticRegression()), ("b", KNeighborsClassifier())]),
    "gaussian process": GaussianProcessRegressor(),
    "gaps": ended(KNNImputer()),
    "target": TransformedTargetRegressor(LinearRegression(), func=np.log1p, inverse_func=np.expm1),
}
DEPENDENT = {
    "scale": (ended(FunctionTransformer(scale)), "calls scale"),
    "normalize": (ended(FunctionTransformer(normalize, kw_args={"axis": 0})), "calls normalize"),
    "cumsum": (ended(FunctionTransformer(np.cumsum, kw_args={"axis": 0})), "calls cumsum"),
    "accumulate": (ended(FunctionTransformer(np.add.accumulate)), "calls accumulate"),
    "rank": (ended(FunctionTransformer(ranks)), "calls ranks"),
    "in columns": (ended(ColumnTransformer([("a", FunctionTransformer(scale), [0])])), "calls scale"),
    "in a union": (ended(FeatureUnion([("a", FunctionTransformer(ranks))])), "calls ranks"),
    "in a stack": (StackingClassifier([("a", ended(FunctionTransformer(scale)))], cv=2), "calls scale"),
    "in a search": (GridSearchCV(ended(FunctionTransformer(scale)), {}), "calls scale"),
    "own": (ended(Own()), "the Own is no class of a known library"),
    "weights": (KNeighborsClassifier(weights=by_distance), "calls by_distance"),
    "kernel": (SVC(kernel=linear), "calls linear"),
    "target": (
        TransformedTargetRegressor(LinearRegression(), func=scale, inverse_func=ranks, check_inverse=False),
        "calls ranks",
    ),
    "nmf": (ended(NMF(2)), "NMF stops when"),
    "iterative": (ended(IterativeImputer()), "IterativeImputer treats"),
    "draws": (DummyClassifier(strategy="stratified", random_state=0), "draws its answers"),
}


@pytest.mark.parametrize("name", INDEPENDENT)
def test_parts_of_libraries_are_independent(name: str) -> None:
    assert dependence(INDEPENDENT[name].fit(X, Y)) is None


@pytest.mark.parametrize("name", DEPENDENT)
def test_parts_that_may_look_at_all_rows_are_not(name: str) -> None:
    estimator, reason = DEPENDENT[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimator.fit(GAPS if name == "iterative" else X, X[:, 0] if name == "target" else Y)
    assert reason in str(dependence(estimator))


def test_functions_of_a_single_text_are_independent() -> None:
    texts = make_pipeline(TfidfVectorizer(tokenizer=str.split, token_pattern=None), LogisticRegression())
    assert dependence(texts.fit(["a b", "b c"] * 5, [0, 1] * 5)) is None


def answers(estimator: Any, method: str, rows: Any) -> Any:
    returned = getattr(estimator, method)(rows)
    return returned.toarray() if hasattr(returned, "toarray") else np.asarray(returned)


def differs(estimator: Any, method: str, rows: Any) -> bool:
    """Whether a row is answered otherwise alone, or in the reverse order."""
    together = answers(estimator, method, rows)
    alone = [answers(estimator, method, rows[index : index + 1])[0] for index in range(len(rows))]
    turned = answers(estimator, method, rows[::-1].copy())[::-1]
    if together.dtype.kind in "fc":
        return not all(np.allclose(together, other, rtol=1e-6, atol=1e-7, equal_nan=True) for other in (alone, turned))
    return not all(np.array_equal(together, other) for other in (alone, turned))


@pytest.mark.parametrize("table", [X, GAPS], ids=["numbers", "missing values"])
def test_every_estimator_of_scikit_learn_that_depends_on_other_rows_is_known(table: Any) -> None:
    """Each is fitted and asked here: what answers a row otherwise in company must count as dependent."""
    asked = np.vstack([table[:8], np.full((1, 4), np.nan if table is GAPS else 2.5)])
    options: dict[str, list[JsonObject]] = {
        "DummyClassifier": [{"strategy": "uniform", "random_state": 0}, {"strategy": "stratified", "random_state": 0}],
        "NMF": [{"n_components": 2}, {"n_components": 2, "solver": "mu"}],
        "MiniBatchNMF": [{"n_components": 2}],
        "LocalOutlierFactor": [{"novelty": True}],
        "KNeighborsClassifier": [{"weights": "distance"}],
    }
    dependent, fitted = set(), 0
    for name, kind in all_estimators():
        if not hasattr(kind, "predict") and not hasattr(kind, "transform"):
            continue
        few = {"n_estimators": 3} if "n_estimators" in signature(kind).parameters else {}
        for chosen in options.get(name, [{"max_iter": 3} if name.startswith("Hist") else few]):
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    estimator = kind(**chosen).fit(table, Y)
                    methods = [
                        method for method in ("predict", "predict_proba", "transform") if hasattr(estimator, method)
                    ]
                    depends = any(differs(estimator, method, asked) for method in methods)
            except Exception:  # noqa: BLE001  it cannot be fitted on such a table, or refuses missing values
                continue
            fitted += 1
            if depends:
                dependent.add(name)
                assert dependence(estimator) is not None, f"{name} {chosen} depends on the other rows"
    assert fitted > (20 if table is GAPS else 100)
    assert dependent >= ({"IterativeImputer"} if table is GAPS else {"DummyClassifier", "MiniBatchNMF"})


class Middle(BaseEstimator):
    """A class that passes for one of scikit-learn's, whose answer is the distance from the middle of the call."""

    __module__ = "sklearn.middle"

    def fit(self, features: Any) -> "Middle":
        self.n_features_in_ = features.shape[1]
        return self

    def predict(self, features: Any) -> Any:
        return features[:, 0] - features[:, 0].mean()


def test_golden_rows_that_are_answered_otherwise_in_company_are_not_independent() -> None:
    model = Middle().fit(X)
    schema = infer_schema(model)
    rows: list[JsonObject] = [{f"x{index}": number for index in range(4)} for number in (1.0, 2.0, 4.0)]
    golden = record(model, schema, rows)
    found = members(model, schema, {"golden": golden, "warnings": ["before"]})
    assert found["row_independent"] is False
    assert str(found["warnings"]).startswith("['before', 'golden row 0 is answered [0.0, None] alone, ")
    linear_model = LinearRegression().fit(X, Y)
    same = record(linear_model, schema, rows)
    assert members(linear_model, schema, {"golden": same, "warnings": []}) == {"row_independent": True}
