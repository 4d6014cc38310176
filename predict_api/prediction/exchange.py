"""What becomes known of one request on its way, for the headers of its answer, the metrics and the log.

Carries *attribution* of the design: the headers are of the one `Held` that the answer was made by.
"""

import itertools
import re
from collections.abc import Callable
from typing import Final

from changeover.protocol import wire
from predict_api.replica.active import Held

KEY: Final = "changeover.exchange"  # in the environment of a request
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")


class Basis:
    """By what a request is answered, and whether that was confirmed as current after the request arrived."""

    __slots__ = ("held", "stale")

    def __init__(self, held: Held, *, stale: bool) -> None:
        self.held, self.stale = held, stale


class Exchange:
    """One request and its answer. `model` is set once the model is known to exist, `basis` once it can answer."""

    __slots__ = ("basis", "began", "model", "request_id")

    def __init__(self, request_id: str, began: float) -> None:
        self.request_id, self.began = request_id, began
        self.model = ""
        self.basis: Basis | None = None

    @property
    def stale(self) -> bool:
        """Whether the answer could not be confirmed as current."""
        return self.basis is not None and self.basis.stale

    def headers(self, now: float) -> list[tuple[str, str]]:
        """What the answer says besides its body; `now` is of the clock that `Held.confirmed_at` is of."""
        said = [(wire.REQUEST_ID, self.request_id)]
        if self.basis is not None:
            held = self.basis.held
            said += held.headers
            if self.basis.stale:
                said += [(wire.MODEL_STALE, "true"), (wire.MODEL_AGE, str(max(0, round(now - held.confirmed_at))))]
        return said


def request_ids(prefix: str) -> Callable[[str], str]:
    """What names requests: as the caller does if it may be so, else by `prefix`, which is this process's, and a number."""
    numbers = itertools.count(1)

    def name(sent: str) -> str:
        if sent and _REQUEST_ID.fullmatch(sent):
            return sent
        return f"{prefix}{next(numbers):012x}"

    return name
