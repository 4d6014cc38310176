"""The description of an ONNX twin's graph, stored inside the twin's own bytes."""

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Final, Self

from changeover.json_types import Json
from changeover.onnx_twin.exceptions import NoTwin

KEY: Final = "changeover.twin"
NUMBERS: Final = "numbers"  # the names of the graph's inputs
TEXTS: Final = "texts"


class Scores(StrEnum):
    """The kind of output of the graph for each row."""

    PROBABILITIES = "probabilities"  # one a class
    DECISIONS = "decisions"  # as `decision_function`: one for two classes, else one a class
    VALUES = "values"  # predictions of a regressor


@dataclass(frozen=True)
class Threshold:
    """The decision threshold of the model: at least `value` for the class at index `place` means `positive`."""

    place: int
    value: float
    positive: Json
    negative: Json


@dataclass(frozen=True)
class Description:
    """The meaning of the scores: `classes` in order (None for values), and the model's threshold, if any.

    Rows whose scores are within `margin` of another label are left to the model; 0 if scores are equal bit for bit.
    """

    scores: Scores
    classes: list[Json] | None
    threshold: Threshold | None
    margin: float

    def to_text(self) -> str:
        """The string form, read back by `from_text`."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read the output of `to_text`; raises NoTwin."""
        try:
            body = json.loads(text)
            threshold = None if body["threshold"] is None else Threshold(**body["threshold"])
            return cls(Scores(body["scores"]), body["classes"], threshold, float(body["margin"]))
        except (ValueError, KeyError, TypeError) as error:
            raise NoTwin(f"the twin's description cannot be read ({error}): publish the model again") from error
