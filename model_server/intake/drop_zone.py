"""The drop zone: an object under `incoming/` becomes a version or is rejected, within seconds.

An admitted upload leaves `incoming/`, and a mark for it is written under `uploads/`. A rejected upload moves to
`rejected/` with its reason. An object that was overwritten during admission stays for the next poll. `ROLL_INCOMING`
and `model_server/intake/startup.py` decide whether and when an admitted upload is rolled.
"""

import json
from functools import partial

from changeover.json_types import JsonObject
from changeover.manifest.manifest import Draft
from changeover.process import log_events
from changeover.process.clock import rfc3339, utc_now
from model_server.exceptions import UpdateOvertaken, UpdateRefused, UploadTooLarge, VersionRejected
from model_server.intake.startup import Upload
from model_server.problems import Problems
from model_server.records import Unreadable, read_record
from model_server.rollouts.model_state import Models
from model_server.versions.publish import Publisher
from model_server.versions.spool import Spool
from model_server.versions.version_index import Rejection
from model_server.versions.versions import Versions
from object_store import keys
from object_store.bucket import Bucket, ObjectInfo
from object_store.exceptions import ObjectChanged, ObjectMissing


class DropZone:
    """The reader of `incoming/`. Only one thread at a time may call `look`."""

    def __init__(
        self,
        bucket: Bucket,
        models: Models,
        publisher: Publisher,
        versions: Versions,
        spool: Spool,
        default_model: str,
        problems: Problems,
    ) -> None:
        self._bucket = bucket
        self._unreadable = Unreadable(problems)
        self._models = models
        self._publisher = publisher
        self._versions = versions
        self._spool = spool
        self._default_model = default_model
        self._hopeless: set[tuple[str, str]] = set()

    def look(self) -> list[Upload]:
        """Admit or reject every waiting upload; returns the admitted ones. Raises StoreError."""
        admitted = []
        for item in list(self._bucket.list(keys.INCOMING)):
            incoming = keys.parse_incoming(item.key)
            if incoming is None or (item.key, item.etag) in self._hopeless:
                continue
            if isinstance(incoming, keys.InvalidFolder):
                self._hopeless.add((item.key, item.etag))
                log_events.event(
                    "incoming.no_model",
                    level="error",
                    key=item.key,
                    reason=f"{incoming.folder!r} is not a model name: use a-z, 0-9, '-' and '_'",
                )
                continue
            upload = self._take(item, incoming.model or self._default_model, incoming.name)
            if upload is not None:
                admitted.append(upload)
        return admitted

    def marks(self, model: str) -> list[Upload]:
        """Every admitted raw upload of `model`; raises StoreError."""
        readers = [
            (item.key, partial(self._mark, item.key, mark))
            for item in self._bucket.list(keys.uploads_prefix(model))
            if (mark := keys.parse_upload_mark(item.key)) is not None
        ]
        return list(self._unreadable.readable(keys.uploads_prefix(model), readers))

    def _mark(self, key: str, mark: keys.UploadMark) -> Upload:
        model, version, uploaded_at = mark.model, mark.version, mark.uploaded_at
        return read_record(self._bucket, key, Upload, model=model, version=version, uploaded_at=uploaded_at)

    def _take(self, item: ObjectInfo, model: str, name: str) -> Upload | None:
        uploaded_at = rfc3339(item.last_modified)
        provenance: JsonObject = {"source": "incoming", "name": name, "uploaded_at": uploaded_at}
        try:
            if item.size > self._spool.limit:
                raise UploadTooLarge(f"{item.size} bytes, the limit is {self._spool.limit} (MAX_MODEL_BYTES)")
            with self._spool.open() as file:
                with self._bucket.stream(item.key, expected=item) as chunks:
                    spooled = file.write_all(chunks)
                published = self._publisher.publish(model, spooled, Draft(), provenance)
        except (ObjectChanged, ObjectMissing, UpdateOvertaken):
            log_events.event("incoming.changed", key=item.key)
            return None
        except (UploadTooLarge, UpdateRefused) as error:
            self._move(item, model, name, str(error))
            return None
        except VersionRejected:
            self._models.get(model)
            self._remove(item)
            return None
        current = self._models.get(model).current
        sequence = current.sequence if current else 0
        upload = Upload(model, published.manifest.version, uploaded_at, sequence, name, utc_now())
        mark: JsonObject = {
            "version": upload.version,
            "sequence": sequence,
            "name": name,
            "admitted_at": upload.admitted_at,
        }
        key = keys.upload_mark_key(model, uploaded_at, upload.version)
        self._bucket.create(key, json.dumps(mark).encode(), "application/json")
        log_events.event("incoming.admitted", model=model, version=upload.version, name=name)
        self._remove(item)
        return upload

    def _move(self, item: ObjectInfo, model: str, name: str, reason: str) -> None:
        """Reject an upload that exceeds the limit, or that brings no removed version back: the store copies it."""
        rejection = Rejection(
            model=model, name=name, size=item.size, created_at=rfc3339(item.last_modified), reason=reason
        )
        self._bucket.copy(item.key, keys.rejected_key(model, name), expected=item)
        self._bucket.create(
            keys.reason_key(model, name), json.dumps(rejection.to_json(), indent=1).encode(), "application/json"
        )
        self._versions.index.add_rejection(rejection)
        log_events.event("version.rejected", level="warning", model=model, name=name, source="incoming", reason=reason)
        self._remove(item)

    def _remove(self, item: ObjectInfo) -> None:
        """Delete this object from the drop zone; a newer one of the same name stays for the next poll."""
        try:
            if self._bucket.stat(item.key).etag == item.etag:
                self._bucket.delete(item.key)
        except ObjectMissing:
            pass
