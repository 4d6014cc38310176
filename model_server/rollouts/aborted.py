"""The records of aborted rollouts, with their reasons. Records never change, so this process reads each once.

An unreadable record is skipped, and reported in the log and on `/readyz`.
"""

import json

from changeover.json_types import JsonObject
from changeover.process import log_events
from changeover.protocol.wire import RolloutState
from model_server.exceptions import RecordUnreadable
from model_server.records import LARGEST, Unreadable, read_record, text_of
from model_server.rollouts.rollout import Rollout
from model_server.rollouts.rollout_body import to_json
from object_store import keys
from object_store.bucket import Bucket
from object_store.exceptions import InvalidKey, ObjectMissing, StoreError


class Aborted:
    """The records of all models. Thread-safe."""

    def __init__(self, bucket: Bucket, unreadable: Unreadable) -> None:
        self._bucket = bucket
        self._unreadable = unreadable
        self._bodies: dict[str, JsonObject] = {}

    def record(self, rollout: Rollout) -> None:
        """Write the record. A store failure is logged as a warning only: the rollout is over either way."""
        body = json.dumps(to_json(rollout), indent=1).encode()
        try:
            self._bucket.create(keys.aborted_key(rollout.model, rollout.id), body, "application/json")
        except StoreError as error:
            log_events.event("rollout.unrecorded", level="warning", model=rollout.model, reason=str(error))

    def all(self, model: str) -> list[JsonObject]:
        """Every aborted rollout of `model`, newest first, as JSON bodies; raises StoreError."""
        bodies: list[JsonObject] = []
        unreadable: dict[str, str] = {}
        for item in self._bucket.list(keys.aborted_prefix(model)):
            if keys.parse_aborted(item.key) is None:
                continue
            try:
                bodies.append(self._body(item.key, item.size))
            except RecordUnreadable as error:
                unreadable[item.key] = str(error)
            except ObjectMissing:
                continue
        self._unreadable.listed(keys.aborted_prefix(model), unreadable)
        return bodies[::-1]

    def find(self, model: str, identity: str) -> JsonObject | None:
        """The JSON body of the rollout with this id, or None; raises StoreError."""
        try:
            return self._body(keys.aborted_key(model, identity))
        except (InvalidKey, ObjectMissing, RecordUnreadable):
            return None

    def _body(self, key: str, size: int = 0) -> JsonObject:
        known = self._bodies.get(key)
        if known is None:
            if size > LARGEST:
                raise RecordUnreadable(f"{key} has {size} bytes, a record has {LARGEST} at most")
            known = self._bodies[key] = _checked(key, read_record(self._bucket, key))
        return known


def _checked(key: str, body: JsonObject) -> JsonObject:
    """`body` with strings of bounded length, if it is the record that belongs at `key`; raises RecordUnreadable."""
    parsed = keys.parse_aborted(key)
    if parsed is None or (body.get("model"), body.get("id")) != parsed or not isinstance(body.get("rolled_at"), str):
        raise RecordUnreadable(f"{key} is no record of that aborted rollout")
    if type(body.get("sequence")) is not int or body.get("state") != RolloutState.ABORTED:
        raise RecordUnreadable(f"{key} is no record of an aborted rollout")
    return {name: text_of(body, name) if isinstance(value, str) else value for name, value in body.items()}
