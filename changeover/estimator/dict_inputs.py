"""Inputs of models that take a list of dicts, such as those that start with a DictVectorizer.

A missing value is omitted from its dict: such a model is fitted on dicts that lack keys, and reads a missing key as 0.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from sklearn.feature_extraction import DictVectorizer, FeatureHasher

from changeover.estimator.encoded import Encoded, is_missing
from changeover.estimator.inspection import parts
from changeover.exceptions import InvalidSchema
from changeover.schema.cell_parsers import Cell
from changeover.schema.schema import Schema

Record = dict[str, Cell]
_MISSING_VALUE_STEPS: Final = (
    "Imputer",
    "MissingIndicator",
)  # the ending of names of classes that detect missing values


def takes_records(estimator: object) -> bool:
    """Whether `estimator` takes a list of dicts."""
    return any(
        isinstance(part, DictVectorizer) or (isinstance(part, FeatureHasher) and part.input_type == "dict")
        for part in parts(estimator)
    )


def records(schema: Schema, columns: Mapping[str, Sequence[Cell]]) -> list[Record]:
    """Typed `columns` as one dict a row, without missing values."""
    names = [column.name for column in schema.columns]
    return [
        {name: cell for name, cell in zip(names, row, strict=True) if not is_missing(cell)}
        for row in zip(*(columns[name] for name in names), strict=True)
    ]


def keys_of_records(estimator: object, example: Collection[str]) -> dict[str, Encoded] | None:
    """The keys of an inner DictVectorizer, in its order, and the facts of each; None without one.

    A key with string values has a feature `key=value` for each value seen in fitting; a column of `example` may be
    named `key=value` itself. Raises InvalidSchema if the meaning of a missing value is unknown.
    """
    vectorizer = next((part for part in parts(estimator) if isinstance(part, DictVectorizer)), None)
    if vectorizer is None:
        return None
    if any(type(part).__name__.endswith(_MISSING_VALUE_STEPS) for part in _steps(estimator)):
        raise InvalidSchema(
            "the model looks for missing values after a DictVectorizer, which turns a missing key into 0: "
            "null can mean 0 or a missing value. Fit it on a frame, with a OneHotEncoder in a ColumnTransformer"
        )
    texts: dict[str, list[object] | None] = {}
    for feature in getattr(vectorizer, "feature_names_", ()):
        key, mark, text = str(feature).partition(vectorizer.separator)
        if feature in example:
            key, mark = str(feature), ""
        if key in texts and (texts[key] is None) == bool(mark):
            raise InvalidSchema(
                f"the model was fitted on dicts whose key {key!r} held strings as well as numbers or missing values, and "
                f"a column has one type: fit it on strings only, and leave the key out where there is none"
            )
        seen = texts.setdefault(key, [] if mark else None)
        if seen is not None:
            seen.append(text)
    return {key: Encoded() if seen is None else Encoded(tuple(seen), text=True) for key, seen in texts.items()}


def _steps(estimator: object) -> Iterator[object]:
    """Every step of the pipelines that contain the parts of `estimator`."""
    for part in parts(estimator):
        yield from (step for _, step in getattr(part, "steps", ()))
