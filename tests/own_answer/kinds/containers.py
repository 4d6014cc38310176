"""Models of arrays, sparse tables, texts, dicts and categories, and nested models."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor, make_column_selector
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.feature_extraction import DictVectorizer, FeatureHasher
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.feature_selection import SelectKBest
from sklearn.impute import KNNImputer, MissingIndicator, SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor
from sklearn.naive_bayes import BernoulliNB, GaussianNB, MultinomialNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    PowerTransformer,
    SplineTransformer,
    StandardScaler,
    TargetEncoder,
)
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from tests.own_answer.kinds.estimators import NUMBERS, SEVERAL, SEVERAL_CLASSES, SIGNAL, TWO, N
from tests.own_answer.table.case import Case, Made

TEXTS = ["good fine great", "bad sad poor", "great good", "poor bad", "01100 fine", ""] * (N // 6)
CITIES = ["Rome", "Oslo", "Zürich"]
MIXED = NUMBERS.assign(
    city=pd.Series(CITIES * (N // 3), dtype=object),
    grade=pd.Categorical(["low", "high", "mid"] * (N // 3), categories=["low", "mid", "high"], ordered=True),
    member=np.arange(N) % 2 == 1,
)
WITH_MISSING = MIXED.assign(
    age=MIXED["age"].where(np.arange(N) % 5 > 0), city=MIXED["city"].where(np.arange(N) % 7 > 0, None)
)
RECORDS: list[dict[str, Any]] = [{"city": city, "rooms": float(i % 5)} for i, city in enumerate(MIXED["city"])]
MOODS = np.array(["+", "-", "+", "-", "+", "-"] * (N // 6))
PRICES = np.array(["low", "high", "low"] * (N // 3))


def of(table: Any, model: Any, target: Any = TWO) -> Case:
    """The model on any table; its first rows are asked."""
    return Case(model.fit(table, target), table, table[:12])


def of_texts(*steps: Any) -> Case:
    return of(TEXTS, make_pipeline(*steps), MOODS)


def of_records(*steps: Any) -> Case:
    return of(RECORDS, make_pipeline(*steps), PRICES)


def encoded(last: Any, encoder: Any = None, target: Any = TWO, frame: pd.DataFrame = MIXED) -> Case:
    """Numbers filled and scaled, all else encoded, before any estimator."""
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    words = encoder or OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    number = make_column_selector(dtype_include="number")
    columns = ColumnTransformer(
        [("numbers", numbers, number), ("words", words, make_column_selector(dtype_exclude="number"))]
    )
    return of(frame, make_pipeline(columns, last), target)


def sparse_counts(last: Any) -> Case:
    table = sparse.csr_matrix(np.arange(N * 5).reshape(N, 5) % 3)
    return of(table, last)


def members(*estimators: Any) -> Sequence[tuple[str, Any]]:
    return [(f"m{index}", estimator) for index, estimator in enumerate(estimators)]


def forest(**settings: Any) -> RandomForestClassifier:
    return RandomForestClassifier(5, random_state=0, **settings)


ARRAY = NUMBERS.to_numpy()
CONTAINERS: dict[str, Made] = {
    "texts: tf-idf, linear": lambda: of_texts(TfidfVectorizer(), LogisticRegression()),
    "texts: counts, Bayes": lambda: of_texts(CountVectorizer(), MultinomialNB()),
    "texts: hashing": lambda: of_texts(HashingVectorizer(n_features=32), SGDClassifier(random_state=0)),
    "texts: characters, reduced": lambda: of_texts(
        TfidfVectorizer(analyzer="char", ngram_range=(1, 2)), TruncatedSVD(3, random_state=0), SVC()
    ),
    "texts: a union": lambda: of_texts(make_union(TfidfVectorizer(), CountVectorizer(binary=True)), LinearSVC()),
    "texts: a series": lambda: of(
        pd.Series(TEXTS, name="review"), make_pipeline(TfidfVectorizer(), LogisticRegression()), MOODS
    ),
    "dicts: linear": lambda: of_records(DictVectorizer(), LogisticRegression()),
    "dicts: dense, tree": lambda: of_records(DictVectorizer(sparse=False), DecisionTreeClassifier()),
    "dicts: hashed": lambda: of_records(FeatureHasher(16), LogisticRegression()),
    "dicts: scaled, Bayes": lambda: of_records(DictVectorizer(sparse=False), StandardScaler(), GaussianNB()),
    "sparse: linear": lambda: sparse_counts(LogisticRegression()),
    "sparse: Bayes": lambda: sparse_counts(BernoulliNB()),
    "sparse: forest": lambda: sparse_counts(forest()),
    "array: float64": partial(of, ARRAY, forest()),
    "array: float32": partial(of, ARRAY.astype(np.float32), DecisionTreeClassifier(max_depth=4)),
    "array: int64": lambda: of((ARRAY * 10).astype(np.int64), make_pipeline(StandardScaler(), SVC())),
    "array: boolean": partial(of, ARRAY > 0, BernoulliNB()),
    "array: objects": lambda: of(
        MIXED[["city", "grade"]].to_numpy(dtype=object), make_pipeline(OneHotEncoder(), LogisticRegression()), PRICES
    ),
    "array: several outputs": partial(of, ARRAY, RandomForestRegressor(5, random_state=0), SEVERAL),
    "array: a column of targets": partial(of, ARRAY, LinearRegression(), SEVERAL[:, :1]),
    "mixed: linear": partial(encoded, LogisticRegression()),
    "mixed: ridge": partial(encoded, Ridge(), None, SIGNAL),
    "mixed: forest": partial(encoded, forest(), OrdinalEncoder()),
    "mixed: boosting": partial(encoded, HistGradientBoostingClassifier(max_iter=5), OrdinalEncoder()),
    "mixed: neighbours": partial(encoded, KNeighborsRegressor(3), None, SIGNAL),
    "mixed: network": partial(encoded, MLPClassifier((4,), solver="lbfgs", random_state=0, max_iter=50)),
    "mixed: target-encoded": partial(encoded, LogisticRegression(), TargetEncoder(cv=2)),
    "mixed: clusters": partial(encoded, KMeans(3, n_init=1, random_state=0)),
    "mixed: several classes": partial(encoded, forest(), None, SEVERAL_CLASSES),
    "missing: linear": partial(encoded, LogisticRegression(), frame=WITH_MISSING),
    "missing: forest": partial(encoded, forest(), OrdinalEncoder(encoded_missing_value=-1), frame=WITH_MISSING),
    "missing: by neighbours": lambda: of(WITH_MISSING[["age", "size"]], make_pipeline(KNNImputer(), Ridge()), SIGNAL),
    "missing: trees": lambda: of(WITH_MISSING[["age", "size"]], forest()),
    "missing: indicators": lambda: of(
        WITH_MISSING[["age", "size"]],
        make_pipeline(make_union(SimpleImputer(), MissingIndicator()), LogisticRegression()),
    ),
    "categories: boosting": lambda: of(
        MIXED.assign(city=MIXED["city"].astype("category")).drop(columns=["member"]),
        HistGradientBoostingRegressor(max_iter=5, min_samples_leaf=3),
        SIGNAL,
    ),
    "categories: with missing values": lambda: of(
        WITH_MISSING[["age"]].assign(city=WITH_MISSING["city"].astype("category")),
        HistGradientBoostingClassifier(max_iter=5, min_samples_leaf=3),
    ),
    "nested: voting of pipelines": lambda: of(
        NUMBERS, VotingClassifier(members(make_pipeline(StandardScaler(), SVC()), forest()))
    ),
    "nested: stacking with the inputs": lambda: of(
        NUMBERS, StackingClassifier(members(LogisticRegression(), forest()), cv=2, passthrough=True)
    ),
    "nested: calibrated search": lambda: of(
        NUMBERS, CalibratedClassifierCV(GridSearchCV(LinearSVC(), {"C": [0.1, 1.0]}, cv=2), cv=2)
    ),
    "nested: bagged trees": lambda: of(NUMBERS, BaggingClassifier(DecisionTreeClassifier(), 3, random_state=0)),
    "nested: boosted trees": lambda: of(
        NUMBERS, AdaBoostClassifier(DecisionTreeClassifier(max_depth=2), n_estimators=3)
    ),
    "nested: an output a model": lambda: of(NUMBERS, MultiOutputClassifier(LogisticRegression()), SEVERAL_CLASSES),
    "nested: an output a regressor": lambda: of(NUMBERS, MultiOutputRegressor(DecisionTreeRegressor()), SEVERAL),
    "nested: a transformed target": lambda: of(
        NUMBERS, TransformedTargetRegressor(Ridge(), func=np.arcsinh, inverse_func=np.sinh), SIGNAL
    ),
    "steps: polynomials": lambda: of(
        NUMBERS, make_pipeline(PolynomialFeatures(2), SelectKBest(k=5), LogisticRegression())
    ),
    "steps: components": lambda: of(NUMBERS, make_pipeline(StandardScaler(), PCA(2), KNeighborsClassifier(3))),
    "steps: splines and powers": lambda: of(
        NUMBERS, make_pipeline(PowerTransformer(), SplineTransformer(n_knots=4), Ridge()), SIGNAL
    ),
    "steps: a function of numpy": lambda: of(
        NUMBERS, make_pipeline(FunctionTransformer(np.arctan), LogisticRegression())
    ),
    "steps: pandas between": lambda: of(
        NUMBERS, make_pipeline(StandardScaler(), LogisticRegression()).set_output(transform="pandas")
    ),
}
