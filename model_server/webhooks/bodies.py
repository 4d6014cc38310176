"""The bodies of a webhook: JSON by Standard Webhooks, or the message that Slack's incoming webhooks take."""

import json
from typing import Literal

from model_server.webhooks.event import Event, sentence

Format = Literal["json", "slack"]
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})  # the three that Slack's mrkdwn has
_LONGEST_MESSAGE = 1000  # characters


def body_of(event: Event, form: Format) -> bytes:
    """The body of the request."""
    if form == "slack":
        text = sentence(event)
        cut = text if len(text) <= _LONGEST_MESSAGE else f"{text[: _LONGEST_MESSAGE - 1]}…"
        return _json({"text": cut.translate(_ESCAPES)})
    return _json({"type": event.type, "timestamp": event.timestamp, "data": event.data})


def _json(body: dict[str, object]) -> bytes:
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")
