"""The outbox: in the bucket, the events that no other record has, until every address has taken them."""

import threading
from functools import partial
from typing import Final

import msgspec

from model_server.problems import Problems
from model_server.records import Unreadable, read_record
from model_server.webhooks.event import Event
from object_store import keys
from object_store.bucket import Bucket

_MOST: Final = 10_000  # events in memory that are not in the bucket yet, as while the store is down


class Outbox:
    """The outbox. `add` may be called by any thread and does not wait; the others are for the loop of webhooks."""

    def __init__(self, bucket: Bucket, problems: Problems) -> None:
        self._bucket = bucket
        self._unreadable = Unreadable(problems)
        self._lock = threading.Lock()
        self._new: dict[str, Event] = {}
        self._stored: dict[str, Event] = {}

    def add(self, event: Event) -> None:
        """Add an event. It is sent once it is in the bucket; a crash within the second before may lose it."""
        with self._lock:
            if len(self._new) < _MOST:
                self._new.setdefault(event.id, event)

    def read(self) -> None:
        """Read what a previous run left; raises StoreError."""
        readers = [
            (item.key, partial(read_record, self._bucket, item.key, Event))
            for item in self._bucket.list(keys.outbox_prefix())
        ]
        self._stored |= {event.id: event for event in self._unreadable.readable(keys.outbox_prefix(), readers)}

    def store(self) -> list[Event]:
        """Write the new events into the bucket; returns all that are there. Raises StoreError."""
        with self._lock:
            new = list(self._new.values())
        for event in new:
            self._bucket.create(keys.outbox_key(event.id), msgspec.json.encode(event), "application/json")
            self._stored[event.id] = event
            with self._lock:
                del self._new[event.id]
        return list(self._stored.values())

    def remove(self, event: Event) -> None:
        """Remove an event that every address has taken; raises StoreError."""
        self._bucket.delete(keys.outbox_key(event.id))
        self._stored.pop(event.id, None)
