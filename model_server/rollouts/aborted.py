"""The records of aborted rollouts, with their reasons. Records never change, so this process reads each once.

An unreadable record is skipped, and reported in the log and on `/readyz`.
"""

import json
import threading
from functools import partial

from changeover.process import log_events
from changeover.protocol.wire import RolloutState
from model_server.exceptions import RecordUnreadable
from model_server.ledger.record import Rollout
from model_server.records import Unreadable, read_record
from object_store import keys
from object_store.bucket import Bucket
from object_store.exceptions import InvalidKey, ObjectMissing, StoreError


class Aborted:
    """The records of all models. Thread-safe."""

    def __init__(self, bucket: Bucket, unreadable: Unreadable) -> None:
        self._bucket = bucket
        self._unreadable = unreadable
        self._lock = threading.Lock()  # of the two below
        self._records: dict[str, Rollout] = {}
        self._known: dict[str, list[Rollout]] = {}

    def record(self, rollout: Rollout) -> None:
        """Write the record. A store failure is logged as a warning only: the rollout is over either way."""
        body = json.dumps(rollout.to_json(), indent=1).encode()
        try:
            self._bucket.create(keys.aborted_key(rollout.model, rollout.id), body, "application/json")
        except StoreError as error:
            log_events.event("rollout.unrecorded", level="warning", model=rollout.model, reason=str(error))
        self._remember(keys.aborted_key(rollout.model, rollout.id), rollout)  # after it: an event is of a record

    def known(self, model: str) -> list[Rollout]:
        """The aborted rollouts of `model` that this process recorded or read, unordered."""
        return list(self._known.get(model, ()))

    def all(self, model: str) -> list[Rollout]:
        """Every aborted rollout of `model`, newest first; raises StoreError."""
        readers = [
            (item.key, partial(self._read, item.key))
            for item in self._bucket.list(keys.aborted_prefix(model))
            if keys.parse_aborted(item.key) is not None
        ]
        return list(self._unreadable.readable(keys.aborted_prefix(model), readers))[::-1]

    def find(self, model: str, identity: str) -> Rollout | None:
        """The rollout with this id, or None; raises StoreError."""
        try:
            return self._read(keys.aborted_key(model, identity))
        except (InvalidKey, ObjectMissing, RecordUnreadable):
            return None

    def _read(self, key: str) -> Rollout:
        record = self._records.get(key)
        if record is None:
            record = read_record(self._bucket, key, Rollout)
            if (record.model, record.id) != keys.parse_aborted(key) or record.state is not RolloutState.ABORTED:
                raise RecordUnreadable(f"{key} is no record of that aborted rollout")
            self._remember(key, record)
        return record

    def _remember(self, key: str, record: Rollout) -> None:
        with self._lock:
            if key not in self._records:
                self._records[key] = record
                self._known.setdefault(record.model, []).append(record)
