"""The inspection of a fitted estimator: names and number of its inputs, encoders, use of strings.

It reads public attributes of scikit-learn's conventions only and never calls the model. `libraries/` has what other
libraries do differently.
"""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from typing import Any, Final

import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer
from sklearn.impute import SimpleImputer
from sklearn.isotonic import IsotonicRegression
from sklearn.preprocessing import MinMaxScaler

from changeover.estimator.encoded import Encoded, categories_of, is_missing
from changeover.estimator.libraries.find import library_of
from changeover.schema.column import Missing
from changeover.schema.dtypes import is_known

_WRAPPED = ("best_estimator_", "estimator_", "regressor_", "estimator", "regressor")
_ONE_FOR_EACH_CLASS: Final = ("sklearn.multiclass", "sklearn.multioutput")  # models that all get the same input
SAMPLES: Final = "fit_resample"  # of imbalanced-learn: such a step does something in fitting only
_DEEPEST: Final = 32


def parts(estimator: object) -> Iterator[object]:
    """The estimator and, from outside in, each part that gets the same input."""
    seen: list[object] = []
    part: object | None = estimator
    while part is not None and not any(part is known for known in seen):
        seen.append(part)
        yield part
        part = _first_inside(part)


def _first_inside(part: object) -> object | None:
    for steps in ("steps", "transformer_list"):
        for step in getattr(part, steps, None) or ():
            inside: object | None = step[1]
            if not isinstance(inside, str | None) and not hasattr(inside, SAMPLES):
                return inside
    calibrated: Sequence[object] | None = getattr(part, "calibrated_classifiers_", None)
    if calibrated:
        return _attribute(calibrated[0], "estimator")
    if hasattr(part, "named_estimators_"):  # voting and stacking give all of them the same input
        voters: Sequence[object] = getattr(part, "estimators_", ())
        return voters[0] if voters else None
    if type(part).__module__ in _ONE_FOR_EACH_CLASS:
        fitted: Sequence[object] = getattr(part, "estimators_", ())
        if len(fitted):
            return fitted[0]
    for name in _WRAPPED:
        inside = _attribute(part, name)
        if not isinstance(inside, str | None):
            return inside
    return None


def _attribute(part: object, name: str) -> object | None:
    value: object | None = getattr(part, name, None)
    return value


def last_part(estimator: object) -> object:
    """The part that answers: the last step of a pipeline, the best of a search, else `estimator` itself."""
    for _ in range(_DEEPEST):
        steps = getattr(estimator, "steps", None)
        inside = steps[-1][1] if steps else getattr(estimator, "best_estimator_", None)
        if inside is None or isinstance(inside, str):
            break
        estimator = inside
    return estimator


def input_names(estimator: object) -> list[str] | None:
    """The names of the columns of the fit, in order, or None if it was fitted on an array."""
    for part in parts(estimator):
        names = library_of(part).names(part)
        if names is not None:
            return names
    return None


def input_count(estimator: object) -> int | None:
    """The number of columns of the fit, or None if unknown."""
    for part in parts(estimator):
        count = library_of(part).count(part)
        if count is not None:
            return count
        if isinstance(part, IsotonicRegression):
            return 1
    return None


def takes_texts(estimator: object) -> bool:
    """Whether it takes a list of strings, like a pipeline that begins with a vectorizer."""
    return any(isinstance(part, CountVectorizer | HashingVectorizer) for part in parts(estimator))


def encoded_columns(estimator: object, names: Sequence[str]) -> dict[str, Encoded]:
    """The facts of the columns `names` in inner encoders, imputers and vectorizers, by name."""
    facts: dict[str, Encoded] = {}
    _visit(estimator, list(names), facts)
    for name, values in category_types(estimator, names).items():
        if values is not None:
            facts.setdefault(name, categories_of(values))
    return facts


def category_types(estimator: object, names: Sequence[str]) -> dict[str, tuple[object, ...] | None]:
    """The columns among `names` that the model takes in pandas' category type, with the categories of its fit.

    None stands for categories that the model does not keep.
    A column that a ColumnTransformer passes on may be called `remainder__name` there, and lightgbm puts `_` for a blank.
    """
    known: dict[str, tuple[object, ...] | None] = {}
    for part in (*parts(estimator), last_part(estimator)):
        for inner, values in library_of(part).categories(part).items():
            ending = inner.rpartition("__")[2]
            name = next((name for name in names if name in (inner, ending) or without_blanks(name) == inner), None)
            if name is not None:
                known[name] = values
    return known


def without_blanks(name: str) -> str:
    """The name under which lightgbm keeps a column."""
    return re.sub(r"\s", "_", name)


def _visit(part: object, names: list[str], facts: dict[str, Encoded]) -> bool:
    """Inspect one part whose input is the columns `names`; False if the next part gets other columns."""
    if hasattr(part, "steps"):
        steps = (step for _, step in part.steps if not isinstance(step, str | None) and not hasattr(step, SAMPLES))
        return all(_visit(step, names, facts) for step in steps)
    library = library_of(part)
    known = library.facts(part, names)
    facts.update({name: new for name, new in known.items() if name not in facts or facts[name].categories is None})
    if known or library.keeps_columns(part):
        return library.keeps_columns(part)
    native = getattr(part, "_preprocessor", None)  # gradient boosting over histograms encodes categories itself
    if native is not None:
        return _visit(native, names, facts)
    if hasattr(part, "transformers_"):
        for _, inside, columns in part.transformers_:
            if not isinstance(inside, str):
                _visit(inside, resolve(columns, names), facts)
        return False
    if hasattr(part, "transformer_list"):
        for _, inside in part.transformer_list:
            if not isinstance(inside, str):
                _visit(inside, names, facts)
        return False
    if isinstance(part, CountVectorizer | HashingVectorizer):
        facts.update(dict.fromkeys(names, Encoded(text=True)))
        return False
    categories = getattr(part, "categories_", None)
    if isinstance(categories, list) and len(categories) == len(names):
        for name, values in zip(names, categories, strict=True):
            encoded = _encoded(values, closed=getattr(part, "handle_unknown", "ignore") == "error")
            imputed = facts.get(name)
            if imputed is not None and imputed.gap is not None:
                encoded = replace(encoded, gap=imputed.gap, dtype="object", missing=None)
            facts[name] = encoded
        return False
    if isinstance(part, SimpleImputer):
        return _see_imputer(part, names, facts)
    if isinstance(part, MinMaxScaler) and len(getattr(part, "data_min_", ())) == len(names):
        for name, least, greatest in zip(names, part.data_min_.tolist(), part.data_max_.tolist(), strict=True):
            if math.isfinite(least) and math.isfinite(greatest):
                facts[name] = replace(facts.get(name, Encoded()), ends=(least, greatest))
        return False
    if hasattr(part, "named_estimators_"):
        _visit_members(getattr(part, "estimators_", ()), names, facts)
        return False
    inside = _first_inside(part)
    if inside is not None:
        _visit(inside, names, facts)
    return False


def _visit_members(members: Sequence[object], names: list[str], facts: dict[str, Encoded]) -> None:
    """Inspect the members of a vote or a stack: each may select other columns, and a column must suit all of them."""
    for member in members:
        of_member: dict[str, Encoded] = {}
        _visit(member, names, of_member)
        for name, fact in of_member.items():
            known = facts.get(name)
            if known is None or (fact.closed and not known.closed) or (fact.text and not known.text):
                facts[name] = fact


def _see_imputer(part: SimpleImputer, names: list[str], facts: dict[str, Encoded]) -> bool:
    statistics = getattr(part, "statistics_", None)
    if statistics is None or len(statistics) != len(names) or part.add_indicator:
        return False
    for name, value in zip(names, statistics, strict=True):
        if isinstance(value, str):
            gap = Missing.NONE if part.missing_values is None else None
            facts[name] = Encoded(text=True, gap=gap, dtype="object" if gap else "")
        elif isinstance(value, bool):
            facts[name] = Encoded(dtype="object", gap=Missing.NONE if part.missing_values is None else Missing.NAN)
    dropped = [value for value in statistics if isinstance(value, float) and np.isnan(value)]
    return not dropped or bool(part.keep_empty_features)


def _encoded(values: Any, *, closed: bool) -> Encoded:
    """The facts of a column with the categories `values`, an array of the dtype of the column."""
    array = np.asarray(values)
    if array.dtype.kind == "M":
        gaps = np.isnat(array)
        return Encoded(tuple(map(str, array[~gaps])), missing=bool(gaps.any()), dtype=str(array.dtype))
    plain = tuple(value.item() if isinstance(value, np.generic) else value for value in array)
    missing = [value for value in plain if is_missing(value)]
    known = replace(categories_of(plain, closed=closed), missing=bool(missing))
    if array.dtype.kind != "O":
        return replace(known, dtype=str(array.dtype) if is_known(str(array.dtype)) else "")
    times = [value for value in plain if isinstance(value, pd.Timestamp)]
    if times:
        return Encoded(
            tuple(time.isoformat() for time in times),
            missing=len(times) < len(plain),
            dtype=str(pd.Series(times).dtype),
        )
    days = [value for value in plain if isinstance(value, date)]
    if days:
        gap = Missing.NONE if any(value is None for value in plain) else Missing.NAN if len(days) < len(plain) else None
        return Encoded(tuple(day.isoformat() for day in days), missing=gap is not None, dtype="date", gap=gap)
    gap = None if not missing else Missing.NONE if missing[0] is None else Missing.NAN
    known = replace(known, two_gaps=len({type(value) for value in missing}) > 1)
    texts = bool(known.categories) and all(isinstance(value, str) for value in known.categories or ())
    return replace(known, dtype="" if texts and gap is not Missing.NONE else "object", gap=gap)


def resolve(columns: object, names: list[str]) -> list[str]:
    """The names of a ColumnTransformer's selection, which is names, positions, a mask or a slice."""
    if isinstance(columns, str):
        return [columns]
    if isinstance(columns, int):
        return [names[columns]]
    if isinstance(columns, slice):
        if isinstance(columns.start, str) or isinstance(columns.stop, str):
            start = names.index(columns.start) if columns.start is not None else 0
            stop = names.index(columns.stop) + 1 if columns.stop is not None else len(names)
            return names[start:stop]
        return names[columns]
    chosen = list(np.asarray(columns))
    if chosen and isinstance(chosen[0], str):
        return [str(name) for name in chosen]
    if chosen and isinstance(chosen[0], np.bool_):
        return [name for name, taken in zip(names, chosen, strict=True) if taken]
    return [names[int(position)] for position in chosen]
