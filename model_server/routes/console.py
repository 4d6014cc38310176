"""The pages of the console, `/ui/`: each as HTML, and as JSON at the same address with `.json`."""

import hashlib

from flask import Blueprint, Response, redirect, request
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as AnyResponse

from changeover.names import check_model_name
from changeover.protocol.roles import Role
from model_server.console import history, overview, version_list
from model_server.console.assets import ASSETS
from model_server.console.behaviour import behaviour
from model_server.console.comparison import comparison, preview
from model_server.console.live import live
from model_server.console.parts import Page, Parts
from model_server.console.version_page import version_page
from model_server.exceptions import MalformedRequest
from model_server.rollouts.model_state import ModelState
from model_server.routes.console_frame import Frame, Reader, html, known, register_errors

_CANDIDATES = 20


def blueprint(parts: Parts, frame: Frame, *, can_try: bool) -> Blueprint:
    """The routes; `can_try` is whether the address of predict_api is known."""
    routes = Blueprint("console", __name__)
    register_errors(routes)
    _of_all_models(routes, parts, frame)
    _of_one_model(routes, parts, frame)
    _of_versions(routes, parts, frame, can_try)

    @routes.get("/ui/static/<digest>/<name>")
    def static(digest: str, name: str) -> Response:
        asset = ASSETS.get(name)
        if asset is None or digest != asset.digest:
            raise NotFound
        packed = "gzip" in request.headers.get("Accept-Encoding", "")
        response = Response(asset.packed if packed else asset.body, content_type=asset.media_type)
        response.headers.update({"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"})
        response.headers["X-Content-Type-Options"] = "nosniff"
        if packed:
            response.headers["Content-Encoding"] = "gzip"
        return response

    return routes


def _of_all_models(routes: Blueprint, parts: Parts, frame: Frame) -> None:
    @routes.get("/ui")
    def bare() -> AnyResponse:
        return redirect("/ui/", 308)

    @routes.get("/ui/")
    @routes.get("/ui.json")
    def models() -> Response:
        reader = frame.require(Role.READ, selects=True)
        parts.models.require_ready()
        page = overview.overview(parts, reader.may_use, request.args.get("after"), request.args.get("q"))
        return frame.respond("models.html", page, reader, "models")

    @routes.get("/ui/rejected")
    @routes.get("/ui/rejected.json")
    def rejected() -> Response:
        reader = frame.require(Role.READ, selects=True)
        parts.models.require_ready()
        return frame.respond(
            "rejected.html", overview.refused(parts, reader.may_use, request.args.get("before")), reader, "rejected"
        )

    @routes.get("/ui/audit")
    @routes.get("/ui/audit.json")
    def audit() -> Response:
        reader = frame.require(Role.READ, selects=True)
        parts.models.require_ready()
        return frame.respond(
            "audit.html", history.audit(parts, reader.may_use, request.args.get("before")), reader, "audit"
        )

    @routes.get("/ui/upload")
    def upload() -> Response:
        model = request.args.get("model", "")
        reader = frame.require(Role.PUBLISH, model=model)
        return frame.respond("upload.html", {"model": check_model_name(model)}, reader)


def _of_one_model(routes: Blueprint, parts: Parts, frame: Frame) -> None:
    @routes.get("/ui/models/<model>")
    @routes.get("/ui/models/<model>.json")
    def model(model: str) -> Response:
        reader = frame.require(Role.READ)
        return model_response(parts, frame, reader, known(parts, model))

    @routes.get("/ui/models/<model>/live")
    def live_part(model: str) -> Response:
        reader = frame.require(Role.READ)
        data = live(parts, known(parts, model))
        shown = sentence_digest(data)
        changed, since = request.args.get("shown") != shown, request.args.get("since", "")
        return html("live_update.html", {}, reader=reader, live=data, shown=shown, changed=changed, since=since)

    @routes.get("/ui/models/<model>/live.json")
    def live_twin(model: str) -> Response:
        reader = frame.require(Role.READ)
        return frame.respond("", live(parts, known(parts, model)), reader)

    @routes.get("/ui/models/<model>/compare")
    @routes.get("/ui/models/<model>/compare.json")
    def compare(model: str) -> Response:
        reader = frame.require(Role.READ)
        state = known(parts, model)
        a, b = (parts.versions.manifest(model, _version(parts, model, name)) for name in ("a", "b"))
        page = comparison(a, b) | {"current": state.current.version if state.current else None}
        return frame.respond("compare.html", page, reader, "models")

    @routes.get("/ui/models/<model>/roll")
    @routes.get("/ui/models/<model>/roll.json")
    def roll(model: str) -> Response:
        reader = frame.require(Role.READ)
        state = known(parts, model)
        candidate = parts.versions.manifest(model, _version(parts, model, "version"))
        return frame.respond("roll.html", preview(parts, state, candidate), reader, "models")


def _of_versions(routes: Blueprint, parts: Parts, frame: Frame, can_try: bool) -> None:
    @routes.get("/ui/models/<model>/versions/<version>")
    @routes.get("/ui/models/<model>/versions/<version>.json")
    def version(model: str, version: str) -> Response:
        reader = frame.require(Role.READ)
        state = known(parts, model)
        manifest = parts.versions.manifest(model, parts.versions.resolve(model, version))
        page = version_page(parts, state, manifest) | {"can_try": can_try, "tried": None}
        return frame.respond("version.html", page, reader, "models")


def model_response(parts: Parts, frame: Frame, reader: Reader, state: ModelState) -> Response:
    """The page of one model."""
    arguments = request.args
    data = live(parts, state)
    page: Page = {
        "model": state.name,
        "default": state.name == parts.default_model,
        "pinned": parts.pins.get(state.name),
        "live": data,
        "behaviour": behaviour(parts, state),
        "ledger": history.history(parts, state, *(arguments.get(name) for name in ("before", "day", "at"))),
        "versions": version_list.versions(parts, state, arguments.get("older")),
        "act": _act(parts, state),
    }
    return frame.respond(
        "model.html", page, reader, "models", live=data, shown=sentence_digest(data), since=data["ended"]
    )


def sentence_digest(data: Page) -> str:
    """The digest of the sentence, by which a page shows that it has it already."""
    return hashlib.sha256(str(data["verdict"]).encode()).hexdigest()[:12]


def _act(parts: Parts, state: ModelState) -> Page:
    """What may be rolled: the previous version with a preview, and the newest versions that are not current."""
    entry = state.entry
    previous = parts.manifest(state.name, entry.previous if entry else None)
    newest = parts.index.newest(state.name, _CANDIDATES + 1)
    gone = parts.versions.tombstones
    return {
        "rollback": preview(parts, state, previous, rollback=True) if previous else None,
        "candidates": [
            {"version": each.version, "created_at": each.created_at}
            for each in newest
            if (entry is None or each.version != entry.version) and not gone.stands(state.name, each.version)
        ][:_CANDIDATES],
    }


def _version(parts: Parts, model: str, name: str) -> str:
    text = request.args.get(name, "")
    if not text:
        raise MalformedRequest(f"the address lacks ?{name}=<version>")
    return parts.versions.resolve(model, text)
