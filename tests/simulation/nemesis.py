"""Injected failures: at random moments, and at the critical moments of a rollout or a start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from changeover.consistency import records
from tests.simulation.events import Do, Process
from tests.simulation.replica import Worker
from tests.simulation.schedules import CALM_AT, Fault, pick
from tests.simulation.server import Server

if TYPE_CHECKING:
    from tests.simulation.world import World

CUTS = ("cut", "cut", "cut to server", "cut from server")


class Nemesis:
    """The failures of one world: `wrong` is the number of those under way, `last_end` the time of the last end."""

    def __init__(self, world: World) -> None:
        self._world, self._random, self._events = world, world.random, world.events
        self.wrong = 0
        self.last_end = 0.0

    def react(self, moment: str) -> None:
        """React to a moment of model_server: the action that it is about to do, or its start."""
        plan, random = self._world.plan, self._random
        if self._events.now > CALM_AT:
            return
        if moment == "Withdraw" and plan.listing_lags:
            self._in(random.uniform(0.5, 1.0), self._lag)
        if moment == "Ready" and plan.killed_after:
            self._next_run()
            return
        if random.random() >= plan.meanness:
            return
        match moment:
            case "StopGranting":
                self._cut_some(0.5)
            case "AppendLedger":
                if random.random() < 0.5:
                    what = random.choice(["store slow", "store slow", "store away", "store stalls"])
                    self.do(Fault(what, "store", random.uniform(0.01, 0.5)))
                if random.random() < 0.6:
                    self._in(random.choice([0.0, 0.002, 0.01, 0.3]), self._kill_server)
            case "Flip":
                if random.random() < 0.5:
                    self._in(random.choice([0.0, 0.002, 0.01, 0.1]), self._kill_server)
            case "Ready":
                if random.random() < 0.5:
                    self._world.roll()
                else:
                    self._in(random.choice([0.05, random.uniform(0.05, 2.0)]), self._kill_server)
            case _:
                self._in(random.choice([0.0, 0.01, 0.1]), self.strike_anything)

    def _next_run(self) -> None:
        """Do what the plan has for this run of model_server."""
        script, run_number = self._world.plan.killed_after, self._world.server.runs - 1
        if run_number == len(script):
            self._world.roll()
        elif run_number < len(script):
            seconds = script[run_number]
            if seconds is not None:
                self._in(seconds, self._kill_server)

    def strike_anything(self) -> None:
        """Inject any fault."""
        names = [worker.name for worker in self._world.workers]
        self.do(pick(self._random, names, replicas_die=not self._world.plan.listing_lags))

    def _in(self, seconds: float, do: Do) -> None:
        """Do it after `seconds`; until then the world is not healed."""
        self.wrong += 1

        def come() -> None:
            self.wrong -= 1
            do()

        self._events.at(self._events.now + seconds, come)

    def _cut_some(self, share: float) -> None:
        for worker in self._world.workers:
            if self._random.random() < share:
                seconds = self._random.choice([6.0, self._random.uniform(0.3, 6.0)])
                self.do(Fault(self._random.choice(CUTS), worker.name, seconds))

    def _kill_server(self) -> None:
        """The server dies, and some replicas cannot reach the next one."""
        self._cut_some(0.5)
        self.do(Fault("kill", "server", self._random.choice([0.02, 0.1, self._random.uniform(0.0, 1.0)])))

    def _lag(self) -> None:
        """A restart that does not see the newest entry, and one that does; every replica has seen it."""
        world = self._world
        newest = world.store.ledger()[-1].sequence
        active = [worker.active() for worker in world.workers]
        undisturbed = self.wrong == 0 and world.server.ready and world.server.rollout is None and newest > 1
        if not undisturbed or any(version is None or version.current.sequence != newest for version in active):
            return
        start = self._events.now
        world.store.hides_newest = True
        self.do(Fault("kill", "server", 0.05))

        def see() -> None:
            world.store.hides_newest = False
            self.over("listing lags", start)
            self.do(Fault("kill", "server", 0.05))

        self._in(1.5, see)

    def do(self, fault: Fault) -> None:
        """Inject a fault, and end it in time."""
        world, start, seconds = self._world, self._events.now, fault.seconds
        processes = (world.server, *world.workers)
        process = next((process for process in processes if process.name == fault.target), world.server)
        what = f"{fault.what} {fault.target}"
        if fault.what in {"kill", "stop"} and (
            not process.alive or (process is world.server and world.server.stopping)
        ):
            return
        world.note(f"fault: {what} for {seconds:.3f} s")
        match fault.what:
            case "kill":
                process.die()
                self._restart(process, start, seconds, what)
                return
            case "stop":
                world.server.stop()
                self._restart(process, start, seconds, what)
                return
            case "pause":
                process.pause(seconds)
            case "cut" | "cut to server" | "cut from server":
                if fault.what != "cut from server":
                    world.network.cut(fault.target, "server", seconds)
                if fault.what != "cut to server":
                    world.network.cut("server", fault.target, seconds)
            case "slow from server":
                world.network.slow("server", fault.target, seconds)
            case "store slow":
                world.store.slow_until = max(world.store.slow_until, start + seconds)
            case _:
                world.store.away_until = max(world.store.away_until, start + seconds)
                world.store.stalls = fault.what == "store stalls"
        self._in(seconds, lambda: self.over(what, start))

    def _restart(self, process: Process, start: float, seconds: float, what: str) -> None:
        def restart() -> None:
            if process.alive:  # it is paused, and ends when it continues
                self._restart(process, start, 0.1, what)
                return
            assert isinstance(process, Server | Worker)
            process.start()
            self.over(what, start)

        self._in(seconds, restart)

    def over(self, what: str, start: float) -> None:
        """End a fault."""
        self.last_end = max(self.last_end, self._events.now)
        self._world.history.add(records.Fault(what, start, self._events.now))
        self._world.note(f"over: {what}")
