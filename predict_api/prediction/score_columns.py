"""The scores of rows as named columns, for answers as CSV or Arrow.

`prediction`, then `predict_proba_<class>` for each class; for several outputs `prediction_<output>` and
`predict_proba_<output>_<class>`. Then what was included, and `error` if rows failed.
"""

import json
from collections.abc import Sequence
from typing import Any, Final

from changeover.estimator.scores import Scores

_PREDICTION: Final = "prediction"
_PROBABILITY: Final = "predict_proba"
Columns = dict[str, list[Any]]


def score_columns(scores: Scores, outputs: Sequence[str] = ()) -> Columns:
    """A value for each row by the name of its column; None for a missing one. `outputs` name several outputs."""
    columns = _spread(_PREDICTION, scores.labels, outputs)
    classes = scores.classes
    if scores.probabilities is not None and classes is not None:
        rows = scores.probabilities
        if classes and isinstance(classes[0], list):
            names = outputs or [str(index) for index in range(len(classes))]
            for index, (name, listed) in enumerate(zip(names, classes, strict=True)):
                own = [None if row is None else row[index] for row in rows]
                columns |= _by_class(f"{_PROBABILITY}_{name}", own, listed)
        else:
            columns |= _by_class(_PROBABILITY, rows, classes)
    for name, values in (scores.included or {}).items():
        columns |= _spread(name, values)
    if scores.failed:
        columns["error"] = [scores.failed.get(index) for index in range(len(scores.labels))]
    return columns


def as_text(value: object) -> str:
    """A value as text: a string as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value)


def _by_class(prefix: str, rows: Sequence[Any], classes: Sequence[object]) -> Columns:
    """A column for each class, also without rows."""
    if rows and None not in rows:
        named = zip(classes, zip(*rows, strict=True), strict=True)
        return {f"{prefix}_{as_text(name)}": list(column) for name, column in named}
    return {
        f"{prefix}_{as_text(name)}": [None if row is None else row[index] for row in rows]
        for index, name in enumerate(classes)
    }


def _spread(name: str, values: Sequence[Any], suffixes: Sequence[str] = ()) -> Columns:
    """One column, or one for each part where the values are lists."""
    first = next((value for value in values if value is not None), None)
    if not isinstance(first, list):
        return {name: list(values)}
    parts = suffixes if len(suffixes) == len(first) else [str(index) for index in range(len(first))]
    return {
        f"{name}_{part}": [None if value is None else value[index] for value in values]
        for index, part in enumerate(parts)
    }
