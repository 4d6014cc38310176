"""Tombstones: the versions whose bytes were removed, in memory and in the bucket.

A tombstone is created before the bytes are deleted, and a return after they are written again; neither is ever changed
or deleted. Their numbers only grow, also past a write whose outcome is unknown, so such a write changes nothing when it
arrives late. A version is removed if its highest tombstone has a higher number than its highest return.
"""

import json
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from msgspec import Struct

from changeover.json_types import JsonObject
from changeover.names import short
from changeover.process.clock import now, rfc3339
from model_server.exceptions import RecordUnreadable, VersionRemoved
from model_server.records import read_record
from model_server.versions.keyed_locks import Key, KeyedLocks
from object_store.bucket import Bucket, ObjectInfo
from object_store.exceptions import ObjectMissing, StoreError, StoreUnavailable
from object_store.retention_keys import parse_of_version, returned_key, tombstone_key

PUBLISHED_AGAIN_S: Final = 3600.0  # for which a publish of bytes that are there keeps them
_MOST_PUBLISHED: Final = 10_000


class Tombstone(Struct, frozen=True, kw_only=True):
    """The record of a removal: the caller that removed the bytes of a version, the time and the reason."""

    model: str
    version: str
    removed_at: str
    by: str = ""
    on_behalf_of: str = ""
    reason: str = ""

    def to_json(self) -> JsonObject:
        """The JSON form, in the bucket and as `removed` of a version."""
        return {name: getattr(self, name) for name in self.__struct_fields__}


@dataclass(frozen=True)
class _Numbers:
    """What is known of one version: its highest tombstone and return, and the highest number of either that was tried.

    `returned_at` is the time of the newest return, and `bytes_left` whether bytes may be there beside a tombstone.
    """

    removed: int = 0
    returned: int = 0
    tried: int = 0
    returned_at: str = ""
    bytes_left: bool = False
    record: Tombstone | None = None

    @property
    def stands(self) -> bool:
        return self.removed > self.returned


class Tombstones:
    """The tombstones and returns of all versions. Thread-safe.

    `locks` has the lock of a version, which a removal and a publish that brings bytes back hold while they write.
    """

    def __init__(self, bucket: Bucket, clock: Callable[[], float] = now) -> None:
        self._bucket = bucket
        self._clock = clock
        self._mutex = threading.Lock()
        self._known: dict[Key, _Numbers] = {}
        self._published: dict[Key, float] = {}
        self.locks = KeyedLocks()

    def listed(self, items: Iterable[ObjectInfo]) -> None:
        """Take the tombstones, returns and bytes among the objects of versions in a listing."""
        with_bytes: set[Key] = set()
        seen: dict[Key, _Numbers] = {}
        for item in items:
            parsed = parse_of_version(item.key)
            if parsed is None:
                continue
            key = parsed.model, parsed.version
            if parsed.kind == "bytes":
                with_bytes.add(key)
                continue
            seen[key] = _added(seen.get(key, _Numbers()), parsed.kind, parsed.number, item.last_modified)
        with self._mutex:
            for key, numbers in seen.items():
                merged = _merged(self._known.get(key, _Numbers()), numbers)
                self._known[key] = replace(merged, bytes_left=merged.stands and key in with_bytes)

    def stands(self, model: str, version: str) -> bool:
        """Whether the version is removed, as far as this process knows; it knows after the first listing of it."""
        return self._of(model, version).stands

    def refuse(self, model: str, version: str) -> None:
        """Return if the version is not removed; raises VersionRemoved, which says what happened, or StoreError."""
        numbers = self._of(model, version)
        if numbers.stands:
            raise removed(numbers.record or self.read(model, version), model, version)

    def read(self, model: str, version: str) -> Tombstone | None:
        """The tombstone of a removed version, None if it is not removed or cannot be read; raises StoreError."""
        numbers = self._of(model, version)
        if not numbers.stands or numbers.record is not None:
            return numbers.record if numbers.stands else None
        key = tombstone_key(model, version, numbers.removed)
        with suppress(RecordUnreadable, ObjectMissing):
            record = read_record(self._bucket, key, Tombstone, {"removed_at": ""}, model=model, version=version)
            with self._mutex:
                newest = self._known[model, version]
                if newest.removed == numbers.removed:
                    self._known[model, version] = replace(newest, record=record)
            return record
        return None

    def returned_at(self, model: str, version: str) -> str:
        """When the bytes were published again (RFC 3339), an empty string if they never were."""
        return self._of(model, version).returned_at

    def unfinished(self, model: str) -> list[str]:
        """The removed versions of a model whose bytes may be there still: a removal ended early."""
        with self._mutex:
            return [
                version
                for (name, version), each in self._known.items()
                if name == model and each.stands and each.bytes_left
            ]

    def published(self, model: str, version: str) -> bool:
        """Record that the bytes of a version that exists were published again; returns whether it is removed.

        One step: a removal that has not begun by now does not begin for PUBLISHED_AGAIN_S.
        """
        key, time = (model, version), self._clock()
        with self._mutex:
            self._published.pop(key, None)
            while len(self._published) >= _MOST_PUBLISHED:
                del self._published[next(iter(self._published))]
            self._published[key] = time
            return self._known.get(key, _Numbers()).stands

    def published_lately(self, model: str, version: str) -> bool:
        """Whether the bytes were published again in the last PUBLISHED_AGAIN_S."""
        time = self._published.get((model, version))
        return time is not None and self._clock() - time < PUBLISHED_AGAIN_S

    def begin(self, record: Tombstone, *, again: bool = False) -> int:
        """Mark the version as removed in this process, before anything is written; returns the tombstone's number.

        0 if it may not be removed now: it was published again lately, or is removed already (with `again`: is not). From
        this moment on, no rollout of it begins.
        """
        key = record.model, record.version
        with self._mutex:
            numbers = self._known.get(key, _Numbers())
            if numbers.stands is not again or (not again and self.published_lately(*key)):
                return 0
            number = max(numbers.removed, numbers.returned, numbers.tried) + 1
            self._known[key] = replace(numbers, removed=number, tried=number, bytes_left=True, record=record)
        return number

    def create(self, record: Tombstone, number: int, *, again: bool = False) -> None:
        """Create the tombstone with the number of `begin`; raises StoreError.

        If the store refuses it, the version is not removed. If the outcome is unknown, it stays removed in this process,
        and the next removal or publish settles it.
        """
        try:
            self._create(tombstone_key(record.model, record.version, number), record.to_json())
        except StoreUnavailable:
            raise
        except StoreError:
            with self._mutex:
                numbers = self._known[record.model, record.version]
                if not again:
                    numbers = replace(numbers, removed=numbers.returned, record=None)
                self._known[record.model, record.version] = numbers
            raise

    def deleted(self, model: str, version: str) -> None:
        """Record that the bytes of a removed version are gone."""
        with self._mutex:
            self._known[model, version] = replace(self._known[model, version], bytes_left=False)

    def give_back(self, model: str, version: str, by: str, time: str) -> None:
        """Create the return of a version whose bytes are all written again; raises StoreError."""
        with self._mutex:
            numbers = self._known[model, version]
            number = max(numbers.removed, numbers.returned, numbers.tried)
            self._known[model, version] = replace(numbers, tried=number)
        self._create(returned_key(model, version, number), {"returned_at": time, "by": by})
        with self._mutex:
            numbers = self._known[model, version]
            self._known[model, version] = replace(
                numbers, returned=number, returned_at=time, bytes_left=False, record=None
            )

    def _create(self, key: str, body: JsonObject) -> None:
        self._bucket.create(key, json.dumps(body, indent=1).encode(), "application/json")

    def _of(self, model: str, version: str) -> _Numbers:
        return self._known.get((model, version), _Numbers())


def removed(record: Tombstone | None, model: str, version: str) -> VersionRemoved:
    """The error of a call that needs the bytes of a removed version."""
    body: JsonObject = record.to_json() if record is not None else {"model": model, "version": version}
    when = f" on {record.removed_at[:19]}Z by {record.by or 'an unnamed caller'}" if record is not None else ""
    why = f" ({record.reason})" if record is not None and record.reason else ""
    return VersionRemoved(
        f"the bytes of version {short(version)} of {model!r} were removed{when}{why}; its manifest and its rollouts are kept. "
        f"Publish the same bytes again to have it back (changeover push FILE -m {model}; their SHA-256 is {version}), or "
        f"take another version: see GET /models/{model}/versions",
        {"removed": body},
    )


def _added(numbers: _Numbers, kind: str, number: int, time: datetime) -> _Numbers:
    if kind == "removed":
        return replace(numbers, removed=max(number, numbers.removed))
    if number < numbers.returned:
        return numbers
    return replace(numbers, returned=number, returned_at=rfc3339(time))


def _merged(known: _Numbers, listed: _Numbers) -> _Numbers:
    newer = listed.returned > known.returned
    return replace(
        known,
        removed=max(known.removed, listed.removed),
        returned=max(known.returned, listed.returned),
        tried=max(known.tried, listed.removed, listed.returned),
        returned_at=listed.returned_at if newer else known.returned_at,
        record=known.record if listed.removed <= known.removed else None,
    )
