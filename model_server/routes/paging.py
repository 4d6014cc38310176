"""Paging of lists: `?limit=` of 1 to 1000 (100 by default) and `?offset=`; `next` is the path of the next page."""

from collections.abc import Sequence

from flask import Request

from changeover.json_types import JsonObject
from model_server.exceptions import MalformedRequest

_DEFAULT = 100
_MOST = 1000
_MOST_DIGITS = 12


def page(name: str, bodies: Sequence[JsonObject], request: Request) -> JsonObject:
    """One page of `bodies` under `name`; raises MalformedRequest."""
    limit = _whole(request, "limit", _DEFAULT, 1, _MOST)
    offset = _whole(request, "offset", 0, 0, 10**9)
    answer: JsonObject = {name: list(bodies[offset : offset + limit]), "total": len(bodies)}
    if offset + limit < len(bodies):
        answer["next"] = f"{request.path}?limit={limit}&offset={offset + limit}"
    return answer


def _whole(request: Request, name: str, default: int, least: int, most: int) -> int:
    text = request.args.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS and least <= int(text) <= most):
        raise MalformedRequest(f"?{name}={text!r} is not a whole number from {least} to {most}")
    return int(text)
