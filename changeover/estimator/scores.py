"""The scores of rows: labels and probabilities."""

from dataclasses import dataclass

from changeover.json_types import Json


@dataclass(frozen=True)
class Scores:
    """The answers for some rows, as JSON.

    `probabilities` holds a list in the order of `classes` for each row (for several outputs, a list of such lists, and
    `classes` a list of lists); both are None for a model without `predict_proba`.
    """

    labels: list[Json]
    probabilities: list[Json] | None
    classes: list[Json] | None
