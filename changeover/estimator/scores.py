"""The scores of rows: labels, probabilities, and the runtime that computed them."""

from enum import StrEnum
from typing import Any, Final

import msgspec


class Runtime(StrEnum):
    """The runtime that computed scores: the version's ONNX twin, or its estimator."""

    ONNX = "onnx"
    SKLEARN = "sklearn"


class Scores(msgspec.Struct, tag=True, frozen=True):
    """The scores of some rows, as JSON.

    `probabilities` has a list in the order of `classes` for each row (for several outputs, a list of such lists, and
    `classes` a list of lists); both are None for a model without `predict_proba`. `included` has a list with a value
    for each row by the name of what was asked for beside them. `failed` has the message for each row that the model
    does not answer, by its index: its label, probabilities and other values are None.
    """

    labels: list[Any]
    probabilities: list[Any] | None
    classes: list[Any] | None
    runtime: Runtime = Runtime.SKLEARN
    included: dict[str, list[Any]] | None = None
    failed: dict[int, str] | None = None


class OnError(StrEnum):
    """The treatment of rows that the model does not answer: fail the call, name the rows, or answer the others."""

    FAIL = "fail"
    NAME = "name"
    NULL = "null"


class Options(msgspec.Struct, frozen=True):
    """The options of a call of a model: what to include beside the answers, of `decision` and `std`."""

    include: tuple[str, ...] = ()
    on_error: OnError = OnError.NAME


PLAIN: Final = Options()  # of most requests
