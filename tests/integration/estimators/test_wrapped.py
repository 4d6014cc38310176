"""Estimators around estimators, and steps with functions: the answers of many kinds of pipelines, and the refusals."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    StackingClassifier,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.feature_selection import RFE, SelectKBest
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, LogisticRegressionCV, SGDClassifier
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    RandomizedSearchCV,
    TunedThresholdClassifierCV,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    OneHotEncoder,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    SplineTransformer,
    StandardScaler,
)
from sklearn.semi_supervised import SelfTrainingClassifier
from sklearn.svm import SVC

from tests.integration.estimators.stack import EstimatorStack

N = 60
Y = np.array([0, 1] * (N // 2))
FRAME = pd.DataFrame({"a": np.where(Y, 3.0, 1.0) + np.linspace(-0.3, 0.3, N), "b": np.linspace(0.5, 2, N)})
ASKED = pd.DataFrame({"a": [1.1, 2.9, 3.0], "b": [1.0, 1.5, 0.7]})


def logistic() -> LogisticRegression:
    return LogisticRegression()


def scaled(model: object) -> Any:
    return make_pipeline(StandardScaler(), model)


CLASSIFIERS: dict[str, Any] = {
    "AdaBoost": AdaBoostClassifier(n_estimators=3),
    "bagging": BaggingClassifier(SVC(), n_estimators=3, random_state=0),
    "boosting": GradientBoostingClassifier(n_estimators=3),
    "calibrated": CalibratedClassifierCV(scaled(SVC()), cv=2),
    "cross-validated": LogisticRegressionCV(
        cv=2, Cs=2, l1_ratios=(0,), scoring="neg_log_loss", use_legacy_attributes=False
    ),
    "fixed threshold": FixedThresholdClassifier(scaled(logistic()), threshold=0.3),
    "function of numpy": make_pipeline(FunctionTransformer(np.log1p), logistic()),
    "Gaussian process": GaussianProcessClassifier(),
    "grid search": GridSearchCV(scaled(logistic()), {"logisticregression__C": [0.1, 1.0]}, cv=2),
    "histogram boosting": HistGradientBoostingClassifier(max_iter=3),
    "imputed by neighbours": make_pipeline(KNNImputer(), logistic()),
    "naive Bayes": GaussianNB(),
    "nearest centroid": NearestCentroid(),
    "neighbours": KNeighborsClassifier(3),
    "network": scaled(MLPClassifier((4,), solver="lbfgs", random_state=0)),
    "outputs of pandas": make_pipeline(StandardScaler(), PolynomialFeatures(2), logistic()).set_output(
        transform="pandas"
    ),
    "passthrough": make_pipeline("passthrough", StandardScaler(), logistic()),
    "none": make_pipeline(None, logistic()),
    "quantiles and splines": make_pipeline(QuantileTransformer(n_quantiles=10), SplineTransformer(), logistic()),
    "bins": make_pipeline(KBinsDiscretizer(3, quantile_method="averaged_inverted_cdf"), logistic()),
    "power": make_pipeline(PowerTransformer(), logistic()),
    "random search": RandomizedSearchCV(scaled(logistic()), {"logisticregression__C": [0.1, 1.0]}, n_iter=2, cv=2),
    "selection": make_pipeline(SelectKBest(k=1), logistic()),
    "elimination": RFE(logistic(), n_features_to_select=1),
    "self-training": SelfTrainingClassifier(logistic()),
    "stacking": StackingClassifier([("a", scaled(logistic())), ("b", GaussianNB())], cv=2),
    "stochastic": scaled(SGDClassifier(loss="log_loss", random_state=0)),
    "tuned threshold": TunedThresholdClassifierCV(scaled(logistic()), cv=2),
    "union": make_pipeline(FeatureUnion([("a", StandardScaler()), ("b", "passthrough")]), logistic()),
    "voting": VotingClassifier([("a", scaled(logistic())), ("b", GaussianNB())], voting="soft"),
}


@pytest.fixture(scope="module")
def classifiers(stack: EstimatorStack) -> dict[str, str]:
    return stack.serve_all(
        {kind: model.fit(FRAME, np.array(["no", "yes"], dtype=object)[Y]) for kind, model in CLASSIFIERS.items()}
    )


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_an_estimator_answers_as_it_does_in_a_notebook(
    stack: EstimatorStack, classifiers: dict[str, str], kind: str
) -> None:
    model, name = CLASSIFIERS[kind], classifiers[kind]
    assert [column["name"] for column in stack.columns(name)] == ["a", "b"]
    answer = stack.asked(name, ASKED.to_dict("records"))
    assert [row["prediction"] for row in answer["predictions"]] == model.predict(ASKED).tolist()
    assert answer["classes"] == ["no", "yes"]
    assert np.allclose([row["predict_proba"] for row in answer["predictions"]], model.predict_proba(ASKED))
    single = stack.asked(name, ASKED.iloc[1].to_dict())
    assert single["prediction"] == answer["predictions"][1]["prediction"]
    assert single["predict_proba"] == pytest.approx(answer["predictions"][1]["predict_proba"])


def test_regressors_around_regressors(stack: EstimatorStack) -> None:
    target = FRAME["a"] ** 2
    models: dict[str, Any] = {
        "a transformed target": TransformedTargetRegressor(
            scaled(LinearRegression()), func=np.log1p, inverse_func=np.expm1
        ),
        "voting": VotingRegressor([("a", LinearRegression()), ("b", HistGradientBoostingRegressor(max_iter=3))]),
        "search": GridSearchCV(scaled(LinearRegression()), {}, cv=2),
    }
    for kind, name in stack.serve_all({kind: model.fit(FRAME, target) for kind, model in models.items()}).items():
        answer = stack.asked(name, ASKED.to_dict("records"))
        expected = models[kind].predict(ASKED).tolist()
        assert [row["prediction"] for row in answer["predictions"]] == pytest.approx(expected), kind


def test_a_frame_goes_through_steps_that_name_its_columns(stack: EstimatorStack) -> None:
    frame = FRAME.assign(word=np.where(Y, "on", "off"))
    columns = make_column_transformer(
        (make_pipeline(SimpleImputer(), StandardScaler()), ["a", "b"]),
        (OneHotEncoder(sparse_output=False, handle_unknown="ignore"), ["word"]),
        verbose_feature_names_out=False,
    )
    model = (
        make_pipeline(columns, HistGradientBoostingClassifier(max_iter=3)).set_output(transform="pandas").fit(frame, Y)
    )
    rows = ASKED.assign(word=["off", "on", "unheard"])
    answer = stack.ask(model, rows.to_dict("records"))
    assert [row["prediction"] for row in answer["predictions"]] == model.predict(rows).tolist()


def doubled(table: Any) -> Any:
    return 2 * table


def test_a_step_with_a_function_of_ones_own_is_refused_by_its_name(stack: EstimatorStack) -> None:
    reason = stack.refusal(make_pipeline(FunctionTransformer(doubled), logistic()).fit(FRAME, Y))
    assert f"{__name__}.doubled" in reason
    assert "changeover environment add" in reason


def test_a_class_of_ones_own_is_refused_by_its_name(stack: EstimatorStack) -> None:
    reason = stack.refusal(Own().fit(FRAME, Y))
    assert f"{__name__}.Own" in reason


class Own(LogisticRegression):  # type: ignore[misc]
    """An estimator that only the machine of its author can load."""
