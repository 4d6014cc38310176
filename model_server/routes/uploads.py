"""Reading of uploads (`POST /models/{m}/versions`): a raw body, or `multipart/form-data`, streamed to the spool.

The parts of a form are `artifact` and `manifest`.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from flask import Request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.sansio.multipart import Data, Epilogue, Field, File, MultipartDecoder, NeedData
from werkzeug.sansio.multipart import Event as MultipartEvent

from changeover.exceptions import InvalidManifest
from changeover.manifest.manifest import Draft
from model_server.exceptions import MalformedRequest, UnsupportedBody, UploadIncomplete, UploadTooLarge
from model_server.versions.spool import Spool, Spooled, SpoolFile

_CHUNK = 1 << 20
# The form type is among them since `curl --data-binary` sends it by default; a publish never is such a form.
_RAW = frozenset({"application/octet-stream", "binary/octet-stream", "application/x-www-form-urlencoded", ""})
_LONGEST_NAME = 200
_MANIFEST_LIMIT = 16 * 1024 * 1024
_OVERHEAD = _MANIFEST_LIMIT + 64 * 1024


@dataclass(frozen=True)
class Upload:
    """An upload: the artifact on disk, and the publisher's draft of the manifest."""

    spooled: Spooled
    draft: Draft
    name: str | None


def file_name(text: str | None) -> str | None:
    """The name of an upload as part of a key: without folders and unprintable characters; None if nothing is left."""
    last = (text or "").replace("\\", "/").rpartition("/")[2]
    name = "".join(character for character in last if character.isprintable()).strip()[:_LONGEST_NAME]
    return None if name in {"", ".", ".."} else name


@contextmanager
def receive(request: Request, spool: Spool) -> Iterator[Upload]:
    """Read the request's body; leaving the context deletes the artifact from disk.

    Raises UnsupportedBody, UploadTooLarge, UploadIncomplete, MalformedRequest, InvalidManifest or SpoolFull.
    """
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise UnsupportedBody(
            "send the artifact as it is, without Content-Encoding: its version is the hash of its bytes"
        )
    declared = request.content_length
    if declared is not None and declared > spool.limit + _OVERHEAD:
        raise UploadTooLarge(f"{declared} bytes, an artifact may have {spool.limit} (MAX_MODEL_BYTES)")
    with spool.open() as file:
        if request.mimetype == "multipart/form-data":
            yield _multipart(request, file)
        elif request.mimetype in _RAW:
            yield _raw(request, file)
        else:
            raise UnsupportedBody(
                f"{request.mimetype} is not taken here: send the file as application/octet-stream "
                f"(curl --data-binary @model.joblib), or multipart/form-data with the parts artifact and manifest"
            )


def _raw(request: Request, file: SpoolFile) -> Upload:
    try:
        spooled = file.write_all(iter(lambda: request.stream.read(_CHUNK), b""))
    except (OSError, HTTPException) as error:
        raise UploadIncomplete(f"the upload broke off: {error}; send it again") from error
    declared = request.content_length
    if declared is not None and spooled.size != declared:
        raise UploadIncomplete(f"the upload broke off after {spooled.size} of {declared} bytes; send it again")
    return Upload(spooled, Draft(), None)


def _multipart(request: Request, file: SpoolFile) -> Upload:
    boundary = request.mimetype_params.get("boundary", "").encode("ascii", "replace")
    if not boundary:
        raise MalformedRequest("the Content-Type multipart/form-data names no boundary")
    parts = _Parts(file)
    decoder = MultipartDecoder(boundary, max_form_memory_size=_MANIFEST_LIMIT, max_parts=8)
    try:
        while not parts.complete:
            chunk = request.stream.read(_CHUNK)
            decoder.receive_data(chunk or None)
            event = decoder.next_event()
            while not isinstance(event, NeedData | Epilogue):
                parts.take(event)
                event = decoder.next_event()
            parts.complete = isinstance(event, Epilogue)
    except RequestEntityTooLarge as error:
        raise UploadTooLarge(f"a manifest may have {_MANIFEST_LIMIT} bytes") from error
    except (OSError, ValueError, HTTPException) as error:
        raise UploadIncomplete(f"the upload broke off or is no multipart/form-data: {error}; send it again") from error
    return parts.upload()


class _Parts:
    """The parts of a form: writes the artifact to disk, keeps the manifest in memory."""

    def __init__(self, file: SpoolFile) -> None:
        self._file = file
        self._part = ""
        self._seen: set[str] = set()
        self._manifest = bytearray()
        self._name: str | None = None
        self.complete = False

    def take(self, event: MultipartEvent) -> None:
        """Process one event of the decoder."""
        if isinstance(event, Field | File):
            if event.name not in {"artifact", "manifest"} or event.name in self._seen:
                raise MalformedRequest(f"the part {event.name!r} is not one 'artifact' and at most one 'manifest'")
            self._part = event.name
            self._seen.add(event.name)
            if isinstance(event, File) and event.name == "artifact":
                self._name = event.filename or None
        elif isinstance(event, Data):
            if self._part == "artifact":
                self._file.write(event.data)
            else:
                self._manifest += event.data
                if len(self._manifest) > _MANIFEST_LIMIT:
                    raise UploadTooLarge(f"a manifest may have {_MANIFEST_LIMIT} bytes")

    def upload(self) -> Upload:
        """The upload of all parts."""
        if "artifact" not in self._seen:
            raise MalformedRequest("no part 'artifact': curl -F artifact=@model.joblib -F manifest=@manifest.json")
        try:
            draft = Draft.from_json(json.loads(self._manifest)) if self._manifest else Draft()
        except ValueError as error:
            raise InvalidManifest(f"the part 'manifest' is no JSON: {error}") from error
        return Upload(self._file.finish(), draft, self._name)
