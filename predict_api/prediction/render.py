"""Rendering of scores as the JSON body of a prediction response: strict JSON, a prediction for each row, in order."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

import msgspec

from changeover.exceptions import ScoringFailed
from changeover.json_types import Json, JsonObject

_NEVER_ODD: Final = frozenset({str, int, bool})


class Scored(Protocol):
    """The scores of rows, in order: labels, and for a classifier with `predict_proba` a probability for each class."""

    @property
    def labels(self) -> list[Json]:
        """A label for each row."""

    @property
    def probabilities(self) -> list[Json] | None:
        """The probabilities for each row, in the order of `classes`, or None."""

    @property
    def classes(self) -> list[Json] | None:
        """The labels to which the probabilities belong, or None."""


def render(
    scores: Scored, version: str, *, single: bool, inputs: Mapping[str, Sequence[object]] | None = None
) -> bytes:
    """The body of the response. `inputs` (the cells of each column) are added to each row; then all keys are sorted.

    Raises ScoringFailed if the model returned a value that strict JSON does not have.
    """
    rows = _rows(scores)
    if inputs is not None:
        for index, row in enumerate(rows):
            row["inputs"] = {name: _cell(cells[index]) for name, cells in inputs.items()}
    body: JsonObject = dict(rows[0]) if single else {"predictions": list[Json](rows)}
    if scores.probabilities is not None and scores.classes is not None:
        body["classes"] = scores.classes
    body["model_version"] = version
    if inputs is None and _finite(scores):
        return msgspec.json.encode(body)
    try:
        told = json.dumps(
            body, allow_nan=False, ensure_ascii=False, separators=(",", ":"), sort_keys=inputs is not None
        )
        return told.encode()
    except ValueError as error:
        raise ScoringFailed("the model returned NaN or an infinite number, which JSON cannot say") from error


def _finite(scores: Scored) -> bool:
    """Whether the scores surely have no NaN and no infinity, which the msgspec encoder would write as null."""
    if not all(type(label) in _NEVER_ODD for label in scores.labels):
        return False
    try:
        return not scores.probabilities or all(math.isfinite(sum(row)) for row in scores.probabilities)  # type: ignore[arg-type]
    except TypeError:  # lists of lists
        return False


def _rows(scores: Scored) -> list[JsonObject]:
    if scores.probabilities is None:
        return [{"prediction": label, "predict_proba": None} for label in scores.labels]
    return [
        {"prediction": label, "predict_proba": probabilities}
        for label, probabilities in zip(scores.labels, scores.probabilities, strict=True)
    ]


def _cell(value: object) -> Json:
    """An input value as JSON; a missing value is null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, str | int | float | bool) else None
