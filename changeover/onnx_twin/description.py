"""The description of an ONNX twin's graph, stored inside the twin's own bytes."""

from enum import StrEnum
from typing import Any, Final, Self

import msgspec

from changeover.onnx_twin.exceptions import NoTwin

KEY: Final = "changeover.twin"
NUMBERS: Final = "numbers"  # the names of the graph's inputs
TEXTS: Final = "texts"


class ScoreKind(StrEnum):
    """The kind of output of the graph for each row."""

    PROBABILITIES = "probabilities"  # one a class
    DECISIONS = "decisions"  # as `decision_function`: one for two classes, else one a class
    VALUES = "values"  # predictions of a regressor


class Threshold(msgspec.Struct, frozen=True, rename={"index": "place"}):
    """The decision threshold of the model: at least `value` for the class at `index` means `positive`."""

    index: int
    value: float
    positive: Any  # labels are JSON of any type
    negative: Any


class Description(msgspec.Struct, frozen=True):
    """The meaning of the scores: `classes` in order (None for values), and the model's threshold, if any.

    Rows whose scores are within `margin` of another label are left to the model; 0 if scores are equal bit for bit.
    """

    scores: ScoreKind
    classes: list[Any] | None
    threshold: Threshold | None
    margin: float

    def to_text(self) -> str:
        """The string form, read back by `from_text`."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read the output of `to_text`; raises NoTwin."""
        try:
            return msgspec.json.decode(text, type=cls)
        except msgspec.DecodeError as error:
            raise NoTwin(f"the twin's description cannot be read ({error}): publish the model again") from error
