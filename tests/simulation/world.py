"""One seed, one world, one history: joins the parts, lets things go wrong, then heals all and reads the state.

Everything that decides is the product's own, driven by `server.py` and `replica.py`; time is a number and chance is
seeded, so that a seed is the same history every time.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from unittest import mock

from changeover.consistency.check import check
from changeover.consistency.records import Final, History, ReplicaState, Rollout
from changeover.consistency.violation import Violation
from changeover.protocol.wire import RolloutState
from model_server.intake.startup import Upload
from predict_api.replica import replica as predict_replica
from predict_api.replica.active import ActiveVersion
from tests.simulation.events import Events
from tests.simulation.nemesis import Nemesis
from tests.simulation.network import Network, Weather
from tests.simulation.people import Clients, Operator
from tests.simulation.replica import Answered, Worker
from tests.simulation.schedules import CALM_AT, Fault, Plan, plan_of
from tests.simulation.server import MODEL, Server
from tests.simulation.store import Kept, Store

LIMIT = 90.0
CONVERGED_AFTER = 4.5


class World:
    """The world of one seed; `notes` tell what model_server did and what went wrong, by time."""

    def __init__(self, seed: int, plan: Plan | None = None) -> None:
        self.plan = plan = plan or plan_of(seed)
        self.random = random = Random(f"world {seed}")
        self.events = events = Events()
        self.history = History()
        self.notes: list[tuple[float, str]] = []
        self.store = Store(events, random)
        self.network = Network(events, random, plan.weather)
        self.server = Server(events, random, plan.server_clock, self.store, plan.leases_ms, plan.prepare_timeout)
        self.workers = [
            Worker(events, random, f"replica-{number}", clock, self.network, self.server)
            for number, clock in enumerate(plan.clocks)
        ]
        self.clients = Clients(events, random, self.workers, self.history, plan.think_s)
        self.operator = Operator(events, self.network, self.server, self.history, lambda: self._bursts("told"))
        self.server.saw, self.server.rolled_at_start = self._saw, self._rolled_at_start
        self.versions = [version(0)]
        self.nemesis = Nemesis(self)
        self.store.landed = lambda: self.nemesis.over("late store", events.now)

    def begin(self) -> None:
        """The first version is current; everybody starts."""
        first = self.versions[0]
        self.store.ledger[1] = Kept(1, first, None, "first")
        self.store.hint = {"sequence": 1, "lease_ms": 0}  # before, every request asked: leases are granted at once
        self.server.start()
        for worker in self.workers:
            worker.slowness = self.random.choice([0.02, 0.3, 1.0])
            self.events.at(self.random.uniform(0.0, 0.3), worker.start, worker)
        self.clients.start()

    def run(self) -> History:
        """Everything that the plan has, and the state at the end."""
        with quiet():
            self.begin()
            for time in self.plan.rolls_at:
                self.events.at(time, self.roll)
            for time in self.plan.faults_at:
                self.events.at(time, self.nemesis.strike_anything)
            self.events.at(CALM_AT, self._clear_up)
            self.finish()
        return self.history

    def _clear_up(self) -> None:
        self.network.heal()
        if self.plan.weather != Weather():
            self.nemesis.over("weather", 0.0)

    def finish(self) -> None:
        """Wait until all is healed and no rollout is under way, then for a while, and read the state."""
        events = self.events
        events.run(lambda: events.now > CALM_AT and self._calm(), LIMIT)
        newest = max(self.store.ledger.values(), key=lambda one: one.sequence)
        self.clients.left_out = [one for one in self.workers if newest.version in one.bad]
        ends = [one.end for one in self.history.rollouts]
        read_at = max([self.nemesis.last_end, *ends]) + CONVERGED_AFTER + self.waits_s()
        events.run(lambda: False, read_at)
        read_at = max(read_at, events.now)
        self.clients.over = True
        found: dict[str, ReplicaState] = {}
        for worker in self.workers:
            worker.ask(self._reader(worker, found))
        events.run(lambda: len(found) == len(self.workers), read_at + 0.4)
        ledger = tuple(one.current for one in self.store.ledger.values())
        serving = tuple(found[one.name] for one in self.workers if one not in self.clients.left_out)
        self.history.add(Final(MODEL, events.now, ledger, tuple(self.versions), serving))

    def waits_s(self) -> float:
        """How long model_server may have to wait for the leases of a former life."""
        return max(self.plan.leases_ms) / 1000 * 1.02

    def violations(self) -> list[Violation]:
        """What of the promises the history breaks."""
        return check(self.history, converge_within_s=5.0 + self.waits_s())

    def _calm(self) -> bool:
        server = self.server
        return (
            self.nemesis.wrong == self.store.late == 0
            and self.operator.waiting == 0
            and server.alive
            and server.ready
            and not server.rollout
        )

    def _reader(self, worker: Worker, found: dict[str, ReplicaState]) -> Answered:
        def answered(held: ActiveVersion | None, stale: bool) -> None:
            sequence = held.current.sequence if held else None
            found[worker.name] = ReplicaState(worker.name, sequence, held.prepared.version if held else None, stale)

        return answered

    def new_version(self) -> str:
        """A version that was just admitted."""
        made = version(len(self.versions))
        self.versions.append(made)
        for worker in self.workers:
            if self.random.random() < self.plan.bad_share:
                worker.bad.add(made)
        return made

    def roll(self) -> None:
        """Roll to a new version or back, over HTTP or by an upload and a restart."""
        chance = self.random.random()
        if chance < 0.2:
            self.operator.roll(None)
        elif chance < 0.35:
            made = self.new_version()
            self.store.marks.append(Upload(MODEL, made, f"{self.events.now:09.3f}", max(self.store.ledger), "m.joblib"))
            self.nemesis.do(Fault("stop", "server", 0.35))
        else:
            self.operator.roll(self.new_version())

    def _saw(self, name: str) -> None:
        self.note(f"model_server: {name}")
        if name in {"Flip", "Ready", "Followed"}:
            self._bursts(name)
        self.nemesis.saw(name)

    def _bursts(self, why: str) -> None:
        for number in range(2):
            self.clients.burst(8, f"{why.lower()}-{number}")

    def _rolled_at_start(self, rolled: str, start: float, state: RolloutState, number: int | None) -> None:
        self.history.add(Rollout(MODEL, rolled, state.value, start, self.events.now, number))

    def note(self, text: str) -> None:
        """Keep what happened, for whoever replays the seed."""
        self.notes.append((self.events.now, text))


def version(number: int) -> str:
    """The SHA-256 of the version of this number, made up."""
    return f"{number + 16:02x}" * 32


@contextmanager
def quiet() -> Iterator[None]:
    """Without the log, which is of no use here and takes most of the time."""
    with mock.patch.object(predict_replica, "event", _nothing):
        yield


def _nothing(_name: str, **_fields: object) -> None:
    """Logs nothing."""
