"""The sender of one webhook: a signed POST, with one deadline for the whole call."""

import logging
import time
from collections.abc import Sequence
from typing import Final

import requests
import urllib3
from msgspec import Struct

from changeover import __version__
from changeover.process.clock import now
from changeover.process.timed_pool import TimedAdapter, within
from changeover.protocol.wire import WEBHOOK_ID, WEBHOOK_SIGNATURE, WEBHOOK_TIMESTAMP
from model_server.webhooks.addresses import Address
from model_server.webhooks.bodies import Format, body_of
from model_server.webhooks.event import Event
from model_server.webhooks.signature import signature

DEADLINE_S: Final = 15.0  # the shortest that Standard Webhooks recommends
_BUSY: Final = {408, 425, 429}  # statuses below 500 that are about the moment, not about the event


class Outcome(Struct, frozen=True):
    """The outcome of an attempt: `reason` is empty if the event was taken; `refused`: the event itself is at fault."""

    reason: str = ""
    refused: bool = False
    retry_after_s: float = 0.0


class Sender:
    """The sender, in one thread. `keys` sign; without keys there is no signature."""

    def __init__(self, keys: Sequence[bytes], form: Format) -> None:
        self._keys, self._form = keys, form
        logging.getLogger("urllib3.connection").setLevel(logging.ERROR)  # its warning of a bad header shows the URL
        self._session = requests.Session()
        self._session.mount("http://", TimedAdapter())
        self._session.mount("https://", TimedAdapter())

    def send(self, address: Address, event: Event) -> Outcome:
        """Send the event once, and follow no redirect."""
        body, timestamp = body_of(event, self._form), int(time.time())
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"changeover/{__version__}",
            WEBHOOK_ID: event.id,
            WEBHOOK_TIMESTAMP: str(timestamp),
        }
        if self._keys:
            headers[WEBHOOK_SIGNATURE] = signature(self._keys, event.id, timestamp, body)
        try:
            with (
                within(now() + DEADLINE_S),
                self._session.post(
                    address.url, body, headers=headers, timeout=DEADLINE_S, allow_redirects=False, stream=True
                ) as response,
            ):
                return _outcome(response)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            return Outcome(type(error).__name__)  # its text may show the address


def _outcome(response: requests.Response) -> Outcome:
    status = response.status_code
    if 200 <= status < 300:
        return Outcome()
    retry_after = response.headers.get("Retry-After", "")
    retry_after_s = (
        float(retry_after) if retry_after.isascii() and retry_after.isdigit() and len(retry_after) < 7 else 0
    )
    return Outcome(f"HTTP {status}", status < 500 and status not in _BUSY, retry_after_s)
