"""The conversion of a fitted estimator to an ONNX twin: one graph over two tensors, in float64.

skl2onnx converts the pipeline step by step; our converters replace those that round. The comparison with the estimator
is in `changeover/onnx_twin/equivalence/compare.py`.
"""

import copy
import warnings
from typing import Any, Final

import numpy as np
from sklearn.base import is_classifier, is_regressor

from changeover.estimator.dict_inputs import takes_records
from changeover.estimator.inspection import input_names, last_part, takes_texts
from changeover.estimator.libraries.find import adapted, original_of
from changeover.estimator.scoring import classes_of
from changeover.onnx_twin.description import NUMBERS, TEXTS, Description, ScoreKind, Threshold
from changeover.onnx_twin.exceptions import NoTwin
from changeover.onnx_twin.export import finish_graph
from changeover.onnx_twin.export.by_position import by_position
from changeover.onnx_twin.export.converters import is_linear_decision, is_of_trees, register
from changeover.onnx_twin.export.ensembles import ensemble_of
from changeover.onnx_twin.export.graph_builder import MAIN
from changeover.onnx_twin.export.tree_arrays import CLOSE
from changeover.onnx_twin.export.unwrap import unwrap
from changeover.request.tensors import layout
from changeover.schema.schema import Schema

_LONGEST_REASON: Final = 300
# scores closer than this may be in another order in the model, so the row is left to it
_MARGIN: Final = 1e-6
_FRACTIONS: Final = "fc"
_DATE_TIME: Final = "date-time"
_TIMES: Final = ("datetime64", "timedelta", "period", "date")  # dtypes, by how they begin


def convert(estimator: object, schema: Schema) -> bytes:
    """Export the ONNX twin of a fitted `estimator` with the columns of `schema`; raises NoTwin with the reason."""
    estimator = adapted(estimator)
    if takes_texts(estimator):
        raise NoTwin("a pipeline over whole texts splits them into words in a way of its own")
    if takes_records(estimator):
        raise NoTwin("a pipeline over dicts makes numbers of them in a way of its own")
    _refuse_dtypes(schema)
    unwrapped = unwrap(estimator)
    inside = unwrapped.inside
    _refuse_isotonic(inside)
    scores, classes = _what_it_gives(estimator, inside)
    fitted = _order(inside, schema)
    numbers, texts = ([name for name in fitted if name in columns] for columns in layout(schema))
    description = Description(scores, classes, unwrapped.threshold, _margin(inside, unwrapped.threshold))
    try:
        indices = [[*numbers, *texts].index(name) for name in fitted]
        rebuilt = _with_plain_numbers(by_position(inside, indices, (len(numbers), len(texts))))
        model = _converted(rebuilt, scores, len(numbers), len(texts))
        order = {
            NUMBERS: [layout(schema)[0].index(name) for name in numbers],
            TEXTS: [layout(schema)[1].index(name) for name in texts],
        }
        return finish_graph.finished(model, description, order)
    except NoTwin:
        raise
    except Exception as error:  # skl2onnx raises any exception of its converters
        message = " ".join(str(error).split())[:_LONGEST_REASON]
        raise NoTwin(
            f"the {type(original_of(inside)).__name__} cannot be converted: {type(error).__name__}: {message}"
        ) from error


def _what_it_gives(estimator: Any, inside: Any) -> tuple[ScoreKind, list[Any] | None]:
    kind = type(last_part(inside)).__name__
    if is_regressor(inside):
        return ScoreKind.VALUES, None
    if not is_classifier(inside):
        raise NoTwin(f"a {kind} is neither a classifier nor a regressor")
    classes = classes_of(estimator)
    if not classes or isinstance(classes[0], list):
        raise NoTwin(f"the {kind} has several outputs, or no classes")
    if hasattr(inside, "predict_proba"):
        return ScoreKind.PROBABILITIES, classes
    if not is_linear_decision(last_part(inside)):
        raise NoTwin(f"the {kind} gives no probabilities")
    return ScoreKind.DECISIONS, classes


def _order(inside: Any, schema: Schema) -> list[str]:
    """The schema's columns in the order of the fit."""
    columns = [column.name for column in schema.columns]
    names = input_names(inside)
    if names is None:
        return columns
    if sorted(names) != sorted(columns):
        raise NoTwin("the schema has other columns than the estimator was fitted on")
    return names


def _refuse_dtypes(schema: Schema) -> None:
    """Raise NoTwin for a column of dates, times or durations: the tensors have numbers and strings only.

    float16 is refused, too: a number beyond 65504 would be infinite in it.
    """
    for column in schema.columns:
        base = column.dtype.removeprefix("category[").removesuffix("]")
        if column.format == _DATE_TIME or base.startswith(_TIMES):
            raise NoTwin(f"column {column.name!r} has dates or times, which only the model reads")
        if base == "float16":
            raise NoTwin(f"column {column.name!r} is float16, which has few numbers")


def _refuse_isotonic(inside: Any) -> None:
    """Raise NoTwin for a calibration by isotonic regression: skl2onnx makes steps of its slopes."""
    members = inside.get_params(deep=True) if hasattr(inside, "get_params") else {}
    if any(name.rpartition("__")[2] == "method" and value == "isotonic" for name, value in members.items()):
        raise NoTwin("a CalibratedClassifierCV by isotonic regression cannot be converted")


def _margin(inside: Any, threshold: Threshold | None) -> float:
    last = last_part(inside)
    if not is_of_trees(last):
        return _MARGIN
    margin = ensemble_of(last).margin
    # the twin of a forest has the first of two probabilities from the second, and may differ in the last digit
    return margin if threshold is None or threshold.index else max(margin, CLOSE)


def _with_plain_numbers(model: Any) -> Any:
    """The estimator with its last part in the form that the converters expect.

    Classes become 0, 1, ..., as labels are derived from the scores. An intercept that is a Python float
    (`fit_intercept=False`) becomes numpy's.
    """
    if hasattr(model, "steps"):
        model.steps = [*model.steps[:-1], (model.steps[-1][0], _with_plain_numbers(model.steps[-1][1]))]
        return model
    attributes = vars(model) if hasattr(model, "__dict__") else {}
    plain = copy.copy(model)
    classes = attributes.get("classes_")
    if isinstance(classes, np.ndarray) and (classes.dtype.kind in _FRACTIONS or classes.dtype.kind == "b"):
        plain.classes_ = np.arange(len(classes))
    if type(attributes.get("intercept_")) is float:
        plain.intercept_ = np.float64(attributes["intercept_"])
    return plain


def _converted(model: Any, scores: ScoreKind, numbers: int, texts: int) -> Any:
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import DoubleTensorType, StringTensorType

    register(last_part(model))
    inputs: list[Any] = []
    if numbers:
        inputs.append((NUMBERS, DoubleTensorType([None, numbers])))
    if texts:
        inputs.append((TEXTS, StringTensorType([None, texts])))
    options = None if scores is ScoreKind.VALUES else {"zipmap": False}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return to_onnx(model, initial_types=inputs, options=options, target_opset={"": MAIN, "ai.onnx.ml": 3})
