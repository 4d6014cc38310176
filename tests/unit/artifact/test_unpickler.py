"""Artifacts that load unchanged: every estimator of scikit-learn, and common pipelines."""

import bz2
import gzip
import io
import pickle
import re
import zlib
from functools import cache
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor, make_column_selector
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.frozen import FrozenEstimator
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, WhiteKernel
from sklearn.impute import SimpleImputer
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV, TunedThresholdClassifierCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    LabelBinarizer,
    LabelEncoder,
    MultiLabelBinarizer,
    OneHotEncoder,
    SplineTransformer,
    StandardScaler,
)
from sklearn.utils import all_estimators

from changeover.artifact import allowed_globals
from changeover.artifact.generate_allowed_globals import as_json, generate
from changeover.artifact.load import load, load_model
from changeover.exceptions import UnreadableArtifact

RANDOM = np.random.RandomState(0)
X = np.abs(RANDOM.rand(60, 6))
Y = (X[:, 0] > 0.5).astype(int)
FRAME = pd.DataFrame(X, columns=list("abcdef")).assign(city=np.array(["Rome", "Oslo", None] * 20, dtype=object))

# estimators without a test instance in scikit-learn that fits this data; each is fitted here by hand
BY_HAND = {
    "ColumnTransformer": lambda: ColumnTransformer([("s", StandardScaler(), [0])]).fit(X),
    "FrozenEstimator": lambda: FrozenEstimator(LogisticRegression().fit(X, Y)),
    "IsotonicRegression": lambda: IsotonicRegression().fit(X[:, 0], Y),
    "LabelBinarizer": lambda: LabelBinarizer().fit(Y),
    "LabelEncoder": lambda: LabelEncoder().fit(["x", "y"]),
    "MultiLabelBinarizer": lambda: MultiLabelBinarizer().fit([["x"], ["y", "z"]]),
}


def dumped(model: object, **how: object) -> bytes:
    target = io.BytesIO()
    joblib.dump(model, target, **how)
    return target.getvalue()


def instances(name: str, kind: type) -> list[BaseEstimator]:
    from sklearn.utils._test_common.instance_generator import _construct_instances

    if name in BY_HAND:
        return [BY_HAND[name]()]
    return [_fitted(name, one) for one in _construct_instances(kind)]


def _fitted(name: str, estimator: BaseEstimator) -> BaseEstimator:
    tags = estimator.__sklearn_tags__()
    if "random_state" in estimator.get_params():
        estimator.set_params(random_state=0)
    features: object = X
    if tags.input_tags.pairwise:
        features = X @ X.T
    elif name == "SparseCoder":
        features = X[:, :3]
    elif name == "DictVectorizer":
        features = [{"a": 1.0, "b": "x"}] * 60
    elif name == "FeatureHasher":
        features = [{"a": 1}] * 60
    elif name.endswith("Vectorizer"):
        features = ["red apple", "green pear"] * 30
    target = X @ np.arange(1, 7) if tags.estimator_type == "regressor" else Y
    if tags.target_tags.multi_output and not tags.target_tags.single_output:
        target = np.c_[target, target]
    return estimator.fit(features, target)


def names_of_estimators() -> list[str]:
    return [name for name, _ in all_estimators()]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", names_of_estimators())
def test_every_estimator_of_scikit_learn_loads(name: str) -> None:
    for estimator in instances(name, dict(all_estimators())[name]):
        artifact = load(dumped(estimator))
        loaded: Any = artifact.estimator
        assert type(loaded) is type(estimator)
        assert artifact.warnings == []
        if not isinstance(estimator, FrozenEstimator) and hasattr(estimator, "n_features_in_"):
            assert loaded.n_features_in_ == estimator.n_features_in_
        if hasattr(estimator, "predict") and not name.endswith("Vectorizer"):
            features = X[:, 0] if name == "IsotonicRegression" else X @ X.T if _pairwise(estimator) else X
            np.testing.assert_allclose(_predicted(loaded, features), _predicted(estimator, features), rtol=1e-9)


def _pairwise(estimator: BaseEstimator) -> bool:
    return bool(estimator.__sklearn_tags__().input_tags.pairwise)


def _predicted(estimator: BaseEstimator, features: object) -> Any:
    try:
        return np.asarray(estimator.predict(features))
    except (AttributeError, NotImplementedError):  # clusterings without predict
        return np.zeros(0)


@cache
def pipelines() -> dict[str, object]:
    text = make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), SGDClassifier(loss="log_loss"))
    columns = ColumnTransformer(
        [
            ("n", make_pipeline(SimpleImputer(), StandardScaler()), FRAME.select_dtypes("number").columns),
            ("c", OneHotEncoder(handle_unknown="ignore"), make_column_selector(dtype_include=["object", "str"])),
        ]
    )
    logistic = make_pipeline(columns, SelectKBest(f_classif, k=3), LogisticRegression())
    return {
        "columns": logistic.fit(FRAME, Y),
        "threshold": FixedThresholdClassifier(logistic, threshold=0.4).fit(FRAME, Y),
        "tuned": TunedThresholdClassifierCV(LogisticRegression(), scoring="f1").fit(X, Y),
        "text": text.fit(["good", "bad"] * 30, Y),
        "log1p": make_pipeline(FunctionTransformer(np.log1p), Ridge()).fit(X, Y),
        "target": TransformedTargetRegressor(Ridge(), func=np.log1p, inverse_func=np.expm1).fit(X, Y),
        "search": GridSearchCV(
            RandomForestClassifier(5), {"max_depth": [2, None]}, scoring=["f1", "roc_auc"], refit="f1"
        ).fit(X, Y),
        "boosting": HistGradientBoostingClassifier(max_iter=5, categorical_features=[0]).fit(np.round(X * 3), Y),
        "multinomial": HistGradientBoostingClassifier(max_iter=3).fit(X, np.arange(60) % 3),
        "splines": make_pipeline(FeatureUnion([("s", SplineTransformer()), ("x", StandardScaler())]), Ridge()).fit(
            X, Y
        ),
        "kernel": GaussianProcessRegressor(RBF() + WhiteKernel()).fit(X, Y),
        "ball": KNeighborsClassifier(algorithm="ball_tree", metric="manhattan").fit(X, Y),
        "kd": KNeighborsClassifier(algorithm="kd_tree", metric="minkowski", p=3).fit(X, Y),
        "sparse": KNeighborsClassifier().fit(sparse.csr_matrix(X), Y),
        "labels": LogisticRegression().fit(X, np.where(Y, "yes", "no")),
        "state": RandomForestClassifier(3, random_state=np.random.RandomState(7)).fit(X, Y),
        "dtypes": OneHotEncoder(dtype=np.float32).fit(FRAME[["city"]]),
        "metrics": make_pipeline(StandardScaler(), SGDClassifier(loss="modified_huber")).fit(X, Y),
    }


@pytest.mark.parametrize("name", pipelines())
@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_common_pipelines_load_in_every_protocol(name: str, protocol: int) -> None:
    model = pipelines()[name]
    loaded = load_model(dumped(model, protocol=protocol))
    assert without_addresses(loaded) == without_addresses(model)


def without_addresses(model: object) -> str:
    return re.sub(r"0x[0-9a-fA-F]+", "0x", repr(model))


def test_pandas_output_survives() -> None:
    model = make_pipeline(StandardScaler(), StandardScaler()).set_output(transform="pandas").fit(FRAME[["a", "b"]])
    assert list(load_model(dumped(model)).transform(FRAME[["a", "b"]]).columns) == ["a", "b"]  # type: ignore[attr-defined]


VALUES = {
    "objects": np.array(["a", None, 1.5], dtype=object),
    "structured": np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
    "fortran": np.asfortranarray(X),
    "strings": np.array(["a", "bc"]),
    "dates": np.array(["2020-01-01"], dtype="M8[D]"),
    "big-endian": np.arange(3, dtype=">i4"),
    "empty": np.zeros((0, 3)),
    "scalar": np.float64(2.5),
    "text scalar": np.str_("abc"),
    "masked": np.ma.array([1, 2], mask=[True, False]),
    "sparse": sparse.csc_array(X),
    "containers": {"a": {1, 2}, "b": frozenset([3]), "c": slice(1, 2), "d": bytearray(b"x"), "e": 1 + 2j, "f": b"\xff"},
}


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("plain", [False, True])
def test_values_survive(name: str, protocol: int, plain: bool) -> None:
    value = VALUES[name]
    buffer = pickle.dumps(value, protocol) if plain else dumped(value, protocol=protocol)
    loaded: Any = load_model(buffer)
    assert type(loaded) is type(value)
    if isinstance(value, dict):
        assert loaded == value
    elif sparse.issparse(value):
        assert (loaded != value).nnz == 0
    else:
        np.testing.assert_array_equal(loaded, value)


def test_random_generators_survive() -> None:
    for generator in (np.random.RandomState(3), np.random.default_rng(3)):
        assert load_model(dumped(generator)).normal() == generator.normal()  # type: ignore[attr-defined]


@pytest.mark.parametrize("how", ["zlib", "gzip", "bz2", "lzma", "xz"])
def test_every_compression_of_joblib_is_read(how: str) -> None:
    model = LogisticRegression().fit(X, Y)
    np.testing.assert_array_equal(load_model(dumped(model, compress=(how, 3))).coef_, model.coef_)  # type: ignore[attr-defined]


def test_a_plain_pickle_is_read_compressed_or_not() -> None:
    plain = pickle.dumps(LogisticRegression().fit(X, Y))
    for buffer in (plain, zlib.compress(plain), gzip.compress(plain), bz2.compress(plain)):
        assert isinstance(load_model(buffer), LogisticRegression)


def test_lz4_without_its_library_says_so() -> None:
    try:
        import lz4.frame  # type: ignore[import-not-found]  # noqa: F401
    except ImportError:
        with pytest.raises(UnreadableArtifact, match="lz4, which is not installed"):
            load_model(b"\x04\x22\x4d\x18" + b"\x00" * 20)


def test_another_version_of_scikit_learn_is_reported_as_data_and_not_as_a_warning(
    recwarn: pytest.WarningsRecorder,
) -> None:
    installed = sklearn.__version__
    other = "0" + installed[1:]
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y)
    loaded = load(dumped(model).replace(installed.encode(), other.encode()))
    assert loaded.versions == {"scikit-learn": other}
    assert len(loaded.warnings) == 1
    assert f"StandardScaler, LogisticRegression, Pipeline: made with scikit-learn {other}" in loaded.warnings[0]
    assert not recwarn.list
    assert load(dumped(model)).versions == {"scikit-learn": installed}


def test_the_old_spelling_of_numpy_core_is_the_same() -> None:
    value = np.array(["a", None], dtype=object)
    buffer = pickle.dumps(value, 2)
    assert b"numpy._core.multiarray" in buffer
    old = buffer.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    np.testing.assert_array_equal(load_model(old), value)


def test_the_stored_list_is_the_one_of_the_installed_libraries() -> None:
    assert as_json(generate()) == as_json(allowed_globals.allowed())


def test_an_operator_may_allow_more() -> None:
    buffer = dumped(FunctionTransformer(np.fft.fft))
    assert load_model(buffer, extra_globals=["numpy.fft.fft"]).func is np.fft.fft  # type: ignore[attr-defined]
