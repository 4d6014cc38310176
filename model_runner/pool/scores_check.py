"""The check of scores that a scorer sent: they are the input of a stranger, and an answer is made of them."""

import math
from typing import Any

from changeover.estimator.failed_rows import shortened
from changeover.estimator.scores import PLAIN, OnError, Options, Runtime, Scores
from changeover.exceptions import RowsNotAnswered
from model_runner.messages import Lost, RowErrors

_DEEPEST = 3  # lists in lists: rows of outputs of classes


def checked(scores: Scores, rows: int, options: Options = PLAIN, *, twin: bool = False) -> Scores:
    """`scores` if they are of `rows` rows, with what `options` ask for, and have a JSON form; raises Lost.

    `twin`: the scorer has an ONNX twin, so its scores may be the twin's.
    """
    if len(scores.labels) != rows or (scores.probabilities is not None and len(scores.probabilities) != rows):
        raise Lost(f"a scorer sent the scores of {len(scores.labels)} rows of {rows}")
    for part in (scores.labels, scores.probabilities, scores.classes):
        _check(part, 0)
    for name, values in (scores.included or {}).items():
        if name not in options.include or len(values) != rows:
            raise Lost(f"a scorer sent {len(values)} values of {name[:20]!r} for {rows} rows")
        _check(values, 0)
    for row in scores.failed or ():
        if options.on_error is not OnError.NULL or not 0 <= row < rows:
            raise Lost(f"a scorer sent an error for row {row} of {rows}")
    failed = {row: shortened(message) for row, message in scores.failed.items()} if scores.failed else None
    runtime = scores.runtime if twin else Runtime.SKLEARN
    return Scores(scores.labels, scores.probabilities, scores.classes, runtime, scores.included, failed)


def checked_errors(errors: RowErrors, rows: int) -> RowsNotAnswered:
    """The error that names rows of a request of `rows` rows; raises Lost."""
    if any(row is not None and not 0 <= row < rows for row, _ in errors.errors):
        raise Lost(f"a scorer sent an error for none of the {rows} rows")
    return RowsNotAnswered([(row, shortened(message)) for row, message in errors.errors], errors.total)


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
