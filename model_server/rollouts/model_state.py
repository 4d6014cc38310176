"""The state of each model in this process: its pointer, its fleet, and the rollout under way.

This file does the locking. `model_server/rollouts/pointer.py` and `model_server/rollouts/fleet.py` decide.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from changeover.process.clock import now
from changeover.process.loop import Wake
from changeover.protocol.wire import Current
from model_server import metrics
from model_server.exceptions import NotReady
from model_server.ledger.record import Rollout
from model_server.rollouts.current_set import CurrentSet
from model_server.rollouts.fleet import SILENCE_S, Contacts, Fleet
from model_server.rollouts.freshness import Pointer
from model_server.rollouts.phases import Phases
from model_server.rollouts.pointer import LeasedPointer
from model_server.rollouts.rehearsal import Rehearsal
from model_server.rollouts.rollout import Cancelled
from model_server.rollouts.traffic import Traffic
from model_server.rollouts.watch import Watch


@dataclass
class ModelState:
    """The state of one model. The condition `changed` guards it, and wakes the calls that wait for a rollout's end.

    `shared` has the pointers of all models, for the check of all: every change of a pointer is under its lock, too.
    `news` wakes the loop of the rollout: a status report came, or the ledger was overtaken. `overtaken` is a ledger
    entry of another process that this one is about to follow. `phases`, `rehearsal` and `watch` are those of `rollout`; `watched` is
    the watch of the last switch, until it ends. `last` is the last rollout that ended in this run. `cancelled` aborts `rollout`. `seen` has the ids of aborted rollouts that a person has confirmed to have seen.
    """

    name: str
    shared: CurrentSet = field(default_factory=CurrentSet)
    leased_pointer: LeasedPointer = field(default_factory=LeasedPointer)
    entry: Rollout | None = None
    fleet: Fleet = field(default_factory=Fleet)
    rollout: Rollout | None = None
    phases: Phases = field(default_factory=Phases)
    rehearsal: Rehearsal | None = None
    watch: Watch | None = None
    watched: Watch | None = None
    traffic: Traffic = field(default_factory=Traffic)
    last: tuple[Rollout, Phases] | None = None
    seen: set[str] = field(default_factory=set)
    cancelled: Cancelled | None = None
    overtaken: Rollout | None = None
    changed: threading.Condition = field(default_factory=threading.Condition)
    news: Wake = field(default_factory=Wake)

    def __post_init__(self) -> None:
        self.shared.add(self.name, self.leased_pointer)

    @contextmanager
    def _changing(self) -> Iterator[LeasedPointer]:
        """The pointer, to be changed in one step for the checks of this model and of all models."""
        with self.changed, self.shared.changing():
            yield self.leased_pointer

    def grant(self, lease_ms: int, now: float) -> tuple[Pointer, int]:
        """The pointer for the response to a check, and the lease granted with it, in milliseconds.

        Both happen under one lock: a rollout that stops granting waits for every lease granted before.
        """
        if lease_ms == 0:
            return self.leased_pointer.pointer, 0
        with self.changed:
            return self.leased_pointer.grant(lease_ms, now)

    def stop_granting(self) -> None:
        """Grant no lease from now on."""
        with self._changing() as pointer:
            pointer.stop_granting(self.shared.granted)

    def grant_again(self) -> None:
        """Grant leases again."""
        with self._changing() as pointer:
            pointer.grant_again()

    @property
    def current(self) -> Current | None:
        """The current version and its sequence, or None."""
        return self.leased_pointer.pointer.current

    def adopt(self, entry: Rollout) -> None:
        """Make this ledger entry current, unless a newer one is."""
        with self._changing() as pointer:
            if pointer.adopt(entry.current, entry.seal):
                self._adopted(entry)

    def overtake(self, entry: Rollout) -> bool:
        """Begin to follow `entry`; False if this process wrote it or it is not newer than current."""
        with self._changing() as pointer:
            ours = self.rollout is not None and self.rollout.id == entry.id
            if ours or (self.current is not None and self.current.sequence >= entry.sequence):
                return False
            self.overtaken = entry
            pointer.stop_granting(self.shared.granted)
        self.news.set()
        return True

    def follow(self, now: float) -> bool:
        """Make the overtaking entry current, once no rollout is under way and no lease is out; True if it did."""
        if self.overtaken is None:
            return False
        with self._changing() as pointer:
            entry = self.overtaken
            if entry is None or self.rollout is not None or not pointer.follow(entry.current, now, entry.seal):
                return False
            self.overtaken = None
            if self.current == entry.current:
                self._adopted(entry)
            return True

    def succeed(self, entry: Rollout, lease_s: float, now: float) -> None:
        """Make this ledger entry, the newest at the start, current; leases of a previous run may be out."""
        with self._changing() as pointer:
            pointer.succeed(entry.current, lease_s, now, entry.seal)
            self._adopted(entry)

    def announce(self, version: str | None, rehearsal: str | None = None, watch: str | None = None) -> None:
        """Set the `Next-Version` of the responses to checks, the id of its rehearsal and of its watch; None removes it."""
        with self._changing() as pointer:
            pointer.announce(version, rehearsal, watch)

    def end_watch(self, identity: str) -> None:
        """Ask for the watch of this id no more."""
        with self._changing() as pointer:
            if self.watched is not None and self.watched.of == identity:
                self.watched = None
            if pointer.pointer.watch == identity and pointer.pointer.next_version is None:
                pointer.announce(None)

    def _adopted(self, entry: Rollout) -> None:
        self.entry = entry
        metrics.SEQUENCE.labels(self.name).set(entry.sequence)


class Models:
    """The states of all models of this process.

    `shared` has their pointers. `replica_heard_at` is when any replica of any model was last heard from. The start
    counts as such a time: replicas that were running before the restart have not had time to report.
    """

    def __init__(self) -> None:
        self.shared = CurrentSet()
        self.contacts = Contacts()
        self._states: dict[str, ModelState] = {}
        self._lock = threading.Lock()
        self.ready = threading.Event()
        self.replica_heard_at = float("-inf")

    def loaded(self, entries: dict[str, Rollout], leases_ms: dict[str, int]) -> None:
        """Take the ledgers' newest entries; checks are answered from now on. Fleets are known SILENCE_S later.

        Leases of a previous run may be out, `leases_ms` long. Until they are over, no lease is granted and no rollout
        commits.
        """
        self.replica_heard_at = now()
        known_from = now() + SILENCE_S
        for name, entry in entries.items():
            state = self.get(name)
            state.fleet.known_from = known_from
            state.succeed(entry, leases_ms[name] / 1000, now())
        self.ready.set()

    def get(self, name: str) -> ModelState:
        """The state of a model, created if it is unknown."""
        state = self._states.get(name)
        if state is None:
            with self._lock:
                state = self._states.get(name)
                if state is None:
                    state = ModelState(name, self.shared, fleet=Fleet(contacts=self.contacts))
                    self._states = {**self._states, name: state}
        return state

    def require_ready(self) -> None:
        """Raise NotReady until the ledger is read."""
        if not self.ready.is_set():
            raise NotReady("model_server has not read its ledger yet; it tries again and again, see /readyz")

    def find(self, name: str) -> ModelState | None:
        """The state of a model, or None."""
        return self._states.get(name)

    def in_use(self, name: str, version: str) -> bool:
        """Whether `version` is the current version of a model, or that of its rollout under way."""
        state = self.find(name)
        if state is None:
            return False
        current, rollout = state.current, state.rollout
        return version in {current.version if current else None, rollout.version if rollout else None}

    def all(self) -> list[ModelState]:
        """Every known model, by name."""
        return [self._states[name] for name in sorted(self._states)]
