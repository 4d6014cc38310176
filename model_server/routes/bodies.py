"""Reading of JSON bodies: strict JSON, one object, at most 64 KiB. A larger body is refused."""

from flask import Request
from werkzeug.exceptions import HTTPException

from changeover.exceptions import NotJson
from changeover.json_types import JsonObject
from changeover.request import strict_json
from model_server.exceptions import BodyTooLarge, MalformedRequest
from model_server.records import LARGEST


def json_object(request: Request) -> JsonObject:
    """The JSON object of the body, empty without a body; raises BodyTooLarge or MalformedRequest."""
    body = read_body(request, LARGEST)
    if not body:
        return {}
    try:
        value = strict_json.parse(body)
    except NotJson as error:
        raise MalformedRequest(f"the body is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise MalformedRequest("the body is no JSON object")
    return value


def read_body(request: Request, largest: int) -> bytes:
    """The whole body; raises BodyTooLarge or MalformedRequest.

    A body of more than `largest` bytes, declared or not, is not read to its end.
    """
    body = bytearray()
    try:
        while (request.content_length or 0) <= largest and len(body) <= largest:
            block = request.stream.read(largest + 1 - len(body))
            if not block:
                return bytes(body)
            body += block
    except (OSError, HTTPException) as error:
        raise MalformedRequest(f"the body broke off: {error}") from error
    raise BodyTooLarge(f"the body of this call may have {largest} bytes")
