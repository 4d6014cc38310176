"""The routes of rollouts: roll, roll back, abort, and the list of rollouts."""

import dataclasses
from typing import Annotated

from flask import Blueprint, Response, jsonify, request
from msgspec import Meta, Struct
from msgspec.structs import replace

from changeover.exceptions import UnknownVersion
from changeover.json_documents import read_document
from changeover.names import normalize_version
from changeover.process.clock import parse_rfc3339
from changeover.protocol.roles import Role
from changeover.protocol.wire import LONGEST_REHEARSAL_S, LONGEST_TEXT
from model_server.access.caller import Caller
from model_server.exceptions import MalformedRequest, TextTooLong, UnknownModel, VersionRejected
from model_server.ledger.record import Rollout
from model_server.rollouts.promotion import RollRequest
from model_server.rollouts.rollouts import Rollouts
from model_server.routes.bodies import json_object
from model_server.routes.context import VersionCalls
from model_server.routes.guard import Guard
from model_server.routes.paging import page

_LONGEST_WAIT_S = 600.0


class _Body(Struct, frozen=True):
    """The body of a roll or a rollback, which has no version.

    `by` is the word of earlier releases for `on_behalf_of`.
    """

    version: str | None = None
    reason: str = ""
    by: str = ""
    on_behalf_of: str = ""
    allow_schema_change: bool = False
    skip_gate: bool = False
    expected_sequence: int | float | None = None
    rehearse: Annotated[float, Meta(ge=0, le=LONGEST_REHEARSAL_S)] | None = None
    watch: Annotated[float, Meta(ge=0, le=LONGEST_REHEARSAL_S)] = 0.0


def blueprint(calls: VersionCalls, rollouts: Rollouts, guard: Guard) -> Blueprint:
    """The routes."""
    routes = Blueprint("rollouts", __name__)
    _reads(routes, calls, rollouts, guard)

    @routes.post("/models/<model>/rollouts")
    def roll(model: str) -> Response:
        caller = guard.needs(Role.ROLL)
        body, wait_s = _body("rolled over HTTP"), _wait()
        if body.version is None:
            raise MalformedRequest('send {"version": "<sha256 or a prefix of 8 or more>", "reason": "..."}')
        if body.allow_schema_change or body.skip_gate:
            guard.needs(Role.ADMIN)
        roll_request = _roll_request(caller, body)
        return _begin(model, _resolve(calls, calls.known(model), body.version), roll_request, wait_s)

    @routes.post("/models/<model>/rollback")
    def rollback(model: str) -> Response:
        caller = guard.needs(Role.ROLL)
        body, wait_s = _body("rollback"), _wait()
        roll_request = dataclasses.replace(_roll_request(caller, body), exempt=True)
        return _begin(model, rollouts.previous(calls.known(model)), roll_request, wait_s)

    @routes.post("/models/<model>/rollouts/<identity>/abort")
    def abort(model: str, identity: str) -> Response:
        caller = guard.needs(Role.ROLL)
        body, wait_s = _body("aborted over HTTP"), _wait()
        calls.known(model)
        # The one under way is known without the store, which may be why it is aborted.
        named = (rollout for rollout in _under_way(calls, model) if identity in {rollout.id, str(rollout.sequence)})
        rollout = next(named, None) or _find(calls, rollouts, model, identity)
        if rollout is None:
            raise UnknownModel(f"model {model!r} has no rollout {identity!r}; see GET /models/{model}/rollouts")
        rollouts.abort(model, rollout.id, _author(caller, body), body.reason)
        return _answer(model, rollout, wait_s)

    def _begin(model: str, version: str, roll_request: RollRequest, wait_s: float) -> Response:
        return _answer(model, rollouts.begin(model, version, roll_request), wait_s)

    def _answer(model: str, rollout: Rollout, wait_s: float) -> Response:
        if wait_s > 0:
            rollout = rollouts.wait(model, rollout, wait_s)
        response = jsonify(rollout.to_json())
        response.status_code = 200 if rollout.over else 202
        response.headers["Location"] = f"/models/{model}/rollouts/{rollout.id}"
        return response

    return routes


def _reads(routes: Blueprint, calls: VersionCalls, rollouts: Rollouts, guard: Guard) -> None:
    @routes.get("/models/<model>/rollouts")
    def ledger(model: str) -> Response:
        guard.needs(Role.READ)
        calls.known(model)
        time = request.args.get("at")
        if time is None:
            return _page(_all(calls, rollouts, model))
        try:
            parse_rfc3339(time)
        except ValueError as error:
            raise MalformedRequest(f"?at={time!r} is not RFC 3339 (2026-01-31T12:00:00Z): {error}") from error
        entry = calls.ledger.at(model, time)
        return _page([entry] if entry else [])

    @routes.get("/models/<model>/rollouts/<identity>")
    def rollout(model: str, identity: str) -> Response:
        guard.needs(Role.READ)
        calls.known(model)
        rollout = _find(calls, rollouts, model, identity)
        if rollout is not None:
            return jsonify(rollout.to_json())
        raise UnknownModel(f"model {model!r} has no rollout {identity!r}; see GET /models/{model}/rollouts")


def _roll_request(caller: Caller, body: _Body) -> RollRequest:
    return RollRequest(
        caller.name,
        body.reason,
        body.allow_schema_change,
        body.skip_gate,
        on_behalf_of=body.on_behalf_of,
        expected_sequence=_whole(body.expected_sequence),
        rehearse=body.rehearse,
        watch=body.watch,
    )


def _author(caller: Caller, body: _Body) -> str:
    """The author of an abort, for its reason: the proved name, then the word of the caller."""
    return f"{caller.name} on behalf of {body.on_behalf_of}" if body.on_behalf_of else caller.name


def _whole(number: float | None) -> int | None:
    """The whole number that JSON may write as 3.0; raises MalformedRequest for any other."""
    if isinstance(number, float) and not number.is_integer():
        raise MalformedRequest(
            f"expected_sequence is a whole number, not {number}: send the `sequence` of GET /models/NAME"
        )
    return None if number is None else int(number)


def _page(rollouts: list[Rollout]) -> Response:
    return jsonify(page("rollouts", [rollout.to_json() for rollout in rollouts], request))


def _all(calls: VersionCalls, rollouts: Rollouts, model: str) -> list[Rollout]:
    """All rollouts, newest first: the one under way, the committed ones of the ledger, and the aborted ones."""
    ended = [*calls.ledger.entries(model), *rollouts.aborted.all(model)]
    ended.sort(key=lambda rollout: rollout.rolled_at, reverse=True)
    return [*_under_way(calls, model), *ended]


def _find(calls: VersionCalls, rollouts: Rollouts, model: str, identity: str) -> Rollout | None:
    """The rollout of this id or sequence number.

    Several may have tried for one number: the one under way comes first, then the committed, then the newest aborted.
    """
    if identity.isascii() and identity.isdigit():
        tried = [rollout for rollout in _under_way(calls, model) if identity == str(rollout.sequence)]
        entry = None if tried else calls.ledger.numbered(model, int(identity[:9]))
        if entry is not None:
            return entry
        tried += [] if tried else rollouts.aborted.all(model)
        return next((rollout for rollout in tried if identity == str(rollout.sequence)), None)
    rollout = rollouts.find(model, identity) or rollouts.aborted.find(model, identity)
    return rollout or next((entry for entry in calls.ledger.entries(model) if entry.id == identity), None)


def _under_way(calls: VersionCalls, model: str) -> list[Rollout]:
    """The rollout under way, or none."""
    state = calls.models.find(model)
    return [state.rollout] if state is not None and state.rollout is not None else []


def _resolve(calls: VersionCalls, model: str, text: str) -> str:
    try:
        return calls.versions.resolve(model, text)
    except UnknownVersion:
        prefix = normalize_version(text)
        for rejection in calls.versions.rejections(model):
            if rejection.version.startswith(prefix):
                raise VersionRejected(
                    f"version {prefix} of {model!r} was rejected: {rejection.reason}", rejection.to_json()
                ) from None
        raise


def _body(default_reason: str) -> _Body:
    """The body of the request; raises MalformedRequest, BodyTooLarge or TextTooLong."""
    body = read_document(json_object(request), _Body, "the body", MalformedRequest)
    if max(len(body.reason), len(body.by), len(body.on_behalf_of)) > LONGEST_TEXT:
        raise TextTooLong(f"'reason', 'by' and 'on_behalf_of' have at most {LONGEST_TEXT} characters")
    return replace(body, reason=body.reason or default_reason, on_behalf_of=body.on_behalf_of or body.by)


def _wait() -> float:
    text = request.args.get("wait")
    if text is None:
        return 0.0
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= _LONGEST_WAIT_S:
        raise MalformedRequest(f"?wait={text!r} is not a number of seconds from 0 to {_LONGEST_WAIT_S:g}")
    return seconds
