"""Simulated users: clients that ask, one after the other or at random moments, and operators that roll."""

from collections.abc import Callable
from random import Random

from changeover.consistency.records import UNKNOWN, Answer, History, Rollout
from changeover.protocol.wire import RolloutState
from predict_api.replica.active import ActiveVersion
from tests.simulation.events import Clock, Do, Events, Process
from tests.simulation.network import Network
from tests.simulation.replica import Worker
from tests.simulation.server import MODEL, Server

PATIENCE = 1.0  # for a rollout that is not under way: its answer was lost


class Clients:
    """Consumers; requests go to replicas that serve, as a gateway would send them."""

    def __init__(self, events: Events, random: Random, workers: list[Worker], history: History, think_s: float) -> None:
        self._events, self._random, self._workers, self._history = events, random, workers, history
        self._think_s = think_s
        self.over = False
        self.left_out: list[Worker] = []

    def start(self) -> None:
        """Ask at random moments from now on."""
        self._events.at(self._events.now + self._random.expovariate(1 / self._think_s), self._tick)

    def _tick(self) -> None:
        if not self.over:
            self.ask(self._random.choice(self._workers), "walker")
            self.start()

    def burst(self, length: int, who: str) -> None:
        """One client asks replica after replica, each as soon as the one before has answered."""
        if length > 0:
            worker = self._random.choice(self._workers)
            self.ask(worker, who, lambda: self.burst(length - 1, who))

    def ask(self, worker: Worker, who: str, then: Callable[[], None] | None = None) -> None:
        """One request; what a replica that dies leaves unanswered is the gateway's to repeat, and not recorded."""
        if not worker.serves or worker in self.left_out:
            if then is not None:
                self._events.at(self._events.now + 0.002, then)
            return
        start, life, events, random = self._events.now, worker.life, self._events, self._random

        def arrive() -> None:
            worker.ask(answered)

        def answered(held: ActiveVersion | None, stale: bool) -> None:
            events.at(events.now + random.uniform(0.0001, 0.001), lambda: record(held, stale))

        def record(held: ActiveVersion | None, stale: bool) -> None:
            self._history.add(_answer(held, stale, start, events.now, f"{who} at {worker.name}"))
            if then is not None:
                then()

        events.at(events.now + random.uniform(0.0001, 0.001), arrive, worker, life)


def _answer(held: ActiveVersion | None, stale: bool, start: float, end: float, who: str) -> Answer:
    if held is None:
        return Answer(MODEL, start, end, ok=False, status=503, who=who, error="no-model")
    by = str(held.prepared.scorer)
    number, version = held.current.sequence, held.current.version
    return Answer(MODEL, start, end, True, 200, number, version, stale, by, (by,), who)


class Operator(Process):
    """Rolls and rolls back, and waits for the end; an answer that never comes leaves it in the dark."""

    def __init__(self, events: Events, network: Network, server: Server, history: History, committed: Do) -> None:
        super().__init__(events, "operator", Clock())
        self.alive, self._committed = True, committed
        self._network, self._server, self._history = network, server, history
        self.waiting = 0

    def roll(self, version: str | None) -> None:
        """Roll to `version`, or back where that is None."""
        start = self.events.now
        open_, asked = True, False
        self.waiting += 1
        reply = self._network.reply(self._server, self)

        def ended(state: str, sequence: int | None, said: str) -> None:
            nonlocal open_
            if open_:
                open_ = False
                self.waiting -= 1
                self._history.add(Rollout(MODEL, said or "previous", state, start, self.events.now, sequence))
                if state == RolloutState.COMMITTED:
                    self._committed()

        def ask() -> None:
            nonlocal asked
            if asked:
                return  # a POST is never repeated
            asked = True

            def told(state: RolloutState, sequence: int | None) -> None:
                committed = self._server.store.ledger.get(sequence or 0) if state is RolloutState.COMMITTED else None
                said = version or (committed.version if committed else "")
                reply(lambda: ended(state, sequence, said))

            self._server.rollback(told) if version is None else self._server.begin(version, told)

        life = self._server.life

        def watch() -> None:
            """The connection ends with the server, or is found to be broken."""
            if open_:
                lost = self._server.rollout is None and self.events.now - start > PATIENCE
                if lost or self._server.life != life:
                    ended(UNKNOWN, None, version or "")
                else:
                    self.after(0.2, watch)

        self._network.send(self, self._server, ask, lambda: ended(UNKNOWN, None, version or ""))
        watch()
