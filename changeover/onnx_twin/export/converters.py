"""Converters that replace those of skl2onnx which leave float64, merge values or confuse missing strings.

They are registered once a process, in skl2onnx's own tables.
"""

from functools import cache
from typing import Any, Final

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.ensemble import (
    AdaBoostClassifier,
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import (
    PassiveAggressiveClassifier,
    Perceptron,
    RidgeClassifier,
    RidgeClassifierCV,
    SGDClassifier,
)
from sklearn.preprocessing import (
    Binarizer,
    KBinsDiscretizer,
    Normalizer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
)
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier, ExtraTreeRegressor

from changeover.estimator.encoded import is_missing
from changeover.onnx_twin.exceptions import NoTwin
from changeover.onnx_twin.export import binning, category_encoders
from changeover.onnx_twin.export.boosters import is_booster
from changeover.onnx_twin.export.by_position import Reordered
from changeover.onnx_twin.export.graph_builder import DOUBLE, INT64, Nodes
from changeover.onnx_twin.export.tree_graph import trees
from changeover.request.tensors import MISSING_TEXT

_CLASSIFIERS: Final = (
    *(AdaBoostClassifier, DecisionTreeClassifier, ExtraTreeClassifier, ExtraTreesClassifier, RandomForestClassifier),
    *(GradientBoostingClassifier, HistGradientBoostingClassifier),
)
_REGRESSORS: Final = (
    *(DecisionTreeRegressor, ExtraTreeRegressor, ExtraTreesRegressor, RandomForestRegressor),
    *(GradientBoostingRegressor, HistGradientBoostingRegressor),
)
# linear, and without probabilities
_DECIDING: Final = (LinearSVC, PassiveAggressiveClassifier, Perceptron, RidgeClassifier, RidgeClassifierCV)


def is_of_trees(model: object) -> bool:
    """Whether `model` is a tree model that `tree_arrays.py` or `boosters.py` reads."""
    return type(model) in (*_CLASSIFIERS, *_REGRESSORS) or is_booster(model)


def is_linear_decision(model: object) -> bool:
    """Whether `model` is linear and has no probabilities."""
    return type(model) in (*_DECIDING, SGDClassifier) and not hasattr(model, "predict_proba")


def register(last: Any) -> None:
    """Register the converters of this file with skl2onnx, and that of the model `last` of another library."""
    _register()
    if is_booster(last):
        kind: Any = type(last)
        _register_booster(kind)


@cache
def _register_booster(kind: type[Any]) -> None:
    from skl2onnx import update_registered_converter
    from skl2onnx.common.shape_calculator import calculate_linear_regressor_output_shapes

    if issubclass(kind, ClassifierMixin):
        update_registered_converter(kind, f"Twin{kind.__name__}", _shape_of_classifier, trees, options=_options())
    else:
        update_registered_converter(kind, f"Twin{kind.__name__}", calculate_linear_regressor_output_shapes, trees)


def _options() -> dict[str, list[Any]]:
    yes_no = [True, False]
    return {"zipmap": [*yes_no, "columns"], "nocl": yes_no, "output_class_labels": yes_no, "raw_scores": yes_no}


@cache
def _register() -> None:
    from skl2onnx import update_registered_converter
    from skl2onnx.common.shape_calculator import calculate_linear_regressor_output_shapes

    options = _options()
    for kind in _CLASSIFIERS:
        update_registered_converter(kind, f"Twin{kind.__name__}", _shape_of_classifier, trees, options=options)
    for deciding in (*_DECIDING, SGDClassifier):
        update_registered_converter(
            deciding, f"Twin{deciding.__name__}", _shape_of_classifier, _linear, options=options
        )
    for kind in _REGRESSORS:
        update_registered_converter(kind, f"Twin{kind.__name__}", calculate_linear_regressor_output_shapes, trees)
    update_registered_converter(Reordered, "TwinReordered", _shape_of_reordered, _reordered)
    update_registered_converter(SimpleImputer, "TwinSimpleImputer", _shape_of_imputer, _imputer)
    update_registered_converter(OneHotEncoder, "TwinOneHotEncoder", _shape_of_one_hot, category_encoders.one_hot)
    update_registered_converter(PolynomialFeatures, "TwinPolynomialFeatures", _shape_of_polynomial, _polynomial)
    update_registered_converter(OrdinalEncoder, "TwinOrdinalEncoder", _shape_of_ordinal, category_encoders.ordinal)
    update_registered_converter(Binarizer, "TwinBinarizer", binning.shape_of_binarizer, binning.binarizer)
    update_registered_converter(KBinsDiscretizer, "TwinKBinsDiscretizer", binning.shape_of_bins, binning.bins)
    update_registered_converter(Normalizer, "TwinNormalizer", binning.shape_of_binarizer, _normalizer)


def _shape_of_classifier(operator: Any) -> None:
    """The shape calculator of skl2onnx, but always float64."""
    from skl2onnx.common.data_types import DoubleTensorType
    from skl2onnx.common.shape_calculator import calculate_linear_classifier_output_shapes

    calculate_linear_classifier_output_shapes(operator)
    operator.outputs[1].type = DoubleTensorType(operator.outputs[1].type.shape)


def _linear(scope: Any, operator: Any, container: Any) -> None:
    """The graph of `decision_function`: one score for two classes, else one a class."""
    from skl2onnx.operator_converters.sgd_classifier import convert_sklearn_sgd_classifier

    model, nodes = operator.raw_operator, Nodes(scope, container)
    if hasattr(model, "predict_proba"):  # SGDClassifier has probabilities for some of its losses
        convert_sklearn_sgd_classifier(scope, operator, container)
        return
    values = nodes.cast(operator.inputs[0].full_name, DOUBLE)
    coefficients = np.atleast_2d(np.asarray(model.coef_, dtype=np.float64))  # a RidgeClassifier of two classes has 1-D
    product = nodes.add("MatMul", values, nodes.constant(coefficients.T))
    intercept = np.broadcast_to(np.asarray(model.intercept_, dtype=np.float64), (len(coefficients),))
    nodes.add("Add", product, nodes.constant(intercept), into=operator.outputs[1].full_name)
    # only for skl2onnx's shape calculator
    best = nodes.add("ArgMax", operator.outputs[1].full_name, axis=1, keepdims=0)
    nodes.cast(best, INT64, into=operator.outputs[0].full_name)


def _kept(model: SimpleImputer) -> list[int]:
    """The columns that an imputer keeps: a column without any value has no statistic."""
    return [index for index, value in enumerate(model.statistics_) if not is_missing(value)]


def _shape_of_imputer(operator: Any) -> None:
    model = operator.raw_operator
    indicated = len(model.indicator_.features_) if model.indicator_ is not None else 0
    rows, kind = operator.inputs[0].get_first_dimension(), type(operator.inputs[0].type)
    operator.outputs[0].type = kind([rows, len(_kept(model)) + indicated])


def _imputer(scope: Any, operator: Any, container: Any) -> None:
    """The graph of an imputer: missing values become the column's statistic; indicators follow the columns."""
    model, nodes = operator.raw_operator, Nodes(scope, container)
    if not is_missing(model.missing_values):
        raise NoTwin(f"a SimpleImputer takes {model.missing_values!r} for a missing value")
    if len(operator.inputs) != 1:
        raise NoTwin("a SimpleImputer gets numbers and strings together")
    tensor, kept = operator.inputs[0].full_name, _kept(model)
    textual = isinstance(model.statistics_[0], str) or "String" in type(operator.inputs[0].type).__name__
    if textual and model.indicator_ is not None:
        raise NoTwin("a SimpleImputer adds indicators to strings")
    values = tensor
    if len(kept) < len(model.statistics_):
        values = nodes.add("Gather", tensor, nodes.constant(np.array(kept, dtype=np.int64)), axis=1)
    if textual:
        fill = nodes.constant(np.array([[str(model.statistics_[index]) for index in kept]], dtype=object))
        gaps = nodes.add("Equal", values, nodes.constant(np.array([[MISSING_TEXT]], dtype=object)))
    else:
        fill = nodes.constant(np.array([[float(model.statistics_[index]) for index in kept]]))
        gaps = nodes.add("IsNaN", values)
    target = operator.outputs[0].full_name
    if model.indicator_ is None:
        nodes.add("Where", gaps, fill, values, into=target)
        return
    filled = nodes.add("Where", gaps, fill, values)
    indicated = nodes.constant(np.asarray(model.indicator_.features_, dtype=np.int64))
    indicators = nodes.cast(nodes.add("IsNaN", nodes.add("Gather", tensor, indicated, axis=1)), DOUBLE)
    nodes.add("Concat", filled, indicators, into=target, axis=1)


def _shape_of_one_hot(operator: Any) -> None:
    from skl2onnx.common.data_types import DoubleTensorType

    width = sum(len(values) for values in category_encoders.kept(operator.raw_operator))
    operator.outputs[0].type = DoubleTensorType([operator.inputs[0].get_first_dimension(), width])


def _shape_of_ordinal(operator: Any) -> None:
    from skl2onnx.common.data_types import DoubleTensorType

    width = len(operator.raw_operator.categories_)
    operator.outputs[0].type = DoubleTensorType([operator.inputs[0].get_first_dimension(), width])


def _shape_of_polynomial(operator: Any) -> None:
    from skl2onnx.common.data_types import DoubleTensorType

    width = operator.raw_operator.n_output_features_
    operator.outputs[0].type = DoubleTensorType([operator.inputs[0].get_first_dimension(), width])


def _polynomial(scope: Any, operator: Any, container: Any) -> None:
    """The graph of polynomial features: products factor by factor; a column of ones replaces an absent factor."""
    model, nodes = operator.raw_operator, Nodes(scope, container)
    values = nodes.cast(operator.inputs[0].full_name, DOUBLE)
    factors = [np.repeat(np.arange(len(powers)), powers).tolist() for powers in model.powers_]
    width = model.n_features_in_
    ones = nodes.add("Slice", values, *(nodes.constant(np.array([index], dtype=np.int64)) for index in (0, 1, 1)))
    ones = nodes.add("Pow", ones, nodes.constant(0.0))
    padded = nodes.add("Concat", values, ones, axis=1)
    product = None
    for index in range(max(1, *map(len, factors))):
        chosen = np.array([columns[index] if index < len(columns) else width for columns in factors], dtype=np.int64)
        factor = nodes.add("Gather", padded, nodes.constant(chosen), axis=1)
        product = factor if product is None else nodes.add("Mul", product, factor)
    nodes.add("Identity", str(product), into=operator.outputs[0].full_name)


def _normalizer(scope: Any, operator: Any, container: Any) -> None:
    """The graph of a Normalizer: scikit-learn takes a length below ten times the resolution of a double for 0."""
    model, nodes = operator.raw_operator, Nodes(scope, container)
    values = binning.together(nodes, operator)
    along = nodes.constant(np.array([1], dtype=np.int64))
    if model.norm == "max":
        length = nodes.add("ReduceMax", nodes.add("Abs", values), along, keepdims=1)
    else:
        length = nodes.add("ReduceL1" if model.norm == "l1" else "ReduceL2", values, along, keepdims=1)
    is_zero = nodes.add("Less", length, nodes.constant(10 * float(np.finfo(np.float64).eps)))
    length = nodes.add("Where", is_zero, nodes.constant(1.0), length)
    nodes.add("Div", values, length, into=operator.outputs[0].full_name)


def _shape_of_reordered(operator: Any) -> None:
    tensor = operator.inputs[0]
    operator.outputs[0].type = type(tensor.type)([tensor.get_first_dimension(), len(operator.raw_operator.order)])


def _reordered(scope: Any, operator: Any, container: Any) -> None:
    nodes = Nodes(scope, container)
    order = nodes.constant(np.array(operator.raw_operator.order, dtype=np.int64))
    nodes.add("Gather", operator.inputs[0].full_name, order, into=operator.outputs[0].full_name, axis=1)
