"""Models of lightgbm: its estimators, and a bare Booster.

A model that was fitted on columns of pandas' category type keeps the categories of each, by position.
"""

import re
from collections.abc import Sequence
from typing import Any, Final

import numpy.typing as npt
import pandas as pd

from changeover.estimator.libraries.adapted import Adapted, AdaptedClassifier, AdaptedRegressor, Table
from changeover.estimator.libraries.library import Categories, Library, with_numbers

_UNNAMED: Final = re.compile(r"Column_\d+")
_OBJECTIVE: Final = re.compile(r"^objective=(.*)$", re.MULTILINE)
_CLASSES: Final = re.compile(r"num_class:(\d+)")


class _LightGBM(Library):
    def adapted(self, model: Any) -> object:
        if type(model).__name__ != "Booster":
            return model
        names, objective = model.feature_name(), objective_of(model)
        arguments = (model, lambda table: _answers(model, table), _named(names), model.num_feature())
        if objective.startswith("multiclass"):
            several = _CLASSES.search(objective)
            return AdaptedClassifier(*arguments, classes=range(int(several[1]) if several else 2))
        return AdaptedClassifier(*arguments) if objective.startswith("binary") else AdaptedRegressor(*arguments)

    def names(self, part: Any) -> list[str] | None:
        return _named(booster_of(part).feature_name())

    def categories(self, part: Any) -> Categories:
        booster = booster_of(part)
        listed = booster.pandas_categorical or ()
        if not listed:
            return {}
        names, indices = booster.feature_name(), _categorical(booster)
        if len(indices) != len(listed):  # some are columns of integers, and nothing tells which
            return {}
        return {names[index]: tuple(values) for index, values in zip(indices, listed, strict=True)}

    def prepared(self, part: Any, frame: pd.DataFrame) -> pd.DataFrame:
        return with_numbers(frame)


LIBRARY: Final = _LightGBM()


def booster_of(part: Any) -> Any:
    """The Booster inside an estimator, or itself."""
    part = part.original if isinstance(part, Adapted) else part
    return getattr(part, "booster_", part)


def _named(names: Sequence[str]) -> list[str] | None:
    return None if all(_UNNAMED.fullmatch(name) for name in names) else list(names)


def _categorical(booster: Any) -> list[int]:
    """The indices of the columns that the model takes for categorical, in order."""
    for name in ("categorical_column", "categorical_feature"):
        chosen = booster.params.get(name)
        if isinstance(chosen, list):
            return sorted(int(index) for index in chosen)
    return []


def objective_of(booster: Any) -> str:
    """The objective with its parameters, as the model's text form has it; empty for a function of the user's."""
    line = _OBJECTIVE.search(booster.model_to_string(num_iteration=1))
    return line[1] if line else ""


def _answers(booster: Any, table: Table) -> npt.NDArray[Any]:
    returned: npt.NDArray[Any] = booster.predict(table)
    return returned
