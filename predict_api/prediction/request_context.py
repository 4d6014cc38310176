"""The request context: the data of one request for the headers of its response, the metrics and the log.

The headers come from the active version that computed the response, even if a switch happens meanwhile.
"""

import itertools
import re
from collections.abc import Callable
from typing import Final

from changeover.protocol import wire
from predict_api.edge.api_keys import Caller
from predict_api.replica.active import ActiveVersion

KEY: Final = "changeover.request"  # in the WSGI environment of a request
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")


class RequestContext:
    """The context of one request: its id, when it began, its model, and the active version that answers it.

    `stale` is true if the version was not confirmed as current for this request. `caller` is None without an API key.
    `runtime` is the one that computed the answer, empty if none did.
    """

    __slots__ = ("active", "began", "caller", "model", "request_id", "runtime", "stale")

    def __init__(self, request_id: str, began: float) -> None:
        self.request_id, self.began = request_id, began
        self.model, self.runtime, self.stale = "", "", False
        self.active: ActiveVersion | None = None
        self.caller: Caller | None = None

    def headers(self, now: float) -> list[tuple[str, str]]:
        """The headers of the response; `now` is a time of the same clock as `ActiveVersion.confirmed_at`."""
        headers = [(wire.REQUEST_ID, self.request_id)]
        active = self.active
        if active is not None:
            headers += active.headers
            if self.stale:
                headers += [(wire.MODEL_STALE, "true"), (wire.MODEL_AGE, str(max(0, round(now - active.confirmed_at))))]
        return headers


def request_ids(prefix: str) -> Callable[[str], str]:
    """A function for the id of a request: the caller's if it is valid, else this process's `prefix` and a number."""
    numbers = itertools.count(1)

    def request_id(header: str) -> str:
        if header and _REQUEST_ID.fullmatch(header):
            return header
        return f"{prefix}{next(numbers):012x}"

    return request_id
