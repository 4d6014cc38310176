"""Holds: callers that need the bytes of a version for a time, such as a bulk run on several machines.

A hold is an object whose key has its end, so that it outlasts a restart and a listing tells all. It ends by itself.
"""

import json
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from changeover.process.clock import rfc3339, utc_now
from model_server.exceptions import HoldsFull, MalformedRequest
from model_server.versions.versions import Versions
from object_store.bucket import Bucket
from object_store.retention_keys import HOLD_NAME, HoldKey, hold_key, holds_prefix, parse_hold

MOST_HOLDS: Final = 1000  # of one model


class Holds:
    """The holds in the bucket. Thread-safe."""

    def __init__(self, bucket: Bucket, versions: Versions, clock: Callable[[], str] = utc_now) -> None:
        """`clock` gives the time as RFC 3339 in UTC, to the microsecond."""
        self._bucket = bucket
        self._versions = versions
        self._clock = clock
        self._mutex = threading.Lock()
        self._known: dict[str, set[HoldKey]] = {}

    def place(self, model: str, version: str, name: str, seconds: float, by: str) -> HoldKey:
        """Hold the bytes of a version for `seconds` from now; the same name again prolongs its hold.

        Raises MalformedRequest, HoldsFull, VersionRemoved, UnknownVersion or StoreError.
        """
        if not HOLD_NAME.fullmatch(name):
            raise MalformedRequest(f"{name[:128]!r} is no name of a hold: write letters, digits and ._- (128 at most)")
        until = rfc3339(datetime.fromisoformat(self._clock()) + timedelta(seconds=seconds))
        hold = HoldKey(model, version, until, name)
        with self._versions.tombstones.locks.held((model, version)):
            self._versions.with_bytes(model, version)
            before = self._of(model)
            earlier = {each for each in before if (each.version, each.name) == (version, name)}
            if not earlier and len(before) >= MOST_HOLDS:
                raise HoldsFull(
                    f"model {model!r} has {MOST_HOLDS} holds; each ends by itself, wait or end some of them"
                )
            body = json.dumps({"by": by, "held_at": self._clock()}).encode()
            self._bucket.create(hold_key(hold), body, "application/json")
            with self._mutex:
                self._known.setdefault(model, set()).add(hold)
        self._delete(earlier - {hold})
        return hold

    def end(self, model: str, version: str, name: str) -> None:
        """End a hold; one that is over is no error. Raises StoreError."""
        self._delete({each for each in self._of(model) if (each.version, each.name) == (version, name)})

    def read(self, model: str) -> None:
        """Read the holds of a model in the bucket, and delete those that are over; raises StoreError."""
        listed = [parse_hold(item.key) for item in self._bucket.list(holds_prefix(model))]
        with self._mutex:
            known = self._known.setdefault(model, set())
            known.update(hold for hold in listed if hold is not None)
            over = {hold for hold in known if hold.until <= self._clock()}
        self._delete(over)

    def of(self, model: str, version: str) -> HoldKey | None:
        """A hold on a version that is not over, as far as this process knows; None if there is none."""
        time = self._clock()
        with self._mutex:
            known = self._known.get(model, set())
            return next((hold for hold in known if hold.version == version and hold.until > time), None)

    def versions(self, model: str) -> dict[str, str]:
        """The held versions of a model, each with the reason by which it is kept."""
        time = self._clock()
        with self._mutex:
            held = [hold for hold in self._known.get(model, set()) if hold.until > time]
        return {hold.version: f"held by {hold.name[:64]} until {hold.until[:19]}Z" for hold in held}

    def _of(self, model: str) -> set[HoldKey]:
        with self._mutex:
            known = model in self._known
        if not known:
            self.read(model)
        with self._mutex:
            return set(self._known.get(model, set()))

    def _delete(self, holds: set[HoldKey]) -> None:
        for hold in holds:
            self._bucket.delete(hold_key(hold))
            with self._mutex:
                self._known.get(hold.model, set()).discard(hold)
