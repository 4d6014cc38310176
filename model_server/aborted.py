"""The rollouts that were aborted, and why. Records never change, so each is read from the store once a life."""

import json

from changeover import log_events
from changeover.manifest import JsonObject
from model_server.rollout import Rollout
from model_server.rollout_body import to_json
from object_store import keys
from object_store.bucket import Bucket
from object_store.exceptions import InvalidKey, ObjectMissing, StoreError

_LIMIT = 64 * 1024


class Aborted:
    """The records of every model. Thread-safe."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._bodies: dict[str, JsonObject] = {}

    def record(self, rollout: Rollout) -> None:
        """Keep it; a store that fails is a warning in the log, for the rollout is over either way."""
        body = json.dumps(to_json(rollout), indent=1).encode()
        try:
            self._bucket.create(keys.aborted_key(rollout.model, rollout.id), body, "application/json")
        except StoreError as error:
            log_events.event("rollout.unrecorded", level="warning", model=rollout.model, reason=str(error))

    def all(self, model: str) -> list[JsonObject]:
        """Every aborted rollout of `model`, newest first, as bodies; raises StoreError."""
        names = [item.key for item in self._bucket.list(keys.aborted_prefix(model))]
        return [self._body(key) for key in reversed(names)]

    def find(self, model: str, identity: str) -> JsonObject | None:
        """The body of the one with this id, if there is one; raises StoreError."""
        try:
            return self._body(keys.aborted_key(model, identity))
        except (InvalidKey, ObjectMissing):
            return None

    def _body(self, key: str) -> JsonObject:
        known = self._bodies.get(key)
        if known is None:
            known = self._bodies[key] = json.loads(self._bucket.read(key, _LIMIT))
        return known
