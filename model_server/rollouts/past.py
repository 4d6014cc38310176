"""The ended rollouts of each model in memory, newest first: committed ones of the ledger, and aborted ones.

Ledger entries and aborted records never change, so each is read from the store once.
"""

import threading
from contextlib import suppress

from msgspec import Struct

from changeover.protocol.wire import RolloutState
from model_server.exceptions import RecordUnreadable
from model_server.ledger.ledger import Ledger
from model_server.ledger.record import Rollout
from model_server.rollouts.aborted import Aborted
from object_store.exceptions import InvalidKey, ObjectMissing


class Ended(Struct, frozen=True):
    """An ended rollout; `until` is when the next version became current, empty if none did or this one was aborted."""

    rollout: Rollout
    until: str = ""

    @property
    def committed(self) -> bool:
        """Whether its version became current."""
        return self.rollout.state is RolloutState.COMMITTED

    @property
    def cursor(self) -> str:
        """Its position in a list: unique, and sorts by time."""
        return f"{self.rollout.rolled_at}~{self.rollout.id}"


class _OfModel:
    def __init__(self) -> None:
        self.committed: list[Rollout] = []  # oldest first
        self.read_to = 0  # the sequence up to which the ledger was read
        self.ended: list[Ended] = []
        self.versions: frozenset[str] = frozenset()
        self.built_from = (-1, -1)


class Past:
    """The ended rollouts of all models. Thread-safe."""

    def __init__(self, ledger: Ledger, aborted: Aborted) -> None:
        self._ledger, self._aborted = ledger, aborted
        self._models: dict[str, _OfModel] = {}
        self._lock = threading.Lock()

    def fill(self, model: str, newest: int) -> None:
        """Read what the store has, up to the sequence `newest`; raises StoreError."""
        self._aborted.all(model)
        self.of(model, newest)

    def of(self, model: str, newest: int) -> list[Ended]:
        """The ended rollouts, newest first; `newest` is the current sequence, 0 for none. Raises StoreError."""
        with self._lock:
            return self._updated(model, newest).ended

    def versions(self, model: str, newest: int) -> frozenset[str]:
        """Every version that is or was current; raises StoreError."""
        with self._lock:
            return self._updated(model, newest).versions

    def _updated(self, model: str, newest: int) -> _OfModel:
        past = self._models.setdefault(model, _OfModel())
        for sequence in range(past.read_to + 1, newest + 1):
            with suppress(InvalidKey, RecordUnreadable, ObjectMissing):  # `GET /models/{m}/rollouts` reports it
                past.committed.append(self._ledger.entry(model, sequence))
            past.read_to = sequence
        aborted = self._aborted.known(model)
        built_from = len(past.committed), len(aborted)
        if past.built_from != built_from:
            past.ended = _merged(past.committed, aborted)
            past.versions = frozenset(rollout.version for rollout in past.committed)
            past.built_from = built_from
        return past


def _merged(committed: list[Rollout], aborted: list[Rollout]) -> list[Ended]:
    nexts = [*(rollout.rolled_at for rollout in committed[1:]), ""][: len(committed)]
    ended = [Ended(rollout, until) for rollout, until in zip(committed, nexts, strict=True)]
    ended += [Ended(rollout) for rollout in aborted]
    return sorted(ended, key=lambda each: each.cursor, reverse=True)
