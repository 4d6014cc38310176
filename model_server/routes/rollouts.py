"""The routes of rollouts: roll, roll back, and the list of rollouts."""

from dataclasses import replace

from flask import Blueprint, Response, jsonify, request

from changeover.exceptions import UnknownVersion
from changeover.json_types import JsonObject
from changeover.names import normalize_version
from changeover.process.clock import parse_rfc3339
from changeover.protocol.wire import LONGEST_TEXT, RolloutState
from model_server.auth import Gate, Right
from model_server.exceptions import MalformedRequest, TextTooLong, UnknownModel, VersionRejected
from model_server.rollouts.promotion import Asked
from model_server.rollouts.rollout import Rollout
from model_server.rollouts.rollout_body import to_json
from model_server.rollouts.rollout_loop import Rollouts
from model_server.routes.bodies import json_object
from model_server.routes.context import VersionCalls
from model_server.routes.paging import page

_LONGEST_WAIT_S = 600.0


def blueprint(calls: VersionCalls, rollouts: Rollouts, gate: Gate) -> Blueprint:
    """The routes."""
    routes = Blueprint("rollouts", __name__)

    @routes.post("/models/<model>/rollouts")
    def roll(model: str) -> Response:
        gate.check(Right.CHANGE, request.headers.get("Authorization"), request.remote_addr)
        body, wait_s = json_object(request), _wait()
        version = body.get("version")
        if not isinstance(version, str):
            raise MalformedRequest('send {"version": "<sha256 or a prefix of 8 or more>", "reason": "..."}')
        asked = _asked(body, "rolled over HTTP")
        whole = _resolve(calls, calls.known(model), version)
        asked = replace(
            asked, allow_schema_change=_flag(body, "allow_schema_change"), skip_gate=_flag(body, "skip_gate")
        )
        return _begin(model, whole, asked, wait_s)

    @routes.post("/models/<model>/rollback")
    def rollback(model: str) -> Response:
        gate.check(Right.CHANGE, request.headers.get("Authorization"), request.remote_addr)
        body, wait_s = json_object(request), _wait()
        asked = replace(_asked(body, "rollback"), exempt=True)
        return _begin(model, rollouts.previous(calls.known(model)), asked, wait_s)

    @routes.get("/models/<model>/rollouts")
    def ledger(model: str) -> Response:
        gate.check(Right.READ, request.headers.get("Authorization"), request.remote_addr)
        calls.known(model)
        time = request.args.get("at")
        if time is None:
            return jsonify(page("rollouts", _history(calls, rollouts, model), request))
        try:
            parse_rfc3339(time)
        except ValueError as error:
            raise MalformedRequest(f"?at={time!r} is not RFC 3339 (2026-01-31T12:00:00Z): {error}") from error
        entry = calls.ledger.at(model, time)
        return jsonify(page("rollouts", [entry.to_json()] if entry else [], request))

    @routes.get("/models/<model>/rollouts/<identity>")
    def one(model: str, identity: str) -> Response:
        gate.check(Right.READ, request.headers.get("Authorization"), request.remote_addr)
        calls.known(model)
        body = _one(calls, rollouts, model, identity)
        if body is not None:
            return jsonify(body)
        raise UnknownModel(f"model {model!r} has no rollout {identity!r}; see GET /models/{model}/rollouts")

    def _begin(model: str, version: str, asked: Asked, wait_s: float) -> Response:
        rollout = rollouts.begin(model, version, asked)
        if wait_s > 0:
            rollout = rollouts.wait(model, rollout, wait_s)
        response = jsonify(_told(calls, model, rollout))
        response.status_code = 200 if rollout.over else 202
        response.headers["Location"] = f"/models/{model}/rollouts/{rollout.id}"
        return response

    return routes


def _history(calls: VersionCalls, rollouts: Rollouts, model: str) -> list[JsonObject]:
    """All rollouts, newest first: the one under way, the committed ones of the ledger, and the aborted ones."""
    bodies: list[JsonObject] = [entry.to_json() for entry in calls.ledger.entries(model)]
    bodies += rollouts.aborted.all(model)
    bodies.sort(key=lambda body: str(body["rolled_at"]), reverse=True)
    under_way = _under_way(calls, model)
    return bodies if under_way is None else [to_json(under_way), *bodies]


def _one(calls: VersionCalls, rollouts: Rollouts, model: str, identity: str) -> JsonObject | None:
    """The rollout of this id or sequence number.

    Several may have tried for one number: the one under way comes first, then the committed, then the newest aborted.
    """
    if identity.isascii() and identity.isdigit():
        under_way = _under_way(calls, model)
        if under_way is not None and identity == str(under_way.sequence):
            return to_json(under_way)
        entry = calls.ledger.numbered(model, int(identity[:9]))
        if entry is not None:
            return entry.to_json()
        return next((body for body in rollouts.aborted.all(model) if identity == str(body["sequence"])), None)
    found = rollouts.find(model, identity)
    if found is not None:
        entry = calls.ledger.numbered(model, found.sequence) if found.state is RolloutState.COMMITTED else None
        return entry.to_json() if entry is not None else to_json(found)
    aborted = rollouts.aborted.find(model, identity)
    if aborted is not None:
        return aborted
    return next((entry.to_json() for entry in calls.ledger.entries(model) if entry.id == identity), None)


def _under_way(calls: VersionCalls, model: str) -> Rollout | None:
    state = calls.models.find(model)
    return state.rollout if state else None


def _told(calls: VersionCalls, model: str, rollout: Rollout) -> JsonObject:
    """The JSON body of a rollout; for a committed one, from its ledger entry."""
    state = calls.models.find(model)
    entry = state.entry if state else None
    return entry.to_json() if entry is not None and entry.id == rollout.id else to_json(rollout)


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


def _asked(body: JsonObject, default: str) -> Asked:
    reason, by = body.get("reason", default), body.get("by", "http")
    if not isinstance(reason, str) or not isinstance(by, str):
        raise MalformedRequest("'reason' and 'by' are texts")
    if max(len(reason), len(by)) > LONGEST_TEXT:
        raise TextTooLong(f"'reason' and 'by' are texts of at most {LONGEST_TEXT} characters")
    return Asked(by=by, reason=reason or default)


def _flag(body: JsonObject, name: str) -> bool:
    value = body.get(name, False)
    if not isinstance(value, bool):
        raise MalformedRequest(f"{name!r} is true or false")
    return value


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
