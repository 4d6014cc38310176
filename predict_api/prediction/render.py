"""Labels and probabilities become the bytes of an answer.

Carries the shapes of `POST /predict`: in kind, in order, strict JSON.
"""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

import msgspec

from changeover.exceptions import ScoringFailed
from changeover.json_types import Json, JsonObject

_NEVER_ODD: Final = frozenset({str, int, bool})


class Scored(Protocol):
    """What the model said of the rows, in order: labels, and where it has them a probability for each class."""

    @property
    def labels(self) -> list[Json]:
        """A label for each row."""

    @property
    def probabilities(self) -> list[Json] | None:
        """A list in the order of `classes` for each row, or None."""

    @property
    def classes(self) -> list[Json] | None:
        """The labels that probabilities stand for, or None."""


def render(
    scores: Scored, version: str, *, single: bool, inputs: Mapping[str, Sequence[object]] | None = None
) -> bytes:
    """The body of the answer; `inputs` (a list of cells for each column) is added row by row, then all keys are sorted.

    Raises ScoringFailed if the model returned something that strict JSON cannot say.
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
    """Whether it is plain that there is no NaN and no infinity, which the quick encoder would write as null."""
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
    """An input as JSON; a missing value is null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, str | int | float | bool) else None
