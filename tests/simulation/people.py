"""Simulated users: clients that send requests in a row or at random moments, and an operator that rolls."""

from collections.abc import Callable
from random import Random

from changeover.consistency.records import UNKNOWN, Answer, History, Rollout
from changeover.protocol.wire import RolloutState
from predict_api.replica.active import ActiveVersion
from tests.simulation.events import Clock, Do, Events, Process
from tests.simulation.network import Network
from tests.simulation.replica import Worker
from tests.simulation.server import Server
from tests.simulation.store import MODEL

PATIENCE = 1.0  # seconds to wait for a rollout that is not under way: its response was lost


class Clients:
    """The clients; requests go to replicas that serve, as from a gateway."""

    def __init__(
        self,
        events: Events,
        random: Random,
        workers: list[Worker],
        history: History,
        think_s: float,
        models: tuple[str, ...],
    ) -> None:
        self._models = models
        self._events, self._random, self._workers, self._history = events, random, workers, history
        self._think_s = think_s
        self.over = False
        self.left_out: list[tuple[Worker, str]] = []  # workers that cannot load the newest version of a model

    def start(self) -> None:
        """Send requests at random moments from now on."""
        self._events.at(self._events.now + self._random.expovariate(1 / self._think_s), self._tick)

    def _tick(self) -> None:
        if not self.over:
            self.ask(self._random.choice(self._workers), self._random.choice(self._models), "walker")
            self.start()

    def burst(self, length: int, model: str, who: str) -> None:
        """Send requests of one client in a row, each when the one before is answered."""
        if length > 0:
            worker = self._random.choice(self._workers)
            self.ask(worker, model, who, lambda: self.burst(length - 1, model, who))

    def ask(self, worker: Worker, model: str, who: str, then: Callable[[], None] | None = None) -> None:
        """Send a request. A gateway repeats one that a killed replica does not answer, so it is not recorded."""
        if not worker.serves(model) or (worker, model) in self.left_out:
            if then is not None:
                self._events.at(self._events.now + 0.002, then)
            return
        start, run_number, events, random = self._events.now, worker.run_number, self._events, self._random

        def arrive() -> None:
            worker.ask(answered, model)

        def answered(active: ActiveVersion | None, stale: bool) -> None:
            events.at(events.now + random.uniform(0.0001, 0.001), lambda: record(active, stale))

        def record(active: ActiveVersion | None, stale: bool) -> None:
            self._history.add(_answer(model, active, stale, start, events.now, f"{who} at {worker.name}"))
            if then is not None:
                then()

        events.at(events.now + random.uniform(0.0001, 0.001), arrive, worker, run_number)


def _answer(model: str, active: ActiveVersion | None, stale: bool, start: float, end: float, who: str) -> Answer:
    if active is None:
        return Answer(model, start, end, ok=False, status=503, who=who, error="no-model")
    by = str(active.prepared.scorer)
    number, version = active.current.sequence, active.current.version
    return Answer(model, start, end, True, 200, number, version, stale, by, (by,), who)


class Operator(Process):
    """The operator rolls, rolls back and waits for the end, which is unknown if the response is lost."""

    def __init__(self, events: Events, network: Network, server: Server, history: History, committed: Do) -> None:
        super().__init__(events, "operator", Clock())
        self.alive, self._committed = True, committed
        self._network, self._server, self._history = network, server, history
        self.waiting = 0

    def roll(self, version: str | None, model: str = MODEL) -> None:
        """Roll to `version`, or back if that is None."""
        start = self.events.now
        open_, sent = True, False
        self.waiting += 1
        reply = self._network.reply(self._server, self)

        def ended(state: str, sequence: int | None, rolled: str | None) -> None:
            nonlocal open_
            if open_:
                open_ = False
                self.waiting -= 1
                self._history.add(Rollout(model, rolled or "previous", state, start, self.events.now, sequence))
                if state == RolloutState.COMMITTED:
                    self._committed()

        def ask() -> None:
            nonlocal sent
            if sent:
                return  # a POST is never repeated
            sent = True

            self._server.roll(version, lambda *end: reply(lambda: ended(*end)), model)

        run_number = self._server.run_number

        def watch() -> None:
            """Give up if the server died, or if no rollout is under way any more."""
            if open_:
                lost = self._server.rollout_of(model) is None and self.events.now - start > PATIENCE
                if lost or self._server.run_number != run_number:
                    ended(UNKNOWN, None, version)
                else:
                    self.after(0.2, watch)

        self._network.send(self, self._server, ask, lambda: ended(UNKNOWN, None, version))
        watch()
