"""The world of one seed: its processes, network, store and clients; failures, then the state after they have healed.

The processes run the loops of the product. `simulated` replaces what the loops do not get from their callers: the
clock, threads, waits, randomness and the log. A seed gives the same history every time.
"""

import gc
import re
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from random import Random
from types import SimpleNamespace
from unittest import mock

from changeover.consistency.check import check
from changeover.consistency.records import Final, History, ReplicaState, Rollout
from changeover.consistency.violation import Violation
from changeover.json_types import JsonObject
from changeover.process import clock, log_events
from changeover.process.clock import rfc3339
from changeover.process.loop import Loop
from changeover.sealed.keys import SigningKey
from changeover.sealed.statement import PAYLOAD_TYPE, EntryFacts, ManifestFacts, ManifestNamed, digest_of, payload
from model_server import backoff
from model_server.rollouts.rollout import Action, AppendLedger, Event
from model_server.rollouts.rollout_loop import RolloutLoop
from object_store import keys
from object_store.seal_keys import seal_key
from predict_api import gc_tuning
from predict_api.replica.active import ActiveVersion
from tests.simulation.events import Events
from tests.simulation.nemesis import Nemesis
from tests.simulation.network import Network, Weather
from tests.simulation.people import Clients, Operator
from tests.simulation.replica import Answered, Worker, manifest
from tests.simulation.schedules import CALM_AT, Fault, Plan, plan_of
from tests.simulation.server import Server, trust_in
from tests.simulation.store import MODEL, MODELS, Store

LIMIT = 90.0
_ROLLOUT_ID = re.compile(r"\d{4}-\d\d-\d\dT[0-9.]+Z-[0-9a-f]+")
HOOKS = {"ledger.read": "Ready", "ledger.overtaken": "Overtaken", "ledger.followed": "Followed"}
ROLLED = {"rollout.committed": "committed", "rollout.aborted": "aborted"}
CONVERGED_AFTER = 4.5


class World:
    """The world of one seed; `notes` are the log of its processes and the faults, by time."""

    def __init__(self, seed: int, plan: Plan | None = None, key: SigningKey | None = None) -> None:
        """`key`: the registry is sealed by it."""
        self._key = key
        self.plan = plan = plan or plan_of(seed)
        self.random = random = Random(f"world {seed}")
        self.events = events = Events(random)
        self.history = History()
        self.notes: list[tuple[float, str]] = []
        self.store = Store(events, random)
        self.network = Network(events, random, plan.weather)
        self.models = MODELS[: plan.models]
        self.server = Server(
            *(events, random, plan.server_clock, self.store, plan.leases_ms, plan.prepare_timeout),
            former=plan.former,
            key=key,
        )
        self.workers = [
            Worker(events, random, f"replica-{number}", clock, self.network, self.server, self.models, trust_in(key))
            for number, clock in enumerate(plan.clocks)
        ]
        self.clients = Clients(events, random, self.workers, self.history, plan.think_s, self.models)
        self.operator = Operator(events, self.network, self.server, self.history, lambda: self._bursts("committed"))
        self.versions: dict[str, list[str]] = {name: [] for name in self.models}
        # the version of each model that model_server rolls at its start, and the time of that decision
        self._rolled_at_start: dict[str, tuple[str, float]] = {}
        self._apart_s = 0.0  # between the last events of two models, which are read at one time
        self.nemesis = Nemesis(self)
        self.store.appends = lambda: self._react(AppendLedger.__name__)
        self.store.landed = lambda: self.nemesis.over("late store", events.now)

    def begin(self) -> None:
        """Make the first versions current, and start all processes."""
        rolled_at = rfc3339(datetime.now(UTC))
        for model in self.models:
            first = self.new_version(model)
            self.store.put(keys.rollout_key(model, 1), {"sequence": 1, "version": first, "rolled_at": rolled_at})
            named = ManifestNamed(0, self._sha256(keys.manifest_key(model, first)))
            self._seal(keys.rollout_key(model, 1), EntryFacts(model, 1, first, named, None, rolled_at, "seal"))
            # The previous run granted no leases, so that this one does immediately.
            self.store.put(keys.current_key(model), {"sequence": 1, "lease_ms": 0})
        self.server.start()
        for worker in self.workers:
            worker.slowness = self.random.choice([0.02, 0.3, 1.0])
            self.events.at(self.random.uniform(0.0, 0.3), worker.start, worker)
        self.clients.start()

    def _sha256(self, key: str) -> str:
        return digest_of(self.store.objects[key])

    def _seal(self, key: str, facts: ManifestFacts | EntryFacts) -> None:
        """Seal an object that was put without delay, in a sealed registry."""
        if self._key is not None:
            sha256 = self._sha256(key)
            envelope = self._key.sign(PAYLOAD_TYPE, payload(sha256, facts))
            self.store.objects[seal_key(facts.model, sha256, self._key.id)] = envelope.encode()

    def run(self) -> History:
        """Run the plan; returns the history, with the state at the end."""
        with self.simulated():
            self.begin()
            for time in self.plan.rolls_at:
                self.events.at(time, self.roll)
            for time in self.plan.faults_at:
                self.events.at(time, self.nemesis.strike_anything)
            self.events.at(CALM_AT, self._clear_up)
            self.finish()
            self.end()
        return self.history

    def end(self) -> None:
        """End all threads."""
        for process in (self.server, *self.workers):
            process.die()
        self.events.run(lambda: not any(process.waits for process in (self.server, *self.workers)), self.events.now)

    def _clear_up(self) -> None:
        self.network.heal()
        if self.plan.weather != Weather():
            self.nemesis.over("weather", 0.0)

    def finish(self) -> None:
        """Wait until all is healed and no rollout is under way, then for a while, and read the state."""
        events = self.events
        events.run(lambda: events.now > CALM_AT and self._calm(), LIMIT)
        newest = {model: self.store.ledger(model)[-1].version for model in self.models}
        self.clients.left_out = [
            (worker, model) for worker in self.workers for model in self.models if newest[model] in worker.bad
        ]
        ends = dict.fromkeys(self.models, self.nemesis.last_end)
        for rollout in self.history.rollouts:
            ends[rollout.model] = max(ends[rollout.model], rollout.end)
        self._apart_s = max(ends.values()) - min(ends.values())
        self.read(max(ends.values()) + CONVERGED_AFTER + self.waits_s())

    def read(self, read_at: float) -> None:
        """Read the state of every replica at this time, as the end of the history."""
        events = self.events
        events.run(lambda: False, read_at)
        read_at = max(read_at, events.now)
        self.clients.over = True
        states: dict[tuple[Worker, str], ReplicaState] = {}
        every = [(worker, model) for model in self.models for worker in self.workers]
        for worker, model in every:
            worker.ask(self._reader(worker, model, states), model)
        events.run(lambda: len(states) == len(every), read_at + 0.4)
        for name in self.models:
            ledger = tuple(self.store.ledger(name))
            serving = tuple(states[one] for one in every if one[1] == name and one not in self.clients.left_out)
            self.history.add(Final(name, events.now, ledger, tuple(self.versions[name]), serving))

    def waits_s(self) -> float:
        """The longest time that model_server may wait for the leases of a previous run."""
        return max(self.plan.leases_ms) / 1000 * 1.02

    def violations(self) -> list[Violation]:
        """The broken promises of the history."""
        return check(self.history, converge_within_s=5.0 + self.waits_s() + self._apart_s)

    def _calm(self) -> bool:
        server = self.server
        return (
            self.nemesis.wrong == self.store.late == 0
            and self.operator.waiting == 0
            and server.alive
            and server.ready
            and not server.rollout
        )

    def _reader(self, worker: Worker, model: str, states: dict[tuple[Worker, str], ReplicaState]) -> Answered:
        def answered(active: ActiveVersion | None, stale: bool) -> None:
            sequence, name = (active.current.sequence, active.prepared.version) if active else (None, None)
            states[worker, model] = ReplicaState(worker.name, sequence, name, stale)

        return answered

    def new_version(self, model: str = MODEL) -> str:
        """Admit a new version of a model."""
        new = version(sum(map(len, self.versions.values())))
        self.versions[model].append(new)
        self.store.put(keys.manifest_key(model, new), manifest(model, new).to_json())
        self._seal(keys.manifest_key(model, new), ManifestFacts(model, new, 0, rfc3339(datetime.now(UTC)), "seal"))
        for worker in self.workers:
            if self.random.random() < self.plan.bad_share:
                worker.bad.add(new)
        return new

    def roll(self) -> None:
        """Roll a model to a new version or back, over HTTP or by an upload and a restart."""
        chance, model = self.random.random(), self.random.choice(self.models)
        if chance < 0.2:
            self.operator.roll(None, model)
        elif chance < 0.35:
            new = self.new_version(model)
            uploaded_at = rfc3339(datetime.fromtimestamp(self.events.now, UTC))
            sequence = self.store.ledger(model)[-1].sequence
            mark: JsonObject = {"sequence": sequence, "name": "m.joblib", "admitted_at": uploaded_at}
            self.store.put(keys.upload_mark_key(model, uploaded_at, new), mark)
            self.nemesis.do(Fault("stop", "server", 0.35))
        else:
            self.operator.roll(self.new_version(model), model)

    def _react(self, name: str) -> None:
        """Send requests and inject failures at a moment of model_server."""
        if name in {"Flip", "Ready", "Followed"}:
            self._bursts(name)
        self.nemesis.react(name)

    def _bursts(self, why: str) -> None:
        for model in self.models:
            for number in range(2):
                self.clients.burst(8, model, f"{why.lower()}-{model}-{number}")

    def _logged(self, _level: int, name: str, **fields: object) -> None:
        """A process logs an event."""
        process = self.events.process
        self.note(f"{process.name if process else ''}: {name} {fields.get('version', '')} {fields.get('reason', '')}")
        if name in HOOKS:
            self._react(HOOKS[name])
        model = str(fields.get("model", ""))
        rolled, start = self._rolled_at_start.get(model, ("", 0.0))
        if name == "startup.decided":
            self._rolled_at_start[model] = (str(fields["version"]), self.events.now)
        elif name in ROLLED and rolled == fields["version"]:
            self.history.add(Rollout(model, rolled, ROLLED[name], start, self.events.now, int(str(fields["sequence"]))))
            del self._rolled_at_start[model]

    @contextmanager
    def simulated(self) -> Iterator[None]:
        """Run the code of the product in this world."""
        events, random, wait, do = self.events, self.random, threading.Event.wait, RolloutLoop._do

        def read_clock(_clock: int) -> float:
            return events.process.now() if events.process else events.now

        def wait_for(event: threading.Event, timeout: float | None = None) -> bool:
            if not events.in_simulated_thread():
                return wait(event, timeout)
            if not event.is_set() and timeout != 0 and events.process:
                events.process.wait(timeout, event.is_set)
            return event.is_set()

        def start(loop: Loop) -> None:
            if events.process:
                events.process.drive(loop)

        def do_later(loop: RolloutLoop, action: Action) -> Event | None:
            if not isinstance(action, AppendLedger):  # the store reports it
                self._react(type(action).__name__)
            self.server.wait(random.uniform(0.0, 0.001))
            return do(loop, action)

        logger = SimpleNamespace(log=self._logged)
        with ExitStack() as stack:
            gc.disable()  # it takes a fifth of the time
            stack.callback(gc.enable)
            for where, name, replacement in (
                (clock, "time", SimpleNamespace(clock_gettime=read_clock)),
                (threading.Event, "wait", wait_for),
                (Loop, "start", start),
                (RolloutLoop, "_do", do_later),
                (backoff, "random", random),
                (gc_tuning, "search", lambda: None),
                (log_events, "structlog", SimpleNamespace(get_logger=lambda: logger)),
            ):
                stack.enter_context(mock.patch.object(where, name, replacement))
            yield

    def note(self, text: str) -> None:
        """Add a line to the trace, without the id of a rollout, which has the time of the wall clock."""
        self.notes.append((self.events.now, _ROLLOUT_ID.sub("<rollout>", text)))


def version(number: int) -> str:
    """A sample SHA-256 for the version of this number."""
    return f"{number + 16:02x}" * 32
