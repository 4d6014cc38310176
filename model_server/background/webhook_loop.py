"""The loop that sends webhooks: it makes events from the records of this model_server, and sends the pending ones.

The records in the bucket are the truth, and nothing is written when something happens. After a crash, the loop makes
the same events again from the records, and sends those that the cursor of an address does not have.
"""

import random
from collections.abc import Iterator, Sequence
from typing import Final

from changeover.process import clock, log_events
from changeover.process.clock import utc_now
from changeover.process.loop import Loop
from model_server import metrics
from model_server.exceptions import RecordUnreadable
from model_server.problems import Problems, Topic
from model_server.rollouts.model_state import Models, ModelState
from model_server.rollouts.past import Ended, Past
from model_server.versions.version_index import VersionIndex
from model_server.webhooks import cursor, recorded
from model_server.webhooks.addresses import Address
from model_server.webhooks.deliveries import PATIENT, Deliveries
from model_server.webhooks.event import Event, replica_stale
from model_server.webhooks.outbox import Outbox
from model_server.webhooks.sender import Outcome, Sender
from model_server.webhooks.stale_replicas import StaleReplicas
from object_store.bucket import Bucket
from object_store.exceptions import StoreError

EVERY_S: Final = 0.5  # between two looks at the records, which are in memory
FLEETS_EVERY_S: Final = 2.0  # between two looks at the replicas
_NICE: Final = 10


class WebhookLoop(Loop):
    """The loop. One step sends one event at most to each address."""

    def __init__(
        self,
        bucket: Bucket,
        models: Models,
        index: VersionIndex,
        past: Past,
        outbox: Outbox,
        sender: Sender,
        addresses: Sequence[Address],
        problems: Problems,
    ) -> None:
        super().__init__("webhooks", nice=_NICE)
        self._bucket, self._models, self._index, self._past = bucket, models, index, past
        self._outbox, self._sender, self._problems = outbox, sender, problems
        self._addresses = addresses
        self._numbers = {address: number for number, address in enumerate(addresses, 1)}
        self._began_at = utc_now()
        self._deliveries: dict[Address, Deliveries] = {}
        self._unsaved: set[Address] = set()  # with deliveries that their cursors lack
        self._collected: dict[str, tuple[int, list[Ended]]] = {}  # the state of each model's records at the last look
        self._replicas = StaleReplicas()
        self._fleets_due = float("-inf")
        self._outbox_read = False

    def run_once(self, time: float) -> float:
        """Collect the new events, and send one to each address; returns the seconds until the next step."""
        try:
            self._open()
            self._look_at_fleets(time)
            self._collect()
        except StoreError as error:
            log_events.event("webhook.store_failed", level="warning", reason=str(error))
        for address, deliveries in self._deliveries.items():
            event = deliveries.due(clock.now())
            if event is not None:
                self._finish(address, deliveries, event, self._sender.send(address, event))
        self._save()
        metrics.WEBHOOKS_PENDING.set(sum(deliveries.pending for deliveries in self._deliveries.values()))
        waits = [deliveries.wait_s(clock.now()) for deliveries in self._deliveries.values()]
        return min([EVERY_S, *waits])

    def _open(self) -> None:
        """Read the cursors, and what a previous run left in the outbox; raises StoreError."""
        for address in self._addresses:
            if address in self._deliveries:
                continue
            try:
                self._deliveries[address] = cursor.read(self._bucket, address, self._began_at)
            except RecordUnreadable as error:
                reason = (
                    f"{error}. Nothing is sent to {address.shown}: restore it, or remove it to begin with new events"
                )
                self._report("webhook.cursor_unreadable", address, reason)
                continue
            self._problems.clear(Topic.WEBHOOKS, self._place(address))
            self._collected.clear()
            log_events.event("webhook.opened", address=self._name(address), since=self._deliveries[address].since)
        if not self._outbox_read:
            self._outbox.read()
            self._outbox_read = True

    def _collect(self) -> None:
        """Add the events of new records to the deliveries; raises StoreError."""
        if len(self._deliveries) == len(self._addresses):
            for event in self._outbox.store():
                self._add([event])
                if not any(deliveries.waits_for(event) for deliveries in self._deliveries.values()):
                    self._outbox.remove(event)
        if not self._deliveries or not self._models.ready.is_set():
            return
        for state in self._models.all():
            edition = self._index.edition(state.name)
            ended = self._past.of(state.name, state.current.sequence if state.current else 0)
            collected = self._collected.get(state.name)
            if collected is None or collected[0] != edition or collected[1] is not ended:
                self._add(list(self._events(state, ended)))
                self._collected[state.name] = edition, ended

    def _events(self, state: ModelState, ended: list[Ended]) -> Iterator[Event]:
        since = min(deliveries.since for deliveries in self._deliveries.values())
        for listed in self._index.since(state.name, since):
            yield recorded.of_version(state.name, listed)
        yield from map(recorded.of_rejection, self._index.rejections(state.name))
        yield from (recorded.of_rollout(each) for each in ended if each.rollout.rolled_at >= since)

    def _add(self, events: list[Event]) -> None:
        for deliveries in self._deliveries.values():
            deliveries.add(events)

    def _look_at_fleets(self, time: float) -> None:
        if time < self._fleets_due:
            return
        self._fleets_due = time + FLEETS_EVERY_S
        fleets = []
        for state in self._models.all():
            with state.changed:
                fleets.append((state.name, state.current, state.fleet.to_json(time)))
        for stale in self._replicas.look(fleets, time):
            self._outbox.add(replica_stale(utc_now(), stale.replica, stale.host, stale.models, stale.reason))

    def _finish(self, address: Address, deliveries: Deliveries, event: Event, outcome: Outcome) -> None:
        """Record the outcome of an attempt."""
        if not outcome.reason:
            deliveries.succeeded(event)
            self._unsaved.add(address)
            metrics.WEBHOOKS.labels("delivered").inc()
            self._problems.clear(Topic.WEBHOOKS, self._place(address))
            log_events.event(
                "webhook.delivered", level="debug", address=self._name(address), type=event.type, id=event.id
            )
            return
        pause_s = deliveries.failed(
            event,
            clock.now(),
            refused=outcome.refused,
            jitter=random.uniform(0.5, 1.0),
            retry_after_s=outcome.retry_after_s,
        )
        metrics.WEBHOOKS.labels("failed").inc()
        log_events.event(
            "webhook.failed",
            level="warning",
            address=self._name(address),
            type=event.type,
            id=event.id,
            reason=outcome.reason,
            pause_s=round(pause_s, 1),
        )
        if deliveries.attempts(event) >= PATIENT:
            text = f"{deliveries.pending} events wait for {address.shown}, which answers {outcome.reason}; tried again"
            self._problems.set(Topic.WEBHOOKS, text, self._place(address))

    def _save(self) -> None:
        """Write the cursors of addresses that have taken events. After a failure, they are written by the next step."""
        for address in list(self._unsaved):
            try:
                cursor.write(self._bucket, address, self._deliveries[address])
            except StoreError as error:
                log_events.event(
                    "webhook.cursor_unsaved", level="warning", address=self._name(address), reason=str(error)
                )
                return
            self._unsaved.discard(address)

    def _report(self, name: str, address: Address, reason: str) -> None:
        """Log an error once, and report it on `/readyz`."""
        if self._problems.set(Topic.WEBHOOKS, reason, self._place(address)):
            log_events.event(name, level="error", address=self._name(address), reason=reason)

    def _place(self, address: Address) -> str:
        """The name of an address on `/readyz`, where strangers read it: its place in WEBHOOK_URLS."""
        return f"address {self._numbers[address]}"

    def _name(self, address: Address) -> str:
        """The name of an address in logs: its host and its place. A hash of it would let a short secret be guessed."""
        return f"{address.shown} ({self._place(address)})"
