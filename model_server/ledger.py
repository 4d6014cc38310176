"""The ledger: who won the next sequence number, and what was live when.

Carries "The ledger is the truth" of the design: what is current is the newest entry, and creating the next number is
the one act that serialises rolls. The hint only says where to begin to look. Entries never change, so they are cached.
"""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from changeover import log_events
from changeover.clock import parse_rfc3339
from changeover.exceptions import ChangeoverError
from changeover.manifest import JsonObject
from changeover.wire import Current, RolloutState
from model_server.backoff import Backoff
from model_server.takeover import Takeover, take_over
from object_store import keys
from object_store.bucket import Bucket
from object_store.exceptions import InvalidKey, ObjectMissing, StoreError, StoreUnavailable

_LIMIT = 64 * 1024


class LedgerDamaged(StoreError):
    """An object in the ledger's place that is no entry."""


@dataclass(frozen=True)
class Entry:
    """One rollout that was committed. `id` tells our own entry from another's of the same number."""

    model: str
    sequence: int
    version: str
    previous: str | None
    rolled_at: str
    by: str
    reason: str
    id: str

    @property
    def current(self) -> Current:
        """What this entry makes current."""
        return Current(self.sequence, self.version)

    def to_json(self) -> JsonObject:
        """The body of a committed rollout, here and on the wire."""
        return {
            "id": self.id,
            "model": self.model,
            "sequence": self.sequence,
            "version": self.version,
            "previous": self.previous,
            "state": RolloutState.COMMITTED.value,
            "reason": self.reason,
            "by": self.by,
            "rolled_at": self.rolled_at,
        }

    @classmethod
    def from_json(cls, model: str, sequence: int, body: bytes) -> Self:
        """Read an entry; raises LedgerDamaged."""
        try:
            members = json.loads(body)
            return cls(
                model=model,
                sequence=sequence,
                version=str(members["version"]),
                previous=members.get("previous"),
                rolled_at=str(members["rolled_at"]),
                by=str(members.get("by", "")),
                reason=str(members.get("reason", "")),
                id=str(members.get("id", sequence)),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise LedgerDamaged(f"{keys.rollout_key(model, sequence)} is no ledger entry: {error}") from error


class LedgerInDoubt(ChangeoverError):
    """An entry that may or may not have been written; the next start finds out."""


class Ledger:
    """The ledgers of all models in one bucket. Thread-safe."""

    def __init__(self, bucket: Bucket, lease_ms: int = 0) -> None:
        self._bucket = bucket
        self._lease_ms = lease_ms
        self._entries: dict[tuple[str, int], Entry] = {}

    def models(self) -> list[str]:
        """Every model that was ever rolled; raises StoreError."""
        found = {keys.parse_current(item.key) for item in self._bucket.list(keys.CURRENT)}
        found |= {folder.removeprefix(keys.ROLLOUTS).rstrip("/") for folder in self._bucket.folders(keys.ROLLOUTS)}
        return sorted(model for model in found if model)

    def newest(self, model: str) -> Entry | None:
        """The entry that says what is current, or None; raises StoreError."""
        hint = self._hint(model)
        after = keys.rollout_key(model, hint) if hint else None
        newest = hint
        for sequence in self._sequences(model, after):
            newest = max(newest, sequence)
        if not newest:
            return None
        try:
            return self.entry(model, newest)
        except ObjectMissing:
            # The hint names an entry that is gone: a store restored from a backup. The ledger is the truth.
            newest = max(self._sequences(model, None), default=0)
            log_events.event("ledger.hint_ahead", level="error", model=model, hint=hint, newest=newest)
            return self.entry(model, newest) if newest else None

    def entry(self, model: str, sequence: int) -> Entry:
        """One entry; raises ObjectMissing or another StoreError."""
        known = self._entries.get((model, sequence))
        if known is None:
            body = self._bucket.read(keys.rollout_key(model, sequence), _LIMIT)
            known = self._entries[model, sequence] = Entry.from_json(model, sequence, body)
        return known

    def numbered(self, model: str, sequence: int) -> Entry | None:
        """The entry of this number, or None; raises StoreError."""
        try:
            return self.entry(model, sequence)
        except (InvalidKey, ObjectMissing):
            return None

    def newer(self, model: str, sequence: int) -> Entry | None:
        """The newest entry above `sequence`, or None: one key is asked for as long as there is none; raises StoreError."""
        following = self.numbered(model, sequence + 1)
        if following is None:
            return None
        newest = self.newest(model)
        return newest if newest is not None and newest.sequence > following.sequence else following

    def has_lost(self, entry: Entry) -> bool:
        """Whether the bucket no longer holds `entry`: emptied, or an older state of it restored. Raises StoreError."""
        try:
            self._bucket.stat(keys.rollout_key(entry.model, entry.sequence))
        except ObjectMissing:
            return True
        return False

    def entries(self, model: str, before: int | None = None) -> Iterator[Entry]:
        """The entries newest first, those below sequence `before` if given; raises StoreError."""
        newest = self.newest(model)
        last = newest.sequence if newest else 0
        start = last if before is None else min(last, before - 1)
        for sequence in range(start, 0, -1):
            try:
                yield self.entry(model, sequence)
            except ObjectMissing:
                continue

    def at(self, model: str, time: str) -> Entry | None:
        """The entry that was the newest at `time` (RFC 3339), or None; raises ValueError or StoreError."""
        moment = parse_rfc3339(time)
        return next((entry for entry in self.entries(model) if parse_rfc3339(entry.rolled_at) <= moment), None)

    def append(self, entry: Entry, stopping: threading.Event) -> Entry:
        """Create `entry`, and return who holds its number now: `entry` itself, or another process's.

        An attempt whose fate is unknown is repeated until it is known: deciding anything without the store would be a
        guess. Raises LedgerInDoubt if `stopping` is set meanwhile, another StoreError if the store refused outright, so
        that the entry was certainly not written.
        """
        key = keys.rollout_key(entry.model, entry.sequence)
        body = json.dumps(entry.to_json()).encode()
        backoff = Backoff(first_s=0.1, longest_s=2.0)
        doubtful = False  # whether the entry may have been written by now
        while True:
            try:
                self._bucket.create(key, body, "application/json")
                doubtful = True
                holder = Entry.from_json(entry.model, entry.sequence, self._bucket.read(key, _LIMIT))
                break
            except LedgerDamaged:
                raise
            except StoreError as error:
                doubtful = doubtful or isinstance(error, StoreUnavailable)
                if not doubtful:
                    raise
                if stopping.is_set():
                    raise LedgerInDoubt(f"stopped before the store said whether {key} was written: {error}") from error
                log_events.event("ledger.retry", level="warning", model=entry.model, reason=str(error))
                backoff.wait(until=stopping)
        self._entries[entry.model, entry.sequence] = holder
        if holder.id == entry.id:
            self._write_hint(entry, self._lease_ms)
        return holder

    def _write_hint(self, entry: Entry, lease_ms: int) -> None:
        hint = {"sequence": entry.sequence, "version": entry.version, "lease_ms": lease_ms}
        try:
            self._bucket.write(keys.current_key(entry.model), json.dumps(hint).encode(), "application/json")
        except StoreError as error:
            log_events.event("ledger.hint_failed", level="warning", model=entry.model, reason=str(error))

    def succeed(self, entry: Entry) -> Takeover:
        """Take over from a former life, `entry` being the newest; raises StoreError.

        What the hint must promise before the first lease is granted, it promises when this returns.
        """
        takeover = take_over(self._read_hint(entry.model), entry.current, self._lease_ms)
        if takeover.hint is not None:
            self._bucket.write(keys.current_key(entry.model), json.dumps(takeover.hint).encode(), "application/json")
        return takeover

    def settle(self, entry: Entry, lease_ms: int) -> None:
        """The leases on entries older than `entry` are over: the hint may name it, still with leases of `lease_ms`."""
        self._write_hint(entry, max(lease_ms, self._lease_ms))

    def follow(self, entry: Entry) -> None:
        """Leases on entries older than `entry`, which another process wrote, are over: the hint may name it.

        Raises StoreError.
        """
        takeover = take_over(self._read_hint(entry.model), entry.current, self._lease_ms)
        if takeover.wait:
            self.settle(entry, takeover.lease_ms)

    def _read_hint(self, model: str) -> JsonObject:
        try:
            hint = json.loads(self._bucket.read(keys.current_key(model), _LIMIT))
        except (ObjectMissing, ValueError):
            return {}
        return hint if isinstance(hint, dict) else {}

    def _hint(self, model: str) -> int:
        sequence = self._read_hint(model).get("sequence")
        return sequence if isinstance(sequence, int) and keys.FIRST_SEQUENCE <= sequence <= keys.LAST_SEQUENCE else 0

    def _sequences(self, model: str, after: str | None) -> Iterator[int]:
        for item in self._bucket.list(keys.rollouts_prefix(model), start_after=after):
            parsed = keys.parse_rollout(item.key)
            if parsed is not None:
                yield parsed[1]
