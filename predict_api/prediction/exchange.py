"""The request context: the data of one request for the headers of its response, the metrics and the log.

The headers come from the active version that computed the response, even if a switch happens meanwhile.
"""

import itertools
import re
from collections.abc import Callable
from typing import Final

from changeover.protocol import wire
from predict_api.replica.active import Held

KEY: Final = "changeover.exchange"  # in the WSGI environment of a request
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")


class Basis:
    """The active version that answers a request; `stale` if it was not confirmed as current for this request."""

    __slots__ = ("held", "stale")

    def __init__(self, held: Held, *, stale: bool) -> None:
        self.held, self.stale = held, stale


class Exchange:
    """The context of one request. `model` is set when the model is found, `basis` when its active version is."""

    __slots__ = ("basis", "began", "model", "request_id")

    def __init__(self, request_id: str, began: float) -> None:
        self.request_id, self.began = request_id, began
        self.model = ""
        self.basis: Basis | None = None

    @property
    def stale(self) -> bool:
        """Whether the version was not confirmed as current."""
        return self.basis is not None and self.basis.stale

    def headers(self, now: float) -> list[tuple[str, str]]:
        """The headers of the response; `now` is a time of the same clock as `Held.confirmed_at`."""
        said = [(wire.REQUEST_ID, self.request_id)]
        if self.basis is not None:
            held = self.basis.held
            said += held.headers
            if self.basis.stale:
                said += [(wire.MODEL_STALE, "true"), (wire.MODEL_AGE, str(max(0, round(now - held.confirmed_at))))]
        return said


def request_ids(prefix: str) -> Callable[[str], str]:
    """A function for the id of a request: the caller's if it is valid, else this process's `prefix` and a number."""
    numbers = itertools.count(1)

    def name(sent: str) -> str:
        if sent and _REQUEST_ID.fullmatch(sent):
            return sent
        return f"{prefix}{next(numbers):012x}"

    return name
