"""The routes of versions: list, manifest, artifact, publish."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Final
from urllib.parse import quote

from flask import Blueprint, Response, jsonify, request

from changeover import digest
from changeover.exceptions import UnknownVersion
from changeover.json_types import Json, JsonObject
from changeover.names import check_model_name
from changeover.protocol.roles import Role
from changeover.protocol.wire import REPR_DIGEST, VersionState
from model_server.access.caller import Caller
from model_server.exceptions import VersionRejected
from model_server.routes import uploads
from model_server.routes.context import VersionCalls
from model_server.routes.guard import Guard
from model_server.routes.paging import page
from model_server.versions.publish import Published, Publisher
from model_server.versions.spool import Spool
from object_store import keys
from object_store.bucket import Bucket
from object_store.exceptions import ObjectMissing

_AT_NEXT_PREPARATION: Final = (
    "replicas that have this version ready go on with its former manifest until they prepare it again: restart predict_api, "
    "or roll to another version and back"
)


def blueprint(calls: VersionCalls, publisher: Publisher, spool: Spool, guard: Guard) -> Blueprint:
    """The routes."""
    routes = Blueprint("versions", __name__)

    @routes.get("/models/<model>/versions")
    def index(model: str) -> Response:
        guard.needs(Role.READ)
        calls.known(model)
        rolled = calls.rolled(model)
        bodies = [calls.body(manifest, rolled) for manifest in calls.versions.manifests(model)]
        bodies += [rejection.to_json() for rejection in calls.versions.rejections(model)]
        bodies.sort(key=lambda body: str(body["created_at"]), reverse=True)
        return jsonify(page("versions", bodies, request))

    @routes.get("/models/<model>/versions/<version>")
    def show(model: str, version: str) -> Response:
        guard.needs_preparation()
        resolved = calls.versions.resolve(calls.known(model), version)
        manifest = calls.versions.manifest(model, resolved)
        state = calls.body(manifest, calls.rolled(model))["state"]
        tombstone = calls.versions.tombstones.read(model, resolved) if state == VersionState.REMOVED else None
        removed = {"removed": tombstone.to_json()} if tombstone is not None else {}
        return jsonify({**manifest.to_json(), "state": state, **removed})

    @routes.get("/models/<model>/versions/<version>/artifact")
    def artifact(model: str, version: str) -> Response:
        guard.needs_preparation()
        resolved = calls.bytes_of(model, version)
        return _stream(calls.bucket, keys.artifact_key(model, resolved), resolved)

    @routes.get("/models/<model>/versions/<version>/twin")
    def twin(model: str, version: str) -> Response:
        guard.needs_preparation()
        resolved = calls.bytes_of(model, version)
        twin_sha256 = (calls.versions.manifest(model, resolved).twin or {}).get("sha256")
        if not isinstance(twin_sha256, str):
            raise UnknownVersion(f"version {resolved} of {model!r} has no twin; its manifest says why")
        return _stream(calls.bucket, keys.twin_key(model, resolved, twin_sha256), twin_sha256)

    @routes.post("/models/<model>/versions")
    def publish(model: str) -> Response:
        caller = guard.needs(Role.PUBLISH)
        check_model_name(model)
        published = receive_version(calls, publisher, spool, model, caller)
        response = jsonify(_published(calls.body(published.manifest, calls.rolled(model)), published))
        response.status_code = 201 if published.created else 200
        response.headers["Location"] = f"/models/{quote(model)}/versions/{published.manifest.version}"
        return response

    return routes


def receive_version(calls: VersionCalls, publisher: Publisher, spool: Spool, model: str, caller: Caller) -> Published:
    """Publish the body of this request; raises as `uploads.receive` and `Publisher.publish` do."""
    header = request.headers.get(REPR_DIGEST)
    expected = digest.parse_repr_digest(header) if header else None
    with uploads.receive(request, spool) as upload:
        name = uploads.file_name(request.args.get("name")) or uploads.file_name(upload.name)
        try:
            published = publisher.publish(model, upload.spooled, upload.draft, _provenance(name, caller), expected)
        except VersionRejected:
            calls.models.get(model)  # the model now exists, so that its list shows the rejection
            raise
    calls.models.get(model)
    return published


def _provenance(name: str | None, caller: Caller) -> JsonObject:
    """The origin of an upload: its name, its caller, and what the caller says of itself (`by` in earlier releases)."""
    on_behalf_of = request.args.get("on_behalf_of") or request.args.get("by", "")
    return {"source": "http", "name": name, "by": caller.name, "on_behalf_of": on_behalf_of[:200]}


def _published(body: JsonObject, published: Published) -> JsonObject:
    """The JSON body of a published version: `body`, with what was added to its manifest."""
    if published.returned:
        body = {**body, "returned": True}
    if not published.updated:
        return body
    notice = [] if body["state"] == VersionState.ADMITTED else [_AT_NEXT_PREPARATION]
    warnings: list[Json] = [*published.manifest.warnings, *notice]
    return {**body, "warnings": warnings, "updated": list[Json](published.updated)}


def _stream(bucket: Bucket, key: str, version: str) -> Response:
    """The response with the object at `key`, whose SHA-256 is `version`."""
    try:
        info = bucket.stat(key)
    except ObjectMissing as error:
        raise UnknownVersion(f"the object {key} is gone from the store") from error
    headers = {REPR_DIGEST: digest.repr_digest(version), "Cache-Control": "no-transform"}
    if request.method == "HEAD":
        response = Response(status=200, headers=headers, content_type="application/octet-stream")
        response.content_length = info.size
        return response
    stack = ExitStack()
    chunks = stack.enter_context(bucket.stream(key, expected=info))
    response = Response(_closing(chunks, stack), headers=headers, content_type="application/octet-stream")
    response.content_length = info.size
    response.call_on_close(stack.close)
    return response


def _closing(chunks: Iterator[bytes], stack: ExitStack) -> Iterator[bytes]:
    with stack:
        yield from chunks
