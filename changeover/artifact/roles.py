"""The role of an object in the serving of predictions, by the name of its class; nothing is imported."""

from enum import StrEnum
from typing import Any, Final

from changeover.artifact.inert.record import Record, is_a, step_of

_DEEPEST: Final = 5  # pipelines in one another
_INDEX: Final = "pandas.core.indexes."


class Role(StrEnum):
    """The role of an object."""

    MODEL = "model"
    VECTORIZER = "vectorizer"  # turns strings or dicts into columns
    TRANSFORMER = "transformer"  # turns columns into columns: an encoder, a scaler, an imputer
    LABELS = "encoder of labels"
    COLUMNS = "columns"  # a list of strings
    DATA = "data"  # a frame or an array
    OTHER = "other"


# prefixes of dotted class names; the first that fits decides
_BY_PREFIX: Final = (
    ("sklearn.feature_extraction.text.TfidfTransformer", Role.TRANSFORMER),
    ("sklearn.feature_extraction.", Role.VECTORIZER),
    ("sklearn.preprocessing._label.", Role.LABELS),
    ("sklearn.preprocessing.", Role.TRANSFORMER),
    ("sklearn.impute.", Role.TRANSFORMER),
    ("sklearn.decomposition.", Role.TRANSFORMER),
    ("sklearn.feature_selection._rfe.", Role.MODEL),
    ("sklearn.feature_selection.", Role.TRANSFORMER),
    ("sklearn.compose._column_transformer.", Role.TRANSFORMER),
    ("sklearn.random_projection.", Role.TRANSFORMER),
    ("sklearn.kernel_approximation.", Role.TRANSFORMER),
    ("sklearn.manifold.", Role.TRANSFORMER),
    ("sklearn.cross_decomposition._pls.PLSSVD", Role.TRANSFORMER),
    ("sklearn.ensemble._forest.RandomTreesEmbedding", Role.TRANSFORMER),
    ("sklearn.neighbors._graph.", Role.TRANSFORMER),
    ("sklearn.neighbors._nca.", Role.TRANSFORMER),
    ("sklearn.neural_network._rbm.", Role.TRANSFORMER),
    ("sklearn.pipeline.FeatureUnion", Role.TRANSFORMER),
    ("sklearn.cluster._agglomerative.", Role.OTHER),
    ("sklearn.cluster._bicluster.", Role.OTHER),
    ("sklearn.cluster._dbscan.", Role.OTHER),
    ("sklearn.cluster._hdbscan.", Role.OTHER),
    ("sklearn.cluster._optics.", Role.OTHER),
    ("sklearn.cluster._spectral.", Role.OTHER),
    ("sklearn.covariance._elliptic_envelope.", Role.MODEL),
    ("sklearn.covariance.", Role.OTHER),
    ("sklearn.neighbors._kde.", Role.OTHER),
    ("sklearn.neighbors._unsupervised.", Role.OTHER),
    ("sklearn.pipeline._", Role.OTHER),
    ("sklearn.utils.", Role.OTHER),
    ("sklearn.metrics.", Role.OTHER),
    ("sklearn._loss.", Role.OTHER),
    ("sklearn.tree._tree.", Role.OTHER),
    ("sklearn.model_selection._split.", Role.OTHER),
    ("sklearn.", Role.MODEL),
    ("category_encoders.", Role.TRANSFORMER),
    ("feature_engine.", Role.TRANSFORMER),
    ("xgboost.", Role.MODEL),
    ("lightgbm.", Role.MODEL),
    ("catboost.", Role.MODEL),
    ("_catboost.", Role.MODEL),
    ("imblearn.", Role.MODEL),
    ("statsmodels.", Role.MODEL),
    ("skops.", Role.OTHER),
    (_INDEX, Role.COLUMNS),
    ("pandas.", Role.DATA),
    ("numpy.", Role.DATA),
    ("scipy.sparse.", Role.DATA),
)
# endings of class names of other packages
_BY_ENDING: Final = (
    (("Classifier", "Regressor", "Regression", "Model", "Estimator", "Pipeline", "Forest", "SearchCV"), Role.MODEL),
    (("Vectorizer", "Tokenizer"), Role.VECTORIZER),
    (("Encoder", "Scaler", "Transformer", "Imputer", "Selector", "Preprocessor"), Role.TRANSFORMER),
)


def role_of(thing: Any) -> Role:
    """The role of an inert object."""
    for _ in range(_DEEPEST):  # a pipeline has the role of its last step
        inside = step_of(thing, -1)
        if inside is None:
            break
        thing = inside
    if not isinstance(thing, Record):
        return Role.OTHER
    if is_a(thing, "list", "tuple"):
        strings = bool(thing.items) and all(isinstance(item, str) for item in thing.items)
        return Role.COLUMNS if strings else Role.OTHER
    if thing.kind == "numpy.ndarray" and _is_of_strings(thing):
        return Role.COLUMNS
    return _by_name(thing.kind)


def _by_name(kind: str) -> Role:
    for prefix, role in _BY_PREFIX:
        if kind.startswith(prefix):
            return role
    package, _, name = kind.rpartition(".")
    if package not in ("builtins", "collections"):
        for endings, role in _BY_ENDING:
            if name.endswith(endings):
                return role
    return Role.OTHER


def _is_of_strings(array: Record) -> bool:
    """Whether an array with its bytes in the file has one dimension of objects or strings."""
    shape, dtype = array.attribute("shape"), array.attribute("dtype")
    text = dtype.items[0] if isinstance(dtype, Record) and dtype.items else None
    return is_a(shape, "tuple") and len(shape.items) == 1 and isinstance(text, str) and text.lstrip("<>|=")[:1] in "OU"
