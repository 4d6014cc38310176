"""The forms of the console: roll, roll back, abort, upload, and a prediction to try a version out."""

from collections.abc import Callable
from typing import Final

from flask import Blueprint, Response, jsonify, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from changeover.names import check_model_name, short
from changeover.protocol.roles import Role
from changeover.protocol.wire import LONGEST_REHEARSAL_S, LONGEST_TEXT
from changeover.tls.calls import CallContexts
from model_server.access.caller import Caller
from model_server.console.parts import Page, Parts
from model_server.console.predict_call import predict
from model_server.console.version_page import row_of_form, version_page
from model_server.exceptions import BodyTooLarge, MalformedRequest, TextTooLong
from model_server.records import LARGEST
from model_server.rollouts.promotion import RollRequest
from model_server.rollouts.rollouts import Rollouts
from model_server.routes.console_frame import Frame, known, register_errors
from model_server.versions.publish import Published

SHORTEST_TYPED: Final = 8  # digits of the hash that a person types to skip a check
Publish = Callable[[str, Caller], Published]  # of the body of this request, as a version of a model


def blueprint(
    parts: Parts,
    frame: Frame,
    rollouts: Rollouts,
    publish: Publish,
    predict_url: str,
    tls: CallContexts | None = None,
) -> Blueprint:
    """The routes; `predict_url` is the address of predict_api, empty if it is not known, and `tls` for https."""
    routes = Blueprint("console_acts", __name__)
    register_errors(routes)
    _rolls(routes, parts, frame, rollouts)

    @routes.post("/ui/models/<model>/versions")
    def upload(model: str) -> AnyResponse:
        caller = frame.caller(Role.PUBLISH)
        published = publish(check_model_name(model), caller)
        location = f"/ui/models/{model}/versions/{published.manifest.version}"
        if request.accept_mimetypes.best == "application/json":
            return jsonify({"location": location})
        return redirect(location, 303)

    @routes.post("/ui/models/<model>/versions/<version>/try")
    def try_out(model: str, version: str) -> Response:
        reader = frame.require(Role.READ)
        state = known(parts, model)
        manifest = parts.versions.manifest(model, parts.versions.resolve(model, version))
        if not predict_url:
            raise MalformedRequest("PREDICT_URL is not set, so there is no predict_api to ask")
        fields = _form()
        tried = predict(predict_url, model, row_of_form(manifest, fields), tls) | {"fields": fields}
        page = version_page(parts, state, manifest) | {"can_try": True, "tried": tried}
        return frame.respond("version.html", page, reader, "models")

    return routes


def _rolls(routes: Blueprint, parts: Parts, frame: Frame, rollouts: Rollouts) -> None:
    @routes.post("/ui/models/<model>/rollouts")
    def roll(model: str) -> AnyResponse:
        caller = frame.caller(Role.ROLL)
        known(parts, model)
        form = _form()
        version = parts.versions.resolve(model, form.get("version", ""))
        allow, skip = (form.get(name) == "true" for name in ("allow_schema_change", "skip_gate"))
        if allow or skip:
            frame.caller(Role.ADMIN)
            _check_typed(form.get("typed", ""), version)
        roll_request = RollRequest(
            caller.name, _reason(form), allow, skip, expected_sequence=_expected(form), rehearse=_rehearse(form)
        )
        rollouts.begin(model, version, roll_request)
        return redirect(f"/ui/models/{model}", 303)

    @routes.post("/ui/models/<model>/rollback")
    def rollback(model: str) -> AnyResponse:
        caller = frame.caller(Role.ROLL)
        known(parts, model)
        form = _form()
        roll_request = RollRequest(caller.name, _reason(form), exempt=True, expected_sequence=_expected(form))
        rollouts.begin(model, rollouts.previous(model), roll_request)
        return redirect(f"/ui/models/{model}", 303)

    @routes.get("/ui/models/<model>/abort")
    def ask_to_abort(model: str) -> Response:
        reader = frame.require(Role.ROLL)
        state = known(parts, model)
        rollout, current = state.rollout, state.current
        same = rollout is not None and rollout.id == request.args.get("rollout")
        page: Page = {
            "model": model,
            "rollout": rollout.to_json() if rollout is not None and same else None,
            "current": current.version if current else None,
        }
        return frame.respond("abort.html", page, reader, "models", twin=None)

    @routes.post("/ui/models/<model>/abort")
    def abort(model: str) -> AnyResponse:
        caller = frame.caller(Role.ROLL)
        known(parts, model)
        form = _form()
        rollouts.abort(model, form.get("rollout", ""), caller.name, _reason(form))
        return redirect(f"/ui/models/{model}", 303)

    @routes.post("/ui/models/<model>/seen")
    def seen(model: str) -> AnyResponse:
        frame.caller(Role.ROLL)
        state = known(parts, model)
        identity = _form().get("rollout", "")
        if any(each.rollout.id == identity for each in parts.ended(state)):
            state.seen.add(identity)
        return redirect(f"/ui/models/{model}", 303)


def _form() -> dict[str, str]:
    """The fields of the form; raises BodyTooLarge."""
    if (request.content_length or 0) > LARGEST:
        raise BodyTooLarge(f"the body of this call may have {LARGEST} bytes")
    request.max_content_length = LARGEST
    return request.form.to_dict()


def _reason(form: dict[str, str]) -> str:
    """The reason; raises MalformedRequest or TextTooLong."""
    reason = form.get("reason", "").strip()
    if not reason:
        raise MalformedRequest("a reason is required: it stands in the ledger")
    if len(reason) > LONGEST_TEXT:
        raise TextTooLong(f"a reason has at most {LONGEST_TEXT} characters")
    return reason


def _rehearse(form: dict[str, str]) -> float | None:
    """The seconds of the rehearsal, None if the form has none; raises MalformedRequest."""
    text = form.get("rehearse", "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and int(text[:9]) <= LONGEST_REHEARSAL_S and len(text) <= 9):
        raise MalformedRequest(f"a rehearsal takes 0 to {LONGEST_REHEARSAL_S:g} seconds")
    return float(text)


def _expected(form: dict[str, str]) -> int:
    """The current sequence that the page showed; raises MalformedRequest."""
    text = form.get("expected_sequence", "")
    if not (text.isascii() and text.isdigit() and len(text) <= 8):
        raise MalformedRequest("the form lacks the current sequence that its page showed: load the page again")
    return int(text)


def _check_typed(typed: str, version: str) -> None:
    """Raise MalformedRequest unless the short hash of the version was typed."""
    text = typed.strip().lower()
    if len(text) < SHORTEST_TYPED or not version.startswith(text):
        raise MalformedRequest(f"to roll past a check, type the hash of the version: {short(version)}")
