"""What model_server knows of each model while it runs: its pointer, its fleet, and the rollout under way.

Carries the word *current*: `current.py` decides what a check is told, this file keeps threads apart.
"""

import threading
from dataclasses import dataclass, field

from changeover.process.clock import now
from changeover.protocol.wire import Current
from model_server import metrics
from model_server.exceptions import NotReady
from model_server.ledger.entry import Entry
from model_server.rollouts.fleet import SILENCE_S, Fleet
from model_server.rollouts.freshness import Pointer
from model_server.rollouts.pointer import Standing
from model_server.rollouts.rollout import Rollout


@dataclass
class ModelState:
    """One model. `changed` guards all of it, and is notified when anything that a rollout waits for happens.

    `overtaken` is an entry of the ledger that another process wrote, and that is to be followed.
    """

    name: str
    standing: Standing = field(default_factory=Standing)
    entry: Entry | None = None
    fleet: Fleet = field(default_factory=Fleet)
    rollout: Rollout | None = None
    overtaken: Entry | None = None
    changed: threading.Condition = field(default_factory=threading.Condition)

    def grant(self, lease_ms: int, now: float) -> tuple[Pointer, int]:
        """What a check is answered by, and the lease that comes with it, in milliseconds.

        Both are taken in one step: a lease that is granted while a rollout stops granting is one that it waits for.
        """
        if lease_ms == 0:
            return self.standing.pointer, 0
        with self.changed:
            return self.standing.grant(lease_ms, now)

    def stop_granting(self) -> None:
        """Grant no lease from now on."""
        with self.changed:
            self.standing.stop_granting()

    def grant_again(self) -> None:
        """Grant leases again."""
        with self.changed:
            self.standing.grant_again()

    @property
    def current(self) -> Current | None:
        """What answers now."""
        return self.standing.pointer.current

    def adopt(self, entry: Entry) -> None:
        """Answer by this ledger entry from now on, unless by a newer one already."""
        with self.changed:
            if self.standing.adopt(entry.current):
                self._adopted(entry)

    def overtake(self, entry: Entry) -> bool:
        """Begin to follow `entry`, unless it is ours or an old one; says whether it begins."""
        with self.changed:
            ours = self.rollout is not None and self.rollout.id == entry.id
            if ours or (self.current is not None and self.current.sequence >= entry.sequence):
                return False
            self.overtaken = entry
            self.standing.stop_granting()
            self.changed.notify_all()
            return True

    def follow(self, now: float) -> bool:
        """Answer by the entry that overtook us, once no rollout is under way and no lease is out; says when it does."""
        with self.changed:
            entry = self.overtaken
            if entry is None or self.rollout is not None or not self.standing.follow(entry.current, now):
                return False
            self.overtaken = None
            if self.current == entry.current:
                self._adopted(entry)
            return True

    def succeed(self, entry: Entry, lease_s: float, now: float) -> None:
        """Answer by this ledger entry, the newest at the start; leases of a former life may be out."""
        with self.changed:
            self.standing.succeed(entry.current, lease_s, now)
            self._adopted(entry)

    def announce(self, version: str | None) -> None:
        """Let checks carry `Next-Version`, or no longer."""
        with self.changed:
            self.standing.announce(version)

    def _adopted(self, entry: Entry) -> None:
        self.entry = entry
        metrics.SEQUENCE.labels(self.name).set(entry.sequence)
        self.changed.notify_all()


class Models:
    """All models of this process.

    `replica_heard_at` is when any replica of any model was heard of last; at the start that is assumed, for those of
    before the restart have not had the time to say that they are there.
    """

    def __init__(self) -> None:
        self._states: dict[str, ModelState] = {}
        self._lock = threading.Lock()
        self.ready = threading.Event()
        self.replica_heard_at = float("-inf")

    def loaded(self, entries: dict[str, Entry], leases_ms: dict[str, int]) -> None:
        """The ledger was read: from now on checks are answered. Fleets become known a silence later.

        Leases of a former life may be out, `leases_ms` long: until they are over none is granted and nothing flips.
        """
        self.replica_heard_at = now()
        known_from = now() + SILENCE_S
        for name, entry in entries.items():
            state = self.get(name)
            state.fleet.known_from = known_from
            state.succeed(entry, leases_ms[name] / 1000, now())
        self.ready.set()

    def get(self, name: str) -> ModelState:
        """The state of a model, new if it was not known."""
        state = self._states.get(name)
        if state is None:
            with self._lock:
                state = self._states.setdefault(name, ModelState(name))
        return state

    def require_ready(self) -> None:
        """Raise NotReady until the ledger was read."""
        if not self.ready.is_set():
            raise NotReady("model_server has not read its ledger yet; it tries again and again, see /readyz")

    def find(self, name: str) -> ModelState | None:
        """The state of a model, if it is known."""
        return self._states.get(name)

    def all(self) -> list[ModelState]:
        """Every known model, by name."""
        return [self._states[name] for name in sorted(self._states)]
