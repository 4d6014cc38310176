"""The routes of seals: the chain of a model's ledger, and the sealing of a registry that exists."""

import base64
from typing import Final

import msgspec
from flask import Blueprint, Response, jsonify, request

from changeover.json_types import Json, JsonObject
from changeover.protocol.roles import Role
from model_server.exceptions import MalformedRequest, RecordUnreadable
from model_server.records import read_content
from model_server.routes.context import VersionCalls
from model_server.routes.guard import Guard
from model_server.sealing.sealing import Sealing
from object_store import keys
from object_store.exceptions import ObjectMissing

_ENTRIES: Final = 100  # of one page


def blueprint(calls: VersionCalls, sealing: Sealing, guard: Guard) -> Blueprint:
    """The routes."""
    routes = Blueprint("seals", __name__)

    @routes.get("/models/<model>/chain")
    def chain(model: str) -> Response:
        guard.needs(Role.READ)
        newest = calls.ledger.look(calls.known(model))
        first = _first()
        last = min(newest, first + _ENTRIES - 1)
        entries: list[Json] = [_stored(calls, sealing, model, sequence) for sequence in range(first, last + 1)]
        following = f"/models/{model}/chain?from={last + 1}" if last < newest else None
        return jsonify({"entries": entries, "next": following})

    @routes.post("/models/<model>/seal")
    def seal(model: str) -> Response:
        guard.needs(Role.ADMIN)
        page = sealing.page(calls.known(model), request.args.get("after", ""))
        key = sealing.seals.key
        line = key.public.text if key else ""
        return jsonify({**page.to_json(), "public_key": line, "was_sealed": sealing.seals.sealed})

    return routes


def _first() -> int:
    text = request.args.get("from", str(keys.FIRST_SEQUENCE))
    if not text.isdecimal() or not keys.FIRST_SEQUENCE <= int(text) <= keys.LAST_SEQUENCE:
        raise MalformedRequest(f"?from={text[:20]!r} is no sequence: the first one is {keys.FIRST_SEQUENCE}")
    return int(text)


def _stored(calls: VersionCalls, sealing: Sealing, model: str, sequence: int) -> JsonObject:
    """The stored entry with its bytes in base64 and its seal; both null if it is gone."""
    try:
        content = read_content(calls.bucket, keys.rollout_key(model, sequence))
    except (ObjectMissing, RecordUnreadable):
        return {"sequence": sequence, "content": None, "seal": None}
    envelope = next(iter(sealing.seals.stored(model, content)), None)
    return {
        "sequence": sequence,
        "content": base64.b64encode(content).decode("ascii"),
        "seal": msgspec.to_builtins(envelope),
    }
