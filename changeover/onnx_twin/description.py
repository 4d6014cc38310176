"""The description of an ONNX twin's graph, stored inside the twin's own bytes."""

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Final, Self

from changeover.json_types import Json
from changeover.onnx_twin.exceptions import NoTwin

KEY: Final = "changeover.twin"


class Scores(StrEnum):
    """What the graph gives for each row."""

    PROBABILITIES = "probabilities"  # one for each class
    DECISIONS = "decisions"  # as `decision_function` has them: one for two classes, else one for each
    VALUES = "values"  # what a regressor predicts


@dataclass(frozen=True)
class Threshold:
    """A decision threshold that is part of the model: at least `value` for the class at `place` means `positive`."""

    place: int
    value: float
    positive: Json
    negative: Json


@dataclass(frozen=True)
class Description:
    """How to read the scores: `classes` in their order (None for values), and a threshold if the model has one.

    Scores that lie within `margin` of deciding otherwise are left to the model; 0 where they are equal to the bit.
    """

    scores: Scores
    classes: list[Json] | None
    threshold: Threshold | None
    margin: float

    def to_text(self) -> str:
        """The text form, read back by `from_text`."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read what `to_text` wrote; raises NoTwin."""
        try:
            body = json.loads(text)
            threshold = None if body["threshold"] is None else Threshold(**body["threshold"])
            return cls(Scores(body["scores"]), body["classes"], threshold, float(body["margin"]))
        except (ValueError, KeyError, TypeError) as error:
            raise NoTwin(f"the twin's description cannot be read ({error}): publish the model again") from error
