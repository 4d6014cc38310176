"""Models of xgboost: its estimators, and a bare Booster.

A Booster takes a DMatrix and returns probabilities or numbers. xgboost keeps the categories of a column from 3.1 on,
if they are numbers or ASCII texts.
"""

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final
from weakref import WeakKeyDictionary

import numpy.typing as npt
import pandas as pd

from changeover.estimator.encoded import Encoded
from changeover.estimator.libraries.adapted import Adapted, AdaptedClassifier, AdaptedRegressor, Table
from changeover.estimator.libraries.library import Categories, Library, with_numbers

_PROBABILITIES: Final = ("binary:logistic", "multi:softprob")
_CATEGORICAL: Final = "c"
_TRUTH: Final = "i"
_ASCII: Final = 128
_STORED: Final = b'"cats":'


class _XGBoost(Library):
    def __init__(self) -> None:
        self._categories: WeakKeyDictionary[Any, Categories] = WeakKeyDictionary()

    def adapted(self, model: Any) -> object:
        if type(model).__name__ != "Booster":
            return model
        learner = json.loads(model.save_config())["learner"]
        arguments = (model, lambda table: _answers(model, table), model.feature_names, model.num_features())
        if learner["objective"]["name"] not in _PROBABILITIES:
            return AdaptedRegressor(*arguments)
        several = int(learner["learner_model_param"]["num_class"])
        return AdaptedClassifier(*arguments, classes=range(several or 2))

    def categories(self, part: Any) -> Categories:
        booster = booster_of(part)
        if booster not in self._categories:
            self._categories[booster] = _categories(booster)
        return self._categories[booster]

    def facts(self, part: Any, names: Sequence[str]) -> dict[str, Encoded]:
        booster = booster_of(part)
        kinds = zip(booster.feature_names or (), booster.feature_types or (), strict=False)
        truths = {name: Encoded((False, True)) for name, kind in kinds if kind == _TRUTH and name in names}
        return truths | super().facts(part, names)

    def prepared(self, part: Any, frame: pd.DataFrame) -> pd.DataFrame:
        return with_numbers(frame)


LIBRARY: Final = _XGBoost()


def booster_of(part: Any) -> Any:
    """The Booster inside an estimator, or itself."""
    part = part.original if isinstance(part, Adapted) else part
    return part.get_booster() if hasattr(part, "get_booster") else part


def _answers(booster: Any, table: Table) -> npt.NDArray[Any]:
    from xgboost import DMatrix

    returned: npt.NDArray[Any] = booster.predict(DMatrix(table, enable_categorical=isinstance(table, pd.DataFrame)))
    return returned


def _categories(booster: Any) -> Categories:
    """The categories that the model's JSON form lists for each column; None for a column from before 3.1."""
    kinds = booster.feature_types or ()
    if _CATEGORICAL not in kinds:
        return {}
    saved = bytes(booster.save_raw("json"))
    start = saved.find(_STORED)  # before the trees, which are long
    listed = [None] * len(kinds)
    if start >= 0:
        listed = json.JSONDecoder().raw_decode(saved[start + len(_STORED) :].decode())[0]["enc"] or listed
    columns = zip(booster.feature_names or (), kinds, listed, strict=True)
    return {name: _values(column) for name, kind, column in columns if kind == _CATEGORICAL}


def _values(column: Any) -> tuple[object, ...] | None:
    """The categories of a column; None if they are lost: xgboost 3.2 cuts off other texts than of ASCII letters."""
    if column is None:
        return None
    if "offsets" not in column:
        return tuple(column["values"])
    if not all(0 <= letter < _ASCII for letter in column["values"]):
        return None
    letters = bytes(column["values"]).decode("ascii")
    return tuple(letters[start:end] for start, end in pairwise(column["offsets"]))
