"""Models of catboost: they name their columns, and take integers or strings in a categorical column.

A model keeps no list of the categories that it has seen. Columns without names are called 0, 1, 2 by it.
"""

from collections.abc import Sequence
from typing import Any, Final

import pandas as pd

from changeover.estimator.encoded import Encoded
from changeover.estimator.libraries.library import Library, with_numbers


class _CatBoost(Library):
    def names(self, part: Any) -> list[str] | None:
        names = list(part.feature_names_ or ())
        return None if names == [str(index) for index in range(len(names))] else names

    def count(self, part: Any) -> int | None:
        return len(part.feature_names_ or ()) or None

    def facts(self, part: Any, names: Sequence[str]) -> dict[str, Encoded]:
        return {names[index]: Encoded(text_unless_seen=True) for index in _of_texts(part)}

    def prepared(self, part: Any, frame: pd.DataFrame) -> pd.DataFrame:
        names = list(frame.columns)
        texts = {names[index]: _whole(frame[names[index]]) for index in part.get_cat_feature_indices()}
        numbers = with_numbers(frame.drop(columns=list(texts)))
        return numbers.assign(**texts)[names] if texts else numbers


LIBRARY: Final = _CatBoost()


def _of_texts(part: Any) -> list[int]:
    return [*part.get_cat_feature_indices(), *part.get_text_feature_indices()]


def _whole(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """Whole numbers as integers: catboost takes no other numbers for categories."""
    if column.dtype.kind == "f" and (column == column.round()).all():
        return column.astype("int64")
    return column
