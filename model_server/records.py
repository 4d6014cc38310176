"""Reading of small JSON records from the bucket: one unreadable record does not make the others unreadable.

A list skips the records that cannot be read. The log names each of them once. `/readyz` names them for as long as the
list has them.
"""

import json
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeVar

from changeover.exceptions import InvalidManifest, UnknownVersion
from changeover.json_documents import read_document
from changeover.json_types import Json, JsonObject
from changeover.process import log_events
from changeover.protocol.wire import LONGEST_TEXT
from model_server.exceptions import RecordUnreadable
from model_server.problems import Problems, Topic
from object_store.bucket import Bucket
from object_store.exceptions import ObjectMissing, ObjectTooLarge

LARGEST: Final = 64 * 1024  # bytes of one record
_NAMED: Final = 3

Record = TypeVar("Record")


def read_object(bucket: Bucket, key: str, largest: int = LARGEST) -> JsonObject:
    """The JSON object at `key`; raises RecordUnreadable, ObjectMissing or another StoreError."""
    return object_of(key, read_content(bucket, key, largest))


def read_content(bucket: Bucket, key: str, largest: int = LARGEST) -> bytes:
    """The bytes at `key`; raises RecordUnreadable, ObjectMissing or another StoreError."""
    try:
        return bucket.read(key, largest)
    except ObjectTooLarge as error:
        raise RecordUnreadable(f"{key} is larger than the {largest} bytes of a record") from error


def object_of(key: str, content: bytes) -> JsonObject:
    """The JSON object that was read at `key`; raises RecordUnreadable."""
    try:
        body = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise RecordUnreadable(f"{key} is no JSON: {str(error)[:200]}") from error
    if not isinstance(body, dict):
        raise RecordUnreadable(f"{key} is no JSON object")
    return body


def read_record(
    bucket: Bucket,
    key: str,
    kind: type[Record],
    defaults: JsonObject | None = None,
    *,
    largest: int = LARGEST,
    **known: Json,
) -> Record:
    """The record at `key`, of `largest` bytes at most, its strings cut to LONGEST_TEXT characters; `known` replaces its members.

    Unknown members of later releases are ignored. Raises RecordUnreadable, which names the member, ObjectMissing or
    another StoreError.
    """
    return record_of(key, read_content(bucket, key, largest), kind, defaults, **known)


def record_of(
    key: str, content: bytes, kind: type[Record], defaults: JsonObject | None = None, **known: Json
) -> Record:
    """The same for bytes that were read at `key`; raises RecordUnreadable."""
    members = {**(defaults or {}), **object_of(key, content), **known}
    cut = {name: value[:LONGEST_TEXT] if isinstance(value, str) else value for name, value in members.items()}
    return read_document(cut, kind, f"{key}: {kind.__name__.lower()}", RecordUnreadable)


class Unreadable:
    """The records that lists skip; `/readyz` shows `problems`. Thread-safe."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._logged: set[str] = set()
        self._lock = threading.Lock()

    def readable(
        self,
        folder: str,
        readers: Iterable[tuple[str, Callable[[], Record]]],
        remedy: str = "restore or remove them",
    ) -> Iterator[Record]:
        """The records of `folder` that can be read; `readers` are the key and the reader of each.

        Reports the others at the end; `remedy` is the operator's next step. Raises StoreError.
        """
        unreadable: dict[str, str] = {}
        for key, read in readers:
            try:
                record = read()
            except (RecordUnreadable, InvalidManifest) as error:
                unreadable[key] = str(error)
            except (ObjectMissing, UnknownVersion):
                continue  # it was removed since it was listed
            else:
                yield record
        self._report(folder, unreadable, remedy)

    def _report(self, folder: str, unreadable: dict[str, str], remedy: str) -> None:
        if not unreadable:
            self._problems.clear(Topic.RECORDS, folder)
            return
        with self._lock:
            unknown = [key for key in unreadable if key not in self._logged]
            self._logged.update(unknown)
        for key in unknown:
            log_events.event("record.unreadable", level="warning", key=key, reason=unreadable[key])
        reasons = "; ".join(list(unreadable.values())[:_NAMED])
        text = f"{len(unreadable)} cannot be read and are passed over, {remedy}: {reasons}"
        self._problems.set(Topic.RECORDS, text, folder)
