"""Rendering of scores as the JSON body of a prediction response: strict JSON, a prediction for each row, in order."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from changeover.estimator.scores import Scores
from changeover.exceptions import ScoringFailed
from changeover.json_types import Json, JsonObject

_FINITE_TYPES: Final = frozenset({str, int, bool})


def render(
    scores: Scores,
    version: str,
    *,
    single: bool,
    inputs: Mapping[str, Sequence[object]] | None = None,
    outputs: Sequence[str] = (),
) -> bytes:
    """The body of the response. `inputs` (the cells of each column) are added to each row; then all keys are sorted.

    `outputs` are the names of the numbers of a prediction. What the scores have beside the answers is added to each
    row, and its error to a row that failed.

    Raises ScoringFailed if the model returned a value that strict JSON does not have.
    """
    probabilities = scores.probabilities
    rows: list[JsonObject] = [
        {"prediction": label, "predict_proba": row}
        for label, row in zip(scores.labels, probabilities or [None] * len(scores.labels), strict=True)
    ]
    if scores.included or scores.failed:
        _add(rows, scores)
    if inputs is not None:
        for index, row in enumerate(rows):
            row["inputs"] = {name: _cell(cells[index]) for name, cells in inputs.items()}
    body: JsonObject = rows[0] if single else {"predictions": list[Json](rows)}
    if probabilities is not None and scores.classes is not None:
        body["classes"] = scores.classes
    if outputs:
        body["outputs"] = list[Json](outputs)
    body["model_version"] = version
    if inputs is None and scores.included is None and _is_finite(scores):
        return msgspec.json.encode(body)
    return _strict_json(body, sort_keys=inputs is not None)


def refuse_not_finite(scores: Scores) -> None:
    """Raise ScoringFailed for NaN or an infinite number."""
    if scores.included is not None or not _is_finite(scores):
        _strict_json([scores.labels, scores.probabilities, dict[str, Json](scores.included or {})])


def _strict_json(value: Json, *, sort_keys: bool = False) -> bytes:
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"), sort_keys=sort_keys)
    except ValueError as error:
        raise ScoringFailed("the model returned NaN or an infinite number, which JSON cannot say") from error
    return text.encode()


def _add(rows: list[JsonObject], scores: Scores) -> None:
    """Add to each row what the scores have beside the answers, or its error."""
    for name, values in (scores.included or {}).items():
        for row, value in zip(rows, values, strict=True):
            row[name] = value
    for index, message in (scores.failed or {}).items():
        rows[index]["error"] = message


def _is_finite(scores: Scores) -> bool:
    """Whether the scores surely have no NaN and no infinity, which the msgspec encoder would write as null."""
    if not _FINITE_TYPES.issuperset(map(type, scores.labels)):
        return False
    try:
        return not scores.probabilities or math.isfinite(sum(map(sum, scores.probabilities)))
    except TypeError:  # lists of lists
        return False


def _cell(value: object) -> Json:
    """An input value as JSON; a missing value is null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, str | int | float | bool) else None
