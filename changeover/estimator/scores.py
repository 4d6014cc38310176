"""The scores of rows: labels, probabilities, and the runtime that computed them."""

from enum import StrEnum
from typing import Any

import msgspec


class Runtime(StrEnum):
    """The runtime that computed scores: the version's ONNX twin, or its estimator."""

    ONNX = "onnx"
    SKLEARN = "sklearn"


class Scores(msgspec.Struct, tag=True, frozen=True):
    """The scores of some rows, as JSON.

    `probabilities` has a list in the order of `classes` for each row (for several outputs, a list of such lists, and
    `classes` a list of lists); both are None for a model without `predict_proba`.
    """

    labels: list[Any]
    probabilities: list[Any] | None
    classes: list[Any] | None
    runtime: Runtime = Runtime.SKLEARN
