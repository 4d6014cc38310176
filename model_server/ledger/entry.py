"""The ledger entry: one committed rollout, and its JSON form."""

from dataclasses import dataclass
from typing import Self

from changeover.json_types import JsonObject
from changeover.names import is_version
from changeover.process.clock import parse_rfc3339
from changeover.protocol.wire import Current, RolloutState
from model_server.records import text_of
from object_store import keys
from object_store.exceptions import StoreError


class LedgerDamaged(StoreError):
    """An object at the key of a ledger entry that is not a ledger entry."""


@dataclass(frozen=True)
class Entry:
    """One committed rollout. `id` distinguishes our own entry from another process's entry of the same number."""

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
        """The pointer value that this entry makes current."""
        return Current(self.sequence, self.version)

    def to_json(self) -> JsonObject:
        """The JSON body of a committed rollout, in the bucket and on the wire."""
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
    def from_members(cls, model: str, sequence: int, members: JsonObject) -> Self:
        """The entry with these JSON members; raises LedgerDamaged."""
        version, previous = members.get("version"), members.get("previous")
        rolled_at = text_of(members, "rolled_at")
        try:
            parse_rfc3339(rolled_at)
            if not isinstance(version, str) or not is_version(version):
                raise ValueError("it names no version")
            if previous is not None and (not isinstance(previous, str) or not is_version(previous)):
                raise ValueError("its 'previous' is no version")
        except ValueError as error:
            raise LedgerDamaged(f"{keys.rollout_key(model, sequence)} is no ledger entry: {error}") from error
        by, reason = text_of(members, "by"), text_of(members, "reason")
        return cls(model, sequence, version, previous, rolled_at, by, reason, text_of(members, "id", str(sequence)))
