"""Transformers of feature_engine: an encoder keeps the categories of each variable, an imputer what it fills in."""

from collections.abc import Sequence
from typing import Any, Final

from changeover.estimator.encoded import Encoded, categories_of
from changeover.estimator.libraries.library import Library

_AT_ALL_ROWS: Final = ("RandomSampleImputer", "DropMissingData", "OutlierTrimmer")


class _FeatureEngine(Library):
    def facts(self, part: Any, names: Sequence[str]) -> dict[str, Encoded]:
        facts = {}
        for name, fill in (getattr(part, "imputer_dict_", None) or {}).items():
            if name in names and isinstance(fill, str):
                facts[str(name)] = Encoded(text=True)
        closed = getattr(part, "unseen", None) == "raise"
        for name, listed in (getattr(part, "encoder_dict_", None) or {}).items():
            if name in names and not any(isinstance(value, float) for value in listed):
                facts[str(name)] = categories_of(tuple(listed), closed=closed)
        return facts

    def keeps_columns(self, part: Any) -> bool:
        return hasattr(part, "imputer_dict_") or type(part).__name__ == "RareLabelEncoder"

    def dependence(self, part: Any) -> str | None:
        name = type(part).__name__
        if type(part).__module__.startswith("feature_engine.timeseries") or name in _AT_ALL_ROWS:
            return f"the {name} looks at other rows"
        return None


LIBRARY: Final = _FeatureEngine()
