"""The replica: the state of one model in one worker process: active, prepared, failed and wanted versions.

`predict_api/replica/freshness_loop.py` passes in the results of checks, `predict_api/preparation/prepare_loop.py` the
prepared versions. A switch happens only here, after a check, in one assignment to `active`. Requests read `active` once and
without a lock.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from changeover.exceptions import SealBroken
from changeover.names import short
from changeover.process.log_events import event
from changeover.process.loop import Wake
from changeover.protocol.wire import Current
from changeover.sealed.envelope import Envelope
from changeover.sealed.statement import EntryFacts
from changeover.sealed.trust import Trust
from predict_api import metrics
from predict_api.exceptions import LowerSequence
from predict_api.rehearsal.rehearsal import Rehearsal
from predict_api.rehearsal.watch import Watch
from predict_api.replica.active import ActiveVersion, confirm, refuse_a_way_back, switch
from predict_api.replica.freshness import Outcome
from predict_api.scoring.interfaces import Prepared
from predict_api.upstream.freshness_check import CheckAnswer

RETRY_CURRENT_AFTER: Final = 30.0  # seconds


@dataclass(frozen=True)
class VerifiedEntry:
    """A ledger entry whose seal was verified."""

    current: Current
    seal: Envelope | None
    facts: EntryFacts


class Replica:
    """The state of one model in this process. Thread-safe."""

    def __init__(
        self, model: str, floor: Current | None, notify: Callable[[], None], trust: Trust | None = None
    ) -> None:
        """With `trust` the registry is sealed: no version becomes active without the seal of its ledger entry."""
        self.model = model
        self._trust = trust
        self._verified: VerifiedEntry | None = None  # the last one
        self.active: ActiveVersion | None = None
        self.settled = threading.Event()  # a version is active, or none can be for now
        self.work = Wake()  # a version may have to be prepared
        self._floor = floor  # the version that this instance confirmed in its previous run
        self._notify = notify  # called when the status report changes
        self._lock = threading.Lock()
        self._prepared: dict[str, Prepared] = {}
        self._fetched: frozenset[str] = frozenset()
        self._failed: dict[str, tuple[str, float]] = {}
        self._wanted: Current | None = None
        self._next: str | None = None
        self._rehearsed: str | None = None  # the id of the rehearsal of the announced version
        self.rehearsal: Rehearsal | None = None  # under way
        self._watched: str | None = None  # the id of the watch that is asked for
        self.watch: Watch | None = None  # under way

    def on_answer(self, answer: CheckAnswer, sent_at: float) -> Outcome:
        """Process the response to a check sent after `sent_at`; raises LowerSequence, OtherVersion or SealBroken."""
        with self._lock:
            current = answer.current
            if current is None:
                self._wanted = None
                self._process_rest(answer)
                self.settled.set()
                return Outcome.ABSENT
            refuse_a_way_back(self.active, current)
            if self.active is None and self._floor is not None and current.sequence < self._floor.sequence:
                raise LowerSequence(
                    f"model {self.model!r} was at sequence {self._floor.sequence} when this service last ran, "
                    f"model_server has {current.sequence}: roll again, or empty CACHE_DIR to accept the older ledger"
                )
            active = self.active
            wanted = None if active is not None and active.current == current else current
            if wanted is not None and self._trust is not None:
                try:
                    self._verify(self._trust, wanted, answer.seal)
                except SealBroken:
                    self._process_rest(answer)  # the version that is announced may be the way out
                    raise
            if wanted != self._wanted:
                self._wanted = wanted  # before `_process_rest` drops it as the next version, so that it stays loaded
                self.work.set()
                self._notify()
            self._process_rest(answer)
            if active is not None and wanted is None:
                self.active = confirm(active, sent_at)
                return Outcome.CONFIRMED
            prepared = self._prepared.get(current.version)
            if prepared is None:
                return Outcome.BEHIND
            self._activate(switch(self.active, current, prepared, sent_at))
            return Outcome.CONFIRMED

    def _verify(self, trust: Trust, current: Current, seal: Envelope | None) -> None:
        """Verify the seal of the ledger entry that makes `current` current, once; raises SealBroken."""
        if self._verified is None or self._verified.current != current:
            self._verified = VerifiedEntry(current, seal, trust.entry(seal, self.model, current))

    def verify_cached(self, current: Current, seal: Envelope | None) -> None:
        """Verify the seal of a ledger entry in the disk cache; raises SealBroken."""
        with self._lock:
            if self._trust is not None:
                self._verify(self._trust, current, seal)

    def seal_of(self, current: Current) -> Envelope | None:
        """The verified seal of the ledger entry that made `current` current; None in a registry that is not sealed."""
        verified = self._verified
        return verified.seal if verified is not None and verified.current == current else None

    def manifest_floor(self, version: str) -> int:
        """The number of the manifest that the verified ledger entry names for `version`; 0 if it names another one."""
        verified = self._verified
        named = verified.facts.manifest if verified and verified.current.version == version else None
        return named.number if named else 0

    def start_from_cache(self, current: Current, prepared: Prepared, confirmed_at: float) -> None:
        """Make the version confirmed in the previous run active until a check succeeds; its responses are stale."""
        with self._lock:
            if self.active is None:
                self._activate(switch(None, current, prepared, confirmed_at))

    def to_prepare(self, now: float) -> str | None:
        """The version to prepare: the current one before the announced one; None if there is none."""
        with self._lock:
            wanted = self._wanted.version if self._wanted else None
            if wanted is not None and wanted not in self._prepared:
                _, failed_at = self._failed.get(wanted, ("", float("-inf")))
                if now - failed_at >= RETRY_CURRENT_AFTER:
                    return wanted
            if self._next is not None and self._next not in self._prepared and self._next not in self._failed:
                return self._next
            return None

    def at_rest(self) -> bool:
        """Whether a version is active, no other one is current or announced, and no switch is watched."""
        return self.active is not None and self._wanted is None and self._next is None and self._watched is None

    @property
    def fetched(self) -> frozenset[str]:
        """The versions in use whose verified bytes this worker has."""
        with self._lock:
            return self._fetched & self._in_use()

    def fetch(self, version: str) -> None:
        """Record that the verified bytes of `version` are there."""
        with self._lock:
            if version in self._fetched:
                return
            self._fetched = (self._fetched & self._in_use()) | {version}
        self._notify()

    def add(self, prepared: Prepared) -> None:
        """Add a version that is ready to become active."""
        with self._lock:
            self._prepared[prepared.version] = prepared
            self._failed.pop(prepared.version, None)
            self._retire()
            self._rehearse()
        self._notify()

    def fail(self, version: str, reason: str, now: float) -> None:
        """Record that `version` cannot be prepared."""
        metrics.PREPARE_FAILURES.labels(self.model).inc()
        event("replica.prepare_failed", level="error", model=self.model, version=version, reason=reason)
        with self._lock:
            self._failed[version] = (reason, now)
            self.settled.set()
        self._notify()

    def state(self) -> tuple[Current | None, frozenset[str], dict[str, str]]:
        """The content of the status report: the active, the ready and the failed versions."""
        with self._lock:
            current = self.active.current if self.active else None
            return (
                current,
                frozenset(self._prepared),
                {version: reason for version, (reason, _) in self._failed.items()},
            )

    def in_use(self) -> set[str]:
        """The versions that must stay in the cache."""
        with self._lock:
            return self._in_use()

    def _in_use(self) -> set[str]:
        versions = {self.active.current.version} if self.active else set()
        if self._wanted is not None:
            versions.add(self._wanted.version)
        if self._next is not None:
            versions.add(self._next)
        return versions

    def _process_rest(self, answer: CheckAnswer) -> None:
        """Process the rest of a check's response: the announced version."""
        asked = answer.next_version, answer.rehearsal, answer.watch
        if asked == (self._next, self._rehearsed, self._watched):
            return
        self._next, self._rehearsed, self._watched = asked
        in_use = self._in_use()
        for version in [version for version in self._failed if version not in in_use]:
            del self._failed[version]  # a later announcement tries it again
        self._retire()
        self._rehearse()
        self._observe()
        self._notify()
        self.work.set()

    def _rehearse(self) -> None:
        """Begin the rehearsal that is asked for, once its version is ready, and end any other."""
        new = self._prepared.get(self._next or "") if self._rehearsed is not None else None
        current, before = self.active.prepared if self.active else None, self.rehearsal
        if before is not None and (before.identity, before.new, before.current) == (self._rehearsed, new, current):
            return
        if before is not None:
            before.end()
            self.rehearsal = None
        if self._rehearsed is not None and new is not None and current is not None and new is not current:
            self.rehearsal = Rehearsal(self._rehearsed, current, new)
            self.rehearsal.begin()

    def _observe(self) -> None:
        """Count the answers of the active version for the watch that is asked for, and end any other watch."""
        if self.watch is not None and self.watch.identity != self._watched:
            self.watch.end()
            self.watch = None
        if self._watched is None or self.active is None:
            return
        self.watch = self.watch or Watch(self._watched)
        self.watch.attach(self.active.prepared, after=self._next in {None, self.active.current.version})

    def _activate(self, active: ActiveVersion) -> None:
        before = self.active
        self._wanted = None
        self._prepared[active.prepared.version] = active.prepared
        self.active = active  # the switch
        self._retire()
        self._rehearse()
        self._observe()
        self.settled.set()
        self.work.set()
        metrics.begin_model(self.model)
        if before is not None:
            metrics.SWITCHES.labels(self.model).inc()
            metrics.ACTIVE_WORKERS.labels(self.model, before.current.version, before.current.sequence).set(0)
        metrics.ACTIVE_WORKERS.labels(self.model, active.current.version, active.current.sequence).set(1)
        event(
            "replica.switched",
            model=self.model,
            sequence=active.current.sequence,
            version=active.current.version,
            previous=short(before.current.version) if before else None,
        )
        self._notify()

    def _retire(self) -> None:
        """Unload the versions that are neither active, current nor announced; the disk cache still has them."""
        in_use = self._in_use()
        for version in [version for version in self._prepared if version not in in_use]:
            del self._prepared[version]
