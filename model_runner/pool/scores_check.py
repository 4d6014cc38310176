"""The check of scores that a scorer sent: they are the input of a stranger, and an answer is made of them."""

import math
from typing import Any

from changeover.estimator.scores import Runtime, Scores
from model_runner.messages import Lost

_DEEPEST = 3  # lists in lists: rows of outputs of classes


def checked(scores: Scores, rows: int) -> Scores:
    """`scores` if they are of `rows` rows and have a JSON form; raises Lost."""
    if len(scores.labels) != rows or (scores.probabilities is not None and len(scores.probabilities) != rows):
        raise Lost(f"a scorer sent the scores of {len(scores.labels)} rows of {rows}")
    for part in (scores.labels, scores.probabilities, scores.classes):
        _check(part, 0)
    return Scores(scores.labels, scores.probabilities, scores.classes, Runtime.SKLEARN)


def _check(value: Any, depth: int) -> None:
    if type(value) is float:
        if not math.isfinite(value):
            raise Lost("a scorer sent NaN or an infinite number")
    elif type(value) is list:
        if depth >= _DEEPEST:
            raise Lost("a scorer sent lists in lists")
        for entry in value:
            _check(entry, depth + 1)
    elif not (value is None or type(value) in (str, int, bool)):
        raise Lost(f"a scorer sent a {type(value).__name__}")
