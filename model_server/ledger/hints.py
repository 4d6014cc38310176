"""The hints beside the ledgers: the newest sequence of each model, and the longest lease that may be out.

A hint is never the truth: each client that may write into the bucket can write one.
"""

import json

from changeover.json_types import JsonObject
from changeover.process import log_events
from model_server.exceptions import RecordUnreadable
from model_server.ledger.record import Rollout
from model_server.ledger.takeover import Takeover, take_over
from model_server.records import read_object
from object_store import keys
from object_store.bucket import Bucket
from object_store.exceptions import ObjectMissing, StoreError


class Hints:
    """The hints of all models in one bucket; `lease_ms` is the length of new leases."""

    def __init__(self, bucket: Bucket, lease_ms: int) -> None:
        self._bucket, self._lease_ms = bucket, lease_ms

    def sequence(self, model: str) -> int:
        """The sequence in the hint of a model, 0 without a valid one; raises StoreError."""
        sequence = self._read(model).get("sequence")
        return sequence if isinstance(sequence, int) and keys.FIRST_SEQUENCE <= sequence <= keys.LAST_SEQUENCE else 0

    def write(self, entry: Rollout, lease_ms: int | None = None) -> None:
        """Write `entry` into the hint, with leases of `lease_ms` (default: new ones). A failure is logged."""
        lease_ms = self._lease_ms if lease_ms is None else lease_ms
        hint = {"sequence": entry.sequence, "version": entry.version, "lease_ms": lease_ms}
        try:
            self._bucket.write(keys.current_key(entry.model), json.dumps(hint).encode(), "application/json")
        except StoreError as error:
            log_events.event("ledger.hint_failed", level="warning", model=entry.model, reason=str(error))

    def succeed(self, entry: Rollout) -> Takeover:
        """Take over from the previous run, with `entry` as the newest; raises StoreError.

        The hint is up to date when this returns, as it must be before model_server grants the first lease.
        """
        takeover = take_over(self._read(entry.model), entry.current, self._lease_ms)
        if takeover.hint is not None:
            self._bucket.write(keys.current_key(entry.model), json.dumps(takeover.hint).encode(), "application/json")
        return takeover

    def settle(self, entry: Rollout, lease_ms: int) -> None:
        """Write `entry` into the hint, with leases of `lease_ms` at least: the leases on older entries are over."""
        self.write(entry, max(lease_ms, self._lease_ms))

    def follow(self, entry: Rollout) -> None:
        """Write `entry`, of another process, into the hint: the leases on older entries are over.

        Raises StoreError.
        """
        takeover = take_over(self._read(entry.model), entry.current, self._lease_ms)
        if takeover.wait:
            self.settle(entry, takeover.lease_ms)

    def _read(self, model: str) -> JsonObject:
        try:
            return read_object(self._bucket, keys.current_key(model))
        except (ObjectMissing, RecordUnreadable):
            return {}
