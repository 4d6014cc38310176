"""The routes of retention: the removal of old versions, and the holds of callers that need their bytes."""

from typing import Annotated, Final

from flask import Blueprint, Response, jsonify, request
from msgspec import Meta, Struct

from changeover.json_documents import read_document
from changeover.protocol.roles import Role
from changeover.protocol.wire import LONGEST_HOLD_S, LONGEST_TEXT
from model_server.exceptions import MalformedRequest, TextTooLong
from model_server.retention.removal import Removal, RemovalRequest
from model_server.routes.bodies import json_object
from model_server.routes.context import VersionCalls
from model_server.routes.guard import Guard

_MOST: Final = 10_000_000


class _Removal(Struct, frozen=True):
    """The body of a removal; how much is kept has no default."""

    keep: Annotated[int, Meta(ge=0, le=_MOST)]
    keep_days: Annotated[float, Meta(ge=0, le=_MOST)]
    dry_run: bool = False
    reason: str = ""
    on_behalf_of: str = ""


class _Hold(Struct, frozen=True):
    """The body of a hold."""

    seconds: Annotated[float, Meta(gt=0, le=LONGEST_HOLD_S)]


def blueprint(calls: VersionCalls, removal: Removal, guard: Guard) -> Blueprint:
    """The routes."""
    routes = Blueprint("retention", __name__)
    holds = removal.uses.holds

    @routes.post("/models/<model>/gc")
    def remove(model: str) -> Response:
        caller = guard.needs(Role.ADMIN)
        body = read_document(json_object(request), _Removal, "the body", MalformedRequest)
        if max(len(body.reason), len(body.on_behalf_of)) > LONGEST_TEXT:
            raise TextTooLong(f"'reason' and 'on_behalf_of' have at most {LONGEST_TEXT} characters")
        reason = body.reason or f"older than the newest {body.keep} and than {body.keep_days:g} days"
        asked = RemovalRequest(body.keep, body.keep_days, caller.name, body.on_behalf_of, reason, body.dry_run)
        return jsonify(removal.run(calls.models.get(calls.known(model)), asked))

    @routes.put("/models/<model>/versions/<version>/holds/<hold>")
    def place(model: str, version: str, hold: str) -> Response:
        caller = guard.needs(Role.READ)
        body = read_document(json_object(request), _Hold, "the body", MalformedRequest)
        resolved = calls.versions.resolve(calls.known(model), version)
        placed = holds.place(model, resolved, hold, body.seconds, caller.name)
        return jsonify({"model": model, "version": resolved, "hold": placed.name, "until": placed.until})

    @routes.delete("/models/<model>/versions/<version>/holds/<hold>")
    def end(model: str, version: str, hold: str) -> Response:
        guard.needs(Role.READ)
        holds.end(model, calls.versions.resolve(calls.known(model), version), hold)
        return Response(status=204)

    return routes
