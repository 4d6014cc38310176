"""The trees of models of xgboost and lightgbm as arrays.

lightgbm compares float64 with float64 and sums in float64; a number of at most 1e-35 in size is 0 for it. xgboost compares float32(x) with a float32 threshold, goes left
below it, and sums in float32: the base first, then tree by tree.
"""

import json
import re
from typing import Any, Final

import numpy as np

from changeover.estimator.libraries import lightgbm, xgboost
from changeover.estimator.libraries.find import library_of, original_of
from changeover.onnx_twin.exceptions import NoTwin
from changeover.onnx_twin.export.tree_arrays import Ensemble, Floats, Link, Tree

_XGBOOST: Final = ("XGBClassifier", "XGBRegressor", "XGBRFClassifier", "XGBRFRegressor", "Booster")
_LIGHTGBM: Final = ("LGBMClassifier", "LGBMRegressor", "Booster")
_OF_OBJECTIVE: Final = {  # of xgboost, and the first word of lightgbm's
    "binary:logistic": Link.SIGMOID,
    "reg:logistic": Link.SIGMOID,
    "multi:softprob": Link.SOFTMAX,
    **dict.fromkeys(
        ("reg:squarederror", "reg:absoluteerror", "reg:pseudohubererror", "reg:squaredlogerror"), Link.NONE
    ),
    **dict.fromkeys(("count:poisson", "reg:gamma", "reg:tweedie"), Link.EXP),
    "binary": Link.SIGMOID,
    "multiclass": Link.SOFTMAX,
    **dict.fromkeys(("regression", "regression_l1", "huber", "fair", "quantile", "mape"), Link.NONE),
    **dict.fromkeys(("poisson", "gamma", "tweedie"), Link.EXP),
}
_ZERO: Final = float(np.float32(1e-35))
_CATEGORICAL, _MISSING_IS_ZERO, _MISSING_IS_NAN = (
    1,
    1,
    2,
)  # bits of lightgbm's decision_type; the middle bit is the side


def is_booster(model: object) -> bool:
    """Whether `model` is of xgboost or lightgbm, and of a kind that is read here."""
    original = original_of(model)
    root, name = type(original).__module__.partition(".")[0], type(original).__name__
    return (root == "xgboost" and name in _XGBOOST) or (root == "lightgbm" and name in _LIGHTGBM)


def trees_of_booster(model: Any) -> Ensemble:
    """The trees of a model of xgboost or lightgbm; raises NoTwin for an unsupported one."""
    if library_of(model).categories(model):
        raise NoTwin(f"the {type(original_of(model)).__name__} splits on sets of categories, which only it can")
    of_xgboost = type(original_of(model)).__module__.startswith("xgboost")
    ensemble = _of_xgboost(model) if of_xgboost else _of_lightgbm(lightgbm.booster_of(model))
    if ensemble.link in (Link.SIGMOID, Link.SOFTMAX) and ensemble.classes is None:
        raise NoTwin("a probability as the prediction of a regressor has no graph here")
    return ensemble


def _link(objective: str) -> Link:
    if objective not in _OF_OBJECTIVE:
        raise NoTwin(f"a model of the objective {objective or 'of its own'!r} has no graph here")
    return _OF_OBJECTIVE[objective]


def _of_xgboost(model: Any) -> Ensemble:
    if not np.isnan(getattr(original_of(model), "missing", np.nan)):
        raise NoTwin("the xgboost model takes a number for a missing value")
    booster = xgboost.booster_of(model)
    best = getattr(original_of(model), "best_iteration", None) if hasattr(original_of(model), "get_booster") else None
    if best is not None:
        booster = booster[: best + 1]
    learner = json.loads(bytes(booster.save_raw("json")))["learner"]
    settings, boosted = learner["learner_model_param"], learner["gradient_booster"]
    link, several = _link(learner["objective"]["name"]), max(1, int(settings["num_class"]))
    if boosted["name"] != "gbtree" or int(settings.get("num_target", 1)) > 1:
        raise NoTwin(f"an xgboost model of {boosted['name']!r}, or of several outputs, has no graph here")
    trees = [_base(np.atleast_1d(json.loads(settings["base_score"])), link, several)]
    stored = boosted["model"]
    trees += [_xgboost_tree(t, index, several) for t, index in zip(stored["trees"], stored["tree_info"], strict=True)]
    classes = getattr(model, "classes_", None)
    # the label is that of the larger probability; both are as exact as float32
    return Ensemble(trees, link, margin=1e-6, classes=None if classes is None else len(classes), single=True)


def _base(score: Floats, link: Link, several: int) -> Tree:
    """The base of the sums as a first tree of one leaf: the score that xgboost keeps, before the link."""
    base = score.astype(np.float32)
    if link is Link.SIGMOID:
        base = -np.log(np.float32(1) / base - np.float32(1))
    elif link is Link.EXP:
        base = np.log(base)
    nothing = np.zeros(1, dtype=np.int64)
    return Tree(
        feature=nothing,
        threshold=np.zeros(1),
        left=nothing - 1,
        right=nothing - 1,
        nan_left=np.zeros(1, dtype=bool),
        weights=np.broadcast_to(base.astype(np.float64), (several,))[None, :],
    )


def _xgboost_tree(tree: Any, target: int, several: int) -> Tree:
    if any(tree["split_type"]) or int(tree["tree_param"]["size_leaf_vector"]) > 1:
        raise NoTwin("the xgboost model splits on sets of categories, or has leaves of several numbers")
    left = np.array(tree["left_children"], dtype=np.int64)
    conditions = np.array(tree["split_conditions"], dtype=np.float32)
    weights = np.zeros((len(left), several))
    weights[left < 0, target] = conditions[left < 0]
    return Tree(
        feature=np.array(tree["split_indices"], dtype=np.int64),
        threshold=np.nextafter(conditions, np.float32(-np.inf)).astype(np.float64),  # x < t: at most the one below
        left=left,
        right=np.array(tree["right_children"], dtype=np.int64),
        nan_left=np.array(tree["default_left"], dtype=bool),
        weights=weights,
    )


def _of_lightgbm(booster: Any) -> Ensemble:
    head, *written = booster.model_to_string().partition("\nend of trees")[0].split("\nTree=")
    settings = dict(line.partition("=")[::2] for line in head.splitlines())
    objective, *parameters = settings.get("objective", "").split()
    several = int(settings["num_tree_per_iteration"])
    if objective and "sqrt" in parameters:
        raise NoTwin("a lightgbm model of square roots has no graph here")
    sigmoid = next((float(text[len("sigmoid:") :]) for text in parameters if text.startswith("sigmoid:")), 1.0)
    link = _link(objective)
    trees = [_lightgbm_tree(text, index % several, several) for index, text in enumerate(written)]
    classes = {Link.SIGMOID: 2, Link.SOFTMAX: several}.get(link)
    return Ensemble(
        trees,
        link,
        divisor=float(len(trees) // several) if "average_output" in settings else None,
        scale=None if sigmoid == 1.0 else sigmoid,
        float32=False,
        classes=classes,
    )


def _lightgbm_tree(text: str, target: int, several: int) -> Tree:
    """A tree of the text form: its inner nodes come first here, then its leaves, which a child of ~n is."""
    values = dict(line.partition("=")[::2] for line in text.splitlines())

    def listed(name: str) -> Floats:
        return np.array(re.findall(r"\S+", values.get(name, "")), dtype=np.float64)

    if values.get("is_linear", "0") != "0":
        raise NoTwin("the lightgbm model has linear models in its leaves")
    leaves, decisions = listed("leaf_value"), listed("decision_type").astype(np.int64)
    if (decisions & _CATEGORICAL).any():
        raise NoTwin("the lightgbm model splits on sets of categories, which only it can")
    inner, threshold = len(decisions), listed("threshold")
    missing, by_default = decisions >> 2, (decisions >> 1 & 1).astype(bool)
    zero_left = threshold >= 0.0
    tiny = np.abs(threshold) <= _ZERO
    threshold[tiny] = np.where(zero_left, _ZERO, np.nextafter(-_ZERO, -np.inf))[tiny]
    if (by_default != zero_left)[missing == _MISSING_IS_ZERO].any():
        raise NoTwin("the lightgbm model takes 0 for a missing value")
    children = [
        np.where(side < 0, inner + ~side, side)
        for side in (listed(f"{s}_child").astype(np.int64) for s in ("left", "right"))
    ]
    none = np.full(len(leaves), -1)
    weights = np.zeros((inner + len(leaves), several))
    weights[inner:, target] = leaves
    return Tree(
        feature=np.concatenate([listed("split_feature").astype(np.int64), none]),
        threshold=np.concatenate([threshold, np.zeros(len(leaves))]),
        left=np.concatenate([children[0], none]),
        right=np.concatenate([children[1], none]),
        nan_left=np.concatenate([np.where(missing == _MISSING_IS_NAN, by_default, zero_left), none > 0]),
        weights=weights,
    )
