"""The ledger of a model: the append-only list of its committed rollouts, in the bucket.

The newest entry is current. Two processes that roll at the same time both try to create the next number, and the store
lets only one of them succeed. Only consecutive numbers count (`model_server/ledger/numbers.py`). Entries never change,
so this process caches them.
"""

import json
import threading
from collections.abc import Iterator
from functools import partial

from changeover.exceptions import ChangeoverError
from changeover.json_types import JsonObject
from changeover.names import MODEL_NAME
from changeover.process import log_events
from changeover.process.clock import parse_rfc3339
from changeover.protocol.wire import RolloutState
from model_server.backoff import Backoff
from model_server.exceptions import RecordUnreadable
from model_server.ledger.numbers import Numbers, count
from model_server.ledger.record import Rollout
from model_server.ledger.takeover import Takeover, take_over
from model_server.problems import Problems
from model_server.records import Unreadable, read_object, read_record
from object_store import keys
from object_store.bucket import Bucket
from object_store.exceptions import InvalidKey, ObjectMissing, StoreError, StoreUnavailable


class LedgerLost(StoreError):
    """Entries that are gone from the bucket and not in this process's cache."""


class LedgerInDoubt(ChangeoverError):
    """An entry that the store may or may not have written; the next start reads the ledger and knows."""


class Ledger:
    """The ledgers of all models in one bucket. Thread-safe."""

    def __init__(self, bucket: Bucket, lease_ms: int = 0, problems: Problems | None = None) -> None:
        self._bucket = bucket
        self._unreadable = Unreadable(problems or Problems())
        self._lease_ms = lease_ms
        self._entries: dict[tuple[str, int], Rollout] = {}
        self._counted: dict[str, int] = {}
        self._strays: dict[str, int] = {}

    def models(self) -> list[str]:
        """Every model that has a rollout in its ledger; raises StoreError."""
        names = {keys.parse_current(item.key) for item in self._bucket.list(keys.CURRENT)}
        names |= {folder.removeprefix(keys.ROLLOUTS).rstrip("/") for folder in self._bucket.folders(keys.ROLLOUTS)}
        return sorted(model for model in names if model and MODEL_NAME.fullmatch(model))

    def newest(self, model: str) -> Rollout | None:
        """The entry that is current, or None; raises RecordUnreadable or another StoreError."""
        newest = self.look(model)
        return self.entry(model, newest) if newest else None

    def look(self, model: str) -> int:
        """The newest number that counts, 0 for none; records the first entry beyond a missing one. Raises StoreError."""
        counted = self._counted.get(model, 0)
        after = keys.rollout_key(model, counted) if counted else None
        numbers = count(self._sequences(model, after), counted, 0)
        if not counted and numbers.stray and not numbers.newest:
            numbers = count(self._sequences(model, None), 0, self._hint(model))
        self._note(model, numbers)
        return numbers.newest

    def stray(self, model: str) -> str | None:
        """The key of the first entry beyond a missing one, or None, as of the last `look`. Such an entry never counts."""
        stray = self._strays.get(model)
        return keys.rollout_key(model, stray) if stray else None

    def last_good(self, model: str) -> Rollout | None:
        """The newest readable entry below an unreadable newest one; raises StoreError.

        None if the hint names a newer entry: that one was current already, and the pointer must not go back.
        """
        newest = self.look(model)
        for sequence in range(newest - 1, self._hint(model) - 1, -1):
            try:
                return self.entry(model, sequence)
            except (InvalidKey, RecordUnreadable, ObjectMissing):
                continue
        return None

    def entry(self, model: str, sequence: int) -> Rollout:
        """One entry; raises ObjectMissing, RecordUnreadable or another StoreError."""
        known = self._entries.get((model, sequence))
        if known is None:
            known = self._entries[model, sequence] = self._read(model, sequence)
        return known

    def _read(self, model: str, sequence: int) -> Rollout:
        """The entry in the bucket; raises as `entry`. Entries of other writers may lack an id."""
        key = keys.rollout_key(model, sequence)
        state = RolloutState.COMMITTED.value
        entry = read_record(
            self._bucket, key, Rollout, {"id": str(sequence)}, model=model, sequence=sequence, state=state
        )
        try:
            parse_rfc3339(entry.rolled_at)
        except ValueError as error:
            raise RecordUnreadable(f"{key}: rollout.rolled_at: {error}") from error
        return entry

    def numbered(self, model: str, sequence: int) -> Rollout | None:
        """The entry of this number, or None; raises StoreError."""
        try:
            return self.entry(model, sequence)
        except (InvalidKey, ObjectMissing):
            return None

    def newer(self, model: str, sequence: int) -> Rollout | None:
        """The newest entry above `sequence`, or None. Costs one read if there is none. Raises StoreError."""
        next_entry = self.numbered(model, sequence + 1)
        if next_entry is None:
            return None
        newest = self.newest(model)
        return newest if newest is not None and newest.sequence > next_entry.sequence else next_entry

    def has_lost(self, entry: Rollout) -> bool:
        """Whether the bucket no longer has `entry`: it was emptied, or restored from a backup. Raises StoreError."""
        try:
            self._bucket.stat(keys.rollout_key(entry.model, entry.sequence))
        except ObjectMissing:
            return True
        return False

    def entries(self, model: str, before: int | None = None) -> Iterator[Rollout]:
        """The entries newest first, only those below sequence `before` unless it is None; raises StoreError.

        Unreadable entries are skipped, and reported at the end.
        """
        last = self.look(model)
        start = last if before is None else min(last, before - 1)
        readers = (
            (keys.rollout_key(model, sequence), partial(self.entry, model, sequence))
            for sequence in range(start, 0, -1)
        )
        remedy = "restore them, for a number that is missing ends the ledger"
        yield from self._unreadable.readable(keys.rollouts_prefix(model), readers, remedy)

    def at(self, model: str, time: str) -> Rollout | None:
        """The entry that was the newest at `time` (RFC 3339), or None; raises ValueError or StoreError."""
        moment = parse_rfc3339(time)
        return next((entry for entry in self.entries(model) if parse_rfc3339(entry.rolled_at) <= moment), None)

    def append(self, entry: Rollout, stopping: threading.Event) -> Rollout:
        """Create `entry`, and return the entry that has its number now: `entry` itself, or another process's.

        An attempt without a definite result is repeated until the result is known: only the store knows it. Raises
        LedgerInDoubt if `stopping` is set before that. Raises another StoreError if the store refused: then the entry
        does not exist.
        """
        key = keys.rollout_key(entry.model, entry.sequence)
        body = json.dumps(entry.to_json()).encode()
        backoff = Backoff(first_s=0.1, longest_s=2.0)
        doubtful = False  # whether the entry may have been written by now
        while True:
            try:
                self._restore_before(entry)
                self._bucket.create(key, body, "application/json")
                doubtful = True
                holder = self._read(entry.model, entry.sequence)
                break
            except RecordUnreadable:
                raise
            except StoreError as error:
                doubtful = doubtful or isinstance(error, StoreUnavailable)
                if not doubtful:
                    raise
                if stopping.is_set():
                    raise LedgerInDoubt(
                        f"stopped before it was known whether the store wrote {key}: {error}"
                    ) from error
                log_events.event("ledger.retry", level="warning", model=entry.model, reason=str(error))
                backoff.wait(until=stopping)
        self._entries[entry.model, entry.sequence] = holder
        self._counted[entry.model] = max(entry.sequence, self._counted.get(entry.model, 0))
        if holder.id == entry.id:
            self._write_hint(entry, self._lease_ms)
        return holder

    def _write_hint(self, entry: Rollout, lease_ms: int) -> None:
        hint = {"sequence": entry.sequence, "version": entry.version, "lease_ms": lease_ms}
        try:
            self._bucket.write(keys.current_key(entry.model), json.dumps(hint).encode(), "application/json")
        except StoreError as error:
            log_events.event("ledger.hint_failed", level="warning", model=entry.model, reason=str(error))

    def succeed(self, entry: Rollout) -> Takeover:
        """Take over from the previous run, with `entry` as the newest; raises StoreError.

        The hint is up to date when this returns, as it must be before model_server grants the first lease.
        """
        takeover = take_over(self._read_hint(entry.model), entry.current, self._lease_ms)
        if takeover.hint is not None:
            self._bucket.write(keys.current_key(entry.model), json.dumps(takeover.hint).encode(), "application/json")
        return takeover

    def settle(self, entry: Rollout, lease_ms: int) -> None:
        """Write `entry` into the hint, with leases of `lease_ms` at least: the leases on older entries are over."""
        self._write_hint(entry, max(lease_ms, self._lease_ms))

    def follow(self, entry: Rollout) -> None:
        """Write `entry`, of another process, into the hint: the leases on older entries are over.

        Raises StoreError.
        """
        takeover = take_over(self._read_hint(entry.model), entry.current, self._lease_ms)
        if takeover.wait:
            self.settle(entry, takeover.lease_ms)

    def _restore_before(self, entry: Rollout) -> None:
        """Write lost entries below `entry` again, so that the numbers stay consecutive; raises LedgerLost."""
        model, before = entry.model, self._entries.get((entry.model, entry.sequence - 1))
        if before is None or not self.has_lost(before):
            return
        newest = count(self._sequences(model, None), 0, 0).newest
        first = newest + 1 if newest else before.sequence
        for sequence in range(first, entry.sequence):
            lost = self._entries.get((model, sequence))
            key = keys.rollout_key(model, sequence)
            if lost is None:
                raise LedgerLost(f"{key} is gone from the bucket, and this model_server never read it: restore it")
            self._bucket.create(key, json.dumps(lost.to_json()).encode(), "application/json")
            log_events.event("ledger.restored", level="warning", model=model, sequence=sequence)

    def _read_hint(self, model: str) -> JsonObject:
        try:
            return read_object(self._bucket, keys.current_key(model))
        except (ObjectMissing, RecordUnreadable):
            return {}

    def _hint(self, model: str) -> int:
        sequence = self._read_hint(model).get("sequence")
        return sequence if isinstance(sequence, int) and keys.FIRST_SEQUENCE <= sequence <= keys.LAST_SEQUENCE else 0

    def _note(self, model: str, numbers: Numbers) -> None:
        self._counted[model] = max(numbers.newest, self._counted.get(model, 0))
        self._strays[model] = numbers.stray

    def _sequences(self, model: str, after: str | None) -> Iterator[int]:
        for item in self._bucket.list(keys.rollouts_prefix(model), start_after=after):
            parsed = keys.parse_rollout(item.key)
            if parsed is not None:
                yield parsed[1]
