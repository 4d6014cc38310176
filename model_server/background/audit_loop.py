"""The audit of the ledgers in the bucket, each second: entries of other processes, and entries that are lost.

An audit takes MOST_LOOKS models in turn; all of them, while another process is known to write entries.

Only one model_server may run on a bucket; this loop limits the harm if a second one does. It follows an entry of
another process in the order of a commit: model_server grants no lease, waits until all leases are over, then answers
with the new entry. A lost entry is reported, and no version is unloaded. A store failure is counted and not reported
here: the startup loop reports it.
"""

from functools import partial
from typing import Final

from changeover.exceptions import ChangeoverError
from changeover.process import log_events
from changeover.process.clock import now
from changeover.process.loop import Loop
from model_server import metrics
from model_server.exceptions import EntryUnsealed, LedgerBelowFloor, RecordUnreadable
from model_server.ledger.ledger import Ledger
from model_server.ledger.record import Rollout
from model_server.problems import Problems, Topic
from model_server.rollouts.model_state import Models, ModelState
from model_server.sealing.chain_audit import ChainAudit
from object_store.exceptions import StoreError, StoreUnavailable

EVERY_S: Final = 1.0  # between two audits
MOST_LOOKS: Final = 5  # models in one audit: each costs a read of the store, 1 ms of processor time or more
SOON_S: Final = 0.05  # between two checks whether all leases are over
REPORTED_FOR_S: Final = 600.0  # for which `/readyz` reports another process's entry


class Audit(Loop):
    """The audit loop. It writes its findings into `problems`, for `/readyz`. Start it when the ledger has been read."""

    def __init__(self, models: Models, ledger: Ledger, problems: Problems, chains: ChainAudit | None = None) -> None:
        super().__init__("audit")
        self._chains = chains
        self._models = models
        self._ledger = ledger
        self._problems = problems
        self._due = float("-inf")
        self._audited = -1
        self._next_look = 0
        self._overtaken_at: dict[str, float] = {}  # when `/readyz` began to report another process's entry

    def miss(self, model: str, what: str) -> None:
        """Report that the bucket lost entries: it was emptied, or restored from a backup. No version is unloaded."""
        reason = (
            f"{what}: emptied, or restored from a backup? No version is unloaded; restore the bucket, or roll again"
        )
        self._report(Topic.LEDGER, "ledger.lost", model, reason)

    def damaged(self, model: str, error: RecordUnreadable) -> None:
        """Report that the ledger's next number is an unreadable object: the last good version stays current."""
        next_step = "no roll succeeds until it is restored, or removed if another writer put it there"
        if isinstance(error, EntryUnsealed):
            next_step = "the next roll replaces it, unless it was current before: then restore it"
        reason = f"{error}. The last good version stays current, and {next_step}"
        self._report(Topic.LEDGER_ENTRY, "ledger.damaged", model, reason)

    def below_floor(self, model: str, reason: str) -> None:
        """Report a ledger that ends below an entry that was verified before: its newest version is not served."""
        self._report(Topic.LEDGER, "ledger.below_floor", model, reason)

    def report_stray(self, model: str) -> None:
        """Report the entry beyond a missing number of the ledger, or clear that report."""
        stray = self._ledger.stray(model)
        if stray is None:
            self._problems.clear(Topic.STRAY_ENTRY, model)
            return
        reason = (
            f"{stray} comes after a missing number of the ledger, and is not followed: restore the lost entries, or remove it if "
            f"another writer put it there"
        )
        self._report(Topic.STRAY_ENTRY, "ledger.stray", model, reason)

    def _report(self, topic: Topic, name: str, model: str, reason: str) -> None:
        """Log an error once, and report it on `/readyz`."""
        if self._problems.set(topic, reason, model):
            log_events.event(name, level="error", model=model, reason=reason)

    def run_once(self, time: float) -> float:
        """Follow entries of other processes, and audit each second; returns the seconds until the next step."""
        for state in self._models.all():
            if state.follow(time):
                self._followed(state)
        if time >= self._due:
            self._due = time + EVERY_S
            self._look()
        under_way = any(state.overtaken is not None for state in self._models.all())
        return SOON_S if under_way else max(0.0, self._due - now())

    def _look(self) -> None:
        """Check models for new entries, and the whole ledger of one model; the next audit takes the next models."""
        states = self._models.all()
        looks = [partial(self._look_beyond, state) for state in self._due_for_a_look(states) if not state.overtaken]
        if states:
            self._audited = (self._audited + 1) % len(states)
            looks.append(partial(self._look_at, states[self._audited]))
        for look in looks:
            try:
                look()
                metrics.STORE_UP.set(1)
            except StoreError as error:
                metrics.STORE_FAILURES.labels(type(error).__name__).inc()
                if isinstance(error, StoreUnavailable):
                    metrics.STORE_UP.set(0)
                    break  # the store's timeout would pass again for each other model
        for model, overtaken_at in list(self._overtaken_at.items()):
            if now() - overtaken_at > REPORTED_FOR_S:
                del self._overtaken_at[model]
                self._problems.clear(Topic.OTHER_SERVERS, model)

    def _due_for_a_look(self, states: list[ModelState]) -> list[ModelState]:
        """The models to check for new entries in this audit."""
        if len(states) <= MOST_LOOKS or self._overtaken_at:
            return states
        first = self._next_look % len(states)
        self._next_look = first + MOST_LOOKS
        return (states[first:] + states[:first])[:MOST_LOOKS]

    def _look_beyond(self, state: ModelState) -> None:
        current = state.current
        try:
            newer = self._ledger.newer(state.name, current.sequence if current else 0)
        except LedgerBelowFloor as error:
            self.below_floor(state.name, str(error))
            return
        except RecordUnreadable as error:
            self.damaged(state.name, error)
            return
        self._problems.clear(Topic.LEDGER_ENTRY, state.name)
        if newer is None or not state.overtake(newer):
            return
        reason = (
            f"sequence {newer.sequence} was written by another process: it is followed once leases on older ones are "
            f"over. Only one model_server may run on a bucket"
        )
        log_events.event(
            "ledger.overtaken",
            level="error",
            model=state.name,
            version=newer.version,
            sequence=newer.sequence,
            reason=reason,
        )
        self._overtaken_at[state.name] = now()
        self._problems.set(Topic.OTHER_SERVERS, reason, state.name)

    def _look_at(self, state: ModelState) -> None:
        self._ledger.look(state.name)
        self.report_stray(state.name)
        if state.entry is not None:
            self._look_for(state.entry)
        if self._chains is not None:
            self._chains.step(state.name, state.current, now())

    def _look_for(self, entry: Rollout) -> None:
        if self._ledger.has_lost(entry):
            self.miss(entry.model, f"sequence {entry.sequence} is current, but gone from the bucket")
        elif self._problems.clear(Topic.LEDGER, entry.model):
            log_events.event("ledger.found", model=entry.model, sequence=entry.sequence)

    def _followed(self, state: ModelState) -> None:
        entry = state.entry
        if entry is None:
            return
        log_events.event("ledger.followed", model=state.name, version=entry.version, sequence=entry.sequence)
        try:
            self._ledger.hints.follow(entry)
        except ChangeoverError as error:
            # The price: the next start waits once for leases that are over already.
            log_events.event("ledger.hint_failed", level="warning", model=state.name, reason=str(error))
