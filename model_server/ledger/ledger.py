"""The ledger of a model: the append-only list of its committed rollouts, in the bucket.

The newest entry is current. Two processes that roll at the same time both try to create the next number, and the store
lets only one of them succeed. Only consecutive numbers count (`model_server/ledger/numbers.py`). Entries never change,
so this process caches them.
"""

import json
import secrets
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

from msgspec import structs

from changeover.exceptions import ChangeoverError
from changeover.json_types import JsonObject
from changeover.names import MODEL_NAME
from changeover.process import log_events
from changeover.process.clock import parse_rfc3339, utc_now
from changeover.protocol.wire import RolloutState
from changeover.sealed.statement import ManifestNamed, digest_of
from model_server.backoff import Backoff
from model_server.exceptions import EntryUnsealed, RecordUnreadable
from model_server.ledger.hints import Hints
from model_server.ledger.numbers import Numbers, count
from model_server.ledger.record import Rollout
from model_server.problems import Problems
from model_server.records import Unreadable, read_content, record_of
from model_server.sealing.floors import Floor
from model_server.sealing.seals import Seals
from object_store import keys
from object_store.bucket import Bucket
from object_store.exceptions import InvalidKey, ObjectMissing, StoreError, StoreUnavailable
from object_store.seal_keys import forged_key

_MOST_REPLACED: Final = 3  # objects without a seal in whose place one rollout puts its entry


class LedgerLost(StoreError):
    """Entries that are gone from the bucket and not in this process's cache."""


class LedgerInDoubt(ChangeoverError):
    """An entry that the store may or may not have written; the next start reads the ledger and knows."""


@dataclass(frozen=True)
class _Stored:
    """An entry, and its bytes in the bucket."""

    entry: Rollout
    content: bytes

    @property
    def floor(self) -> Floor:
        return Floor(self.entry.sequence, digest_of(self.content))


class Ledger:
    """The ledgers of all models in one bucket. Thread-safe.

    `named` gives the newest manifest of a version, which the seal of an entry names.
    """

    def __init__(
        self,
        bucket: Bucket,
        lease_ms: int = 0,
        problems: Problems | None = None,
        seals: Seals | None = None,
        named: Callable[[str, str], ManifestNamed] | None = None,
    ) -> None:
        self._bucket = bucket
        self._unreadable = Unreadable(problems or Problems())
        self.hints = Hints(bucket, lease_ms)
        self._seals, self._named = seals or Seals(bucket), named
        self._entries: dict[tuple[str, int], _Stored] = {}
        self._counted: dict[str, int] = {}
        self._strays: dict[str, int] = {}

    def models(self) -> list[str]:
        """Every model that has a rollout in its ledger; raises StoreError."""
        names = {keys.parse_current(item.key) for item in self._bucket.list(keys.CURRENT)}
        names |= {folder.removeprefix(keys.ROLLOUTS).rstrip("/") for folder in self._bucket.folders(keys.ROLLOUTS)}
        return sorted(model for model in names if model and MODEL_NAME.fullmatch(model))

    def newest(self, model: str) -> Rollout | None:
        """The entry that is current, or None; raises RecordUnreadable or another StoreError.

        In a sealed registry, LedgerBelowFloor is one of them.
        """
        newest = self.look(model)
        stored = self._stored(model, newest) if newest else None
        self._seals.check_floor(model, stored.floor if stored else Floor(0, ""))
        return stored.entry if stored else None

    def look(self, model: str) -> int:
        """The newest number that counts, 0 for none; records the first entry beyond a missing one. Raises StoreError."""
        counted = self._counted.get(model, 0)
        after = keys.rollout_key(model, counted) if counted else None
        numbers = count(self._sequences(model, after), counted, 0)
        if not counted and numbers.stray and not numbers.newest:
            numbers = count(self._sequences(model, None), 0, self.hints.sequence(model))
        self._note(model, numbers)
        return numbers.newest

    def stray(self, model: str) -> str | None:
        """The key of the first entry beyond a missing one, or None, as of the last `look`. Such an entry never counts."""
        stray = self._strays.get(model)
        return keys.rollout_key(model, stray) if stray else None

    def last_good(self, model: str) -> Rollout | None:
        """The newest readable entry below an unreadable newest one; raises StoreError.

        None if the hint names a newer entry: that one was current already, and the pointer must not go back. In a sealed
        registry the floor counts instead of the hint.
        """
        newest = self.look(model)
        lowest = max(1, self._seals.floor(model).sequence) if self._seals.sealed else self.hints.sequence(model)
        for sequence in range(newest - 1, lowest - 1, -1):
            try:
                return self.entry(model, sequence)
            except (InvalidKey, RecordUnreadable, ObjectMissing):
                continue
        return None

    def entry(self, model: str, sequence: int) -> Rollout:
        """One entry; raises ObjectMissing, RecordUnreadable or another StoreError."""
        return self._stored(model, sequence).entry

    def _stored(self, model: str, sequence: int) -> _Stored:
        known = self._entries.get((model, sequence))
        if known is None:
            known = self._entries[model, sequence] = self._read(model, sequence)
        return known

    def _read(self, model: str, sequence: int) -> _Stored:
        """The entry in the bucket; raises as `entry`. Entries of other writers may lack an id."""
        key = keys.rollout_key(model, sequence)
        try:
            content = read_content(self._bucket, key)
            entry = entry_of(key, content, model, sequence)
        except RecordUnreadable as error:
            if not self._seals.sealed:
                raise
            self._seals.broken(key, str(error))
            raise EntryUnsealed(str(error)) from error  # what model_server has sealed can be read
        seal = self._seals.of_entry(key, content, model, entry.current)
        return _Stored(structs.replace(entry, seal=seal), content)

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
        # the nonce: no other process can write the sealed bytes if this one ends before it has
        nonce = {"nonce": secrets.token_hex(16)} if self._seals.signs else {}
        body = json.dumps({**entry.to_json(), **nonce}).encode()
        backoff = Backoff(first_s=0.1, longest_s=2.0)
        doubtful = False  # whether the entry may have been written by now
        replaced, replaces = 0, ""
        while True:
            try:
                self._restore_before(entry)
                self._seal(entry, body)
                self._bucket.create(key, body, "application/json", replaces)
                doubtful = True
                stored = self._read(entry.model, entry.sequence)
                break
            except EntryUnsealed:
                replaced += 1
                if replaced > _MOST_REPLACED:
                    raise
                replaces = self._copy_aside(entry, key)
            except RecordUnreadable:
                raise
            except StoreError as error:
                doubtful = doubtful or isinstance(error, StoreUnavailable)
                replaces = "" if isinstance(error, ObjectMissing) else replaces  # what was to be replaced is gone
                if not doubtful:
                    raise
                if stopping.is_set():
                    raise LedgerInDoubt(
                        f"stopped before it was known whether the store wrote {key}: {error}"
                    ) from error
                log_events.event("ledger.retry", level="warning", model=entry.model, reason=str(error))
                backoff.wait(until=stopping)
        self._entries[entry.model, entry.sequence] = stored
        self._counted[entry.model] = max(entry.sequence, self._counted.get(entry.model, 0))
        self._seals.check_floor(entry.model, stored.floor)
        if stored.entry.id == entry.id:
            self.hints.write(entry)
        return stored.entry

    def _seal(self, entry: Rollout, body: bytes) -> None:
        """Write the seal of an entry that is to be created; raises StoreError."""
        if not self._seals.signs or self._named is None:
            return
        before = self._stored(entry.model, entry.sequence - 1) if entry.sequence > keys.FIRST_SEQUENCE else None
        named = self._named(entry.model, entry.version)
        self._seals.seal_entry(body, entry.model, entry.current, named, before.floor.sha256 if before else None)

    def _copy_aside(self, entry: Rollout, key: str) -> str:
        """Copy an object without a seal aside, and return its ETag: `entry` may be put in its place. Raises StoreError."""
        target = forged_key(entry.model, entry.sequence, utc_now())
        forged = self._bucket.stat(key)
        self._bucket.copy(key, target, forged)
        log_events.event("ledger.forged_entry_replaced", level="error", model=entry.model, key=key, copy=target)
        return forged.etag

    def _restore_before(self, entry: Rollout) -> None:
        """Write lost entries below `entry` again, so that the numbers stay consecutive; raises LedgerLost."""
        model, before = entry.model, self._entries.get((entry.model, entry.sequence - 1))
        if before is None or not self.has_lost(before.entry):
            return
        newest = count(self._sequences(model, None), 0, 0).newest
        first = newest + 1 if newest else before.entry.sequence
        for sequence in range(first, entry.sequence):
            lost = self._entries.get((model, sequence))
            key = keys.rollout_key(model, sequence)
            if lost is None:
                raise LedgerLost(f"{key} is gone from the bucket, and this model_server never read it: restore it")
            if lost.entry.seal is not None:
                self._seals.restore(model, lost.content, lost.entry.seal)
            self._bucket.create(key, lost.content, "application/json")
            log_events.event("ledger.restored", level="warning", model=model, sequence=sequence)

    def _note(self, model: str, numbers: Numbers) -> None:
        self._counted[model] = max(numbers.newest, self._counted.get(model, 0))
        self._strays[model] = numbers.stray

    def _sequences(self, model: str, after: str | None) -> Iterator[int]:
        for item in self._bucket.list(keys.rollouts_prefix(model), start_after=after):
            parsed = keys.parse_rollout(item.key)
            if parsed is not None:
                yield parsed[1]


def entry_of(key: str, content: bytes, model: str, sequence: int) -> Rollout:
    """The entry with these bytes at `key`; raises RecordUnreadable."""
    defaults: JsonObject = {"id": str(sequence)}
    known: JsonObject = {"model": model, "sequence": sequence, "state": RolloutState.COMMITTED.value, "seal": None}
    entry = record_of(key, content, Rollout, defaults, **known)
    try:
        parse_rfc3339(entry.rolled_at)
    except ValueError as error:
        raise RecordUnreadable(f"{key}: rollout.rolled_at: {error}") from error
    return entry
