"""Models whose answers jump at numbers, with these numbers at the model's input, for the tests of ONNX twins."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.ensemble import (
    AdaBoostRegressor,
    BaggingClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.feature_selection import VarianceThreshold
from sklearn.impute import KNNImputer, MissingIndicator, SimpleImputer
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression, RidgeClassifier, SGDClassifier
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import BernoulliNB, CategoricalNB, GaussianNB
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import (
    Binarizer,
    KBinsDiscretizer,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    SplineTransformer,
    StandardScaler,
    TargetEncoder,
)
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

Edges = Mapping[str, Sequence[float]]


@dataclass(frozen=True)
class Jumping:
    """An unfitted model, a function from the fitted one to its numbers for each column, and what is expected of it.

    `no_twin` is the reason that is expected instead of a twin; `gaps`: column "a" has missing values.
    """

    made: Callable[[], Any]
    edges: Callable[[Any], Edges]
    no_twin: str | None = None
    gaps: bool = False
    target: str = "classes"


def measured() -> pd.DataFrame:
    """Numbers with two decimals, small whole numbers, and numbers of any size."""
    random = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "a": np.round(random.normal(10, 3, 300), 2),
            "b": random.integers(0, 6, 300).astype(float),
            "c": random.normal(0, 1, 300),
        }
    )
    frame.loc[:19, "a"] += 0.001  # so that none of the rows that the proof is given is at a threshold
    return frame


def frame_of(kind: Jumping) -> pd.DataFrame:
    """The training data."""
    frame = measured().copy()
    if kind.gaps:
        frame.loc[::9, "a"] = np.nan
    return frame


def target_of(kind: Jumping) -> Any:
    """The classes, two or three, or the numbers to predict."""
    frame = measured()
    if kind.target == "numbers":
        return 2 * frame.a + frame.c
    two = ((frame.a > 10) ^ (frame.c > 0.3)).astype(int)
    return two if kind.target == "classes" else two + (frame.b > 3)


def _linear() -> LogisticRegression:
    return LogisticRegression(max_iter=1000)


def _everywhere(*numbers: float) -> Callable[[Any], Edges]:
    return lambda _: {name: list(numbers) for name in "abc"}


def _bins(model: Any) -> Edges:
    return dict(zip("abc", model[0].bin_edges_, strict=True))


def _limits(model: Any) -> Edges:
    return dict(zip("abc", np.column_stack([model[0].data_min_, model[0].data_max_]), strict=True))


def _scaled(model: Any, edges: Sequence[np.ndarray[Any, Any]]) -> Edges:
    """Numbers behind the scaler that is the first step."""
    scaler = model[0]
    return {name: edges[index] * scaler.scale_[index] + scaler.mean_[index] for index, name in enumerate("abc")}


def _split(trees: Sequence[Any]) -> Edges:
    split: dict[str, list[float]] = {name: [] for name in "abc"}
    for tree in trees:
        for feature, threshold in zip(tree.tree_.feature, tree.tree_.threshold, strict=True):
            if feature >= 0:
                split["abc"[feature]].append(float(threshold))
    return split


def _with_b(transformer: Any, last: Any = None) -> Any:
    return make_pipeline(make_column_transformer((transformer, ["b"]), remainder="passthrough"), last or _linear())


def _of_b(*numbers: float) -> Callable[[Any], Edges]:
    return lambda _: {"a": [10.0], "b": [0.0, 1.0, 5.0, *numbers], "c": [0.0]}


_binned = {
    f"bins, {strategy}, {encode}": Jumping(
        lambda strategy=strategy, encode=encode: make_pipeline(  # type: ignore[misc]  # the values of this turn
            KBinsDiscretizer(4, strategy=strategy, encode=encode), _linear()
        ),
        _bins,
    )
    for strategy in ("uniform", "quantile", "kmeans")
    for encode in ("onehot", "onehot-dense", "ordinal")
}
_fixed = {
    f"a share of the votes of {share} for class {positive}": Jumping(
        lambda share=share, positive=positive: FixedThresholdClassifier(  # type: ignore[misc]  # as above
            RandomForestClassifier(10, random_state=0), threshold=share, pos_label=positive
        ),
        lambda model: _split(model.estimator_.estimators_[:2]),
    )
    for share in (0.1, 0.3, 0.5)
    for positive in (0, 1)
}
KINDS: dict[str, Jumping] = {
    **_binned,
    **_fixed,
    "a threshold": Jumping(lambda: make_pipeline(Binarizer(threshold=10.0), _linear()), _everywhere(10.0)),
    "a threshold that is no float32": Jumping(
        lambda: make_pipeline(Binarizer(threshold=0.1), _linear()), _everywhere(0.1)
    ),
    "a threshold of zero": Jumping(lambda: make_pipeline(Binarizer(), _linear()), _everywhere(0.0)),
    "a threshold behind a scaler": Jumping(
        lambda: make_pipeline(StandardScaler(), Binarizer(), _linear()),
        lambda model: _scaled(model, [np.zeros(1)] * 3),
    ),
    "a threshold of some columns": Jumping(lambda: _with_b(Binarizer(threshold=3)), _of_b(3.0)),
    "a threshold in a vote": Jumping(
        lambda: VotingClassifier(
            [("a", make_pipeline(Binarizer(threshold=10.0), _linear())), ("b", GaussianNB())], voting="soft"
        ),
        _everywhere(10.0),
    ),
    "a threshold in bagging": Jumping(
        lambda: BaggingClassifier(make_pipeline(Binarizer(threshold=10.0), _linear()), 3, random_state=0),
        _everywhere(10.0),
    ),
    "a threshold below one-vs-rest": Jumping(
        lambda: OneVsRestClassifier(make_pipeline(Binarizer(threshold=10.0), _linear())),
        _everywhere(10.0),
        target="three",
    ),
    "bins behind a scaler": Jumping(
        lambda: make_pipeline(StandardScaler(), KBinsDiscretizer(4), _linear()),
        lambda model: _scaled(model, model[1].bin_edges_),
    ),
    "bins of float32": Jumping(
        lambda: make_pipeline(KBinsDiscretizer(4, encode="ordinal", dtype=np.float32), _linear()), _bins
    ),
    "bins into a tree": Jumping(
        lambda: make_pipeline(KBinsDiscretizer(4, encode="ordinal"), DecisionTreeClassifier(random_state=0)), _bins
    ),
    "bins of some columns": Jumping(lambda: _with_b(KBinsDiscretizer(3)), _of_b(2.0, 3.0, 4.0)),
    "limits": Jumping(lambda: make_pipeline(MinMaxScaler(clip=True), _linear()), _limits),
    "limits with missing values": Jumping(
        lambda: make_pipeline(MinMaxScaler(clip=True), HistGradientBoostingClassifier(max_iter=3)), _limits, gaps=True
    ),
    "lengths": Jumping(lambda: make_pipeline(Normalizer(), _linear()), _everywhere(0.0, 1e-17, 2.3e-15)),
    **{
        f"lengths by {norm}": Jumping(
            lambda norm=norm: make_pipeline(Normalizer(norm), _linear()),  # type: ignore[misc]  # as above
            _everywhere(0.0, 1e-17),
        )
        for norm in ("l1", "max")
    },
    "quantiles": Jumping(
        lambda: make_pipeline(QuantileTransformer(n_quantiles=20), _linear()),
        lambda model: dict(zip("abc", model[0].quantiles_.T.tolist(), strict=True)),
    ),
    **{
        name: Jumping(
            lambda step=step: make_pipeline(step, _linear()),  # type: ignore[misc]  # as above
            _everywhere(),
            "cannot be converted",
        )
        for name, step in {
            "indicators": make_union(SimpleImputer(), MissingIndicator()),
            "neighbours for missing": KNNImputer(),
            "powers": PowerTransformer(),
            "splines": SplineTransformer(),
            "quantiles of the normal": QuantileTransformer(n_quantiles=20, output_distribution="normal"),
            "means of categories": TargetEncoder(),
        }.items()
    },
    "products beyond a double": Jumping(
        lambda: make_pipeline(PolynomialFeatures(3), StandardScaler(), _linear()), _everywhere(0.0, 1e15, -1e15)
    ),
    "categories": Jumping(lambda: _with_b(OneHotEncoder(handle_unknown="ignore")), _of_b(2.0, 3.0)),
    "every number a category": Jumping(
        lambda: make_pipeline(OneHotEncoder(handle_unknown="ignore"), _linear()),
        lambda model: {name: model[0].categories_[index][:20] for index, name in enumerate("abc")},
    ),
    "categories into a tree": Jumping(
        lambda: _with_b(
            OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), DecisionTreeClassifier(max_depth=4)
        ),
        _of_b(2.0, 3.0),
    ),
    "infrequent categories": Jumping(lambda: _with_b(OneHotEncoder(min_frequency=55)), _of_b(), "infrequent"),
    "infrequent categories in order": Jumping(lambda: _with_b(OrdinalEncoder(min_frequency=55)), _of_b(), "infrequent"),
    "a number for missing": Jumping(
        lambda: make_pipeline(SimpleImputer(missing_values=10.0), _linear()), _everywhere(10.0), "takes 10.0 for a mis"
    ),
    "a filling at the threshold": Jumping(
        lambda: make_pipeline(
            SimpleImputer(strategy="constant", fill_value=10.0), Binarizer(threshold=10.0), _linear()
        ),
        _everywhere(10.0),
        gaps=True,
    ),
    "a filling in bins": Jumping(
        lambda: make_pipeline(SimpleImputer(add_indicator=True), KBinsDiscretizer(3), _linear()),
        lambda model: dict(zip("abc", model[1].bin_edges_, strict=False)),
        gaps=True,
    ),
    "columns of little variance": Jumping(
        lambda: make_pipeline(VarianceThreshold(2.0), _linear()), _everywhere(2.0, 10.0)
    ),
    "flags of numbers": Jumping(lambda: BernoulliNB(binarize=10.0), _everywhere(10.0)),
    "flags behind a scaler": Jumping(
        lambda: make_pipeline(StandardScaler(), BernoulliNB()), lambda model: _scaled(model, [np.zeros(1)] * 3)
    ),
    "counted categories": Jumping(
        lambda: make_pipeline(KBinsDiscretizer(3, encode="ordinal"), CategoricalNB()), _bins, "indices"
    ),
    "a decision of zero": Jumping(lambda: LinearSVC(random_state=0), _everywhere(0.0, 10.0)),
    "a decision by descent": Jumping(lambda: SGDClassifier(random_state=0), _everywhere(0.0, 10.0)),
    "a decision of a ridge": Jumping(RidgeClassifier, _everywhere(0.0, 10.0)),
    "hard votes": Jumping(
        lambda: VotingClassifier([("a", _linear()), ("b", GaussianNB())]), _everywhere(), "no probabilities"
    ),
    "an isotonic calibration": Jumping(
        lambda: make_pipeline(
            StandardScaler(), CalibratedClassifierCV(DecisionTreeClassifier(max_depth=3), method="isotonic", cv=2)
        ),
        _everywhere(),
        "isotonic",
    ),
    "isotonic regression": Jumping(
        lambda: make_pipeline(IsotonicRegression()), _everywhere(), "cannot be converted", target="one column"
    ),
    "a tuned threshold": Jumping(
        lambda: TunedThresholdClassifierCV(make_pipeline(Binarizer(threshold=10.0), _linear()), cv=2), _everywhere(10.0)
    ),
    "a forest": Jumping(lambda: RandomForestClassifier(5, random_state=0), lambda model: _split(model.estimators_)),
    "boosted trees": Jumping(
        lambda: GradientBoostingClassifier(n_estimators=5), lambda model: _split([row[0] for row in model.estimators_])
    ),
    "the median of trees": Jumping(
        lambda: AdaBoostRegressor(n_estimators=5, random_state=0),
        lambda model: _split(model.estimators_),
        target="numbers",
    ),
    "trees over the answers of others": Jumping(
        lambda: StackingClassifier(
            [("a", _linear()), ("b", DecisionTreeClassifier(max_depth=3))],
            final_estimator=RandomForestClassifier(5, max_depth=3, random_state=0),
            cv=2,
        ),
        _everywhere(),
        "a row at a threshold: the model says",  # the answers of the others differ in the last digit
    ),
}
