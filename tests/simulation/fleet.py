"""The story of a large fleet: a roll, a restart of model_server, and a roll while replicas restart and are cut off.

`python -m tests.simulation --seed 0 --fleet 1000` prints its rolls, and the calls that model_server got in each second.
"""

from collections import Counter
from dataclasses import dataclass
from random import Random

from changeover.protocol.wire import RolloutState
from tests.simulation.events import Clock
from tests.simulation.network import Weather
from tests.simulation.schedules import FASTEST, SLOWEST, Fault, Plan
from tests.simulation.world import World

LEASE_S = 1.0
STARTED_AT = 1.3  # seconds: the replicas have prepared their first version
SLOWNESS = (0.02, 0.3, 0.8)  # seconds: the longest preparation of a third of the replicas each
RESTARTED, CUT = 20, 5  # one replica of so many
PATIENCE = 30.0  # seconds until a roll is given up


def plan(replicas: int, random: Random) -> Plan:
    """Replicas on clocks at the bounds of the margin, and a network that loses and delays some messages."""
    rates = (SLOWEST, 1.0, FASTEST)
    return Plan(
        replicas=replicas,
        models=1,
        server_clock=Clock(),
        clocks=[Clock(random.choice(rates), random.uniform(-1000.0, 1000.0)) for _ in range(replicas)],
        leases_ms=[round(LEASE_S * 1000)],
        weather=Weather(lost=0.001, slow=0.01, slowest=0.05),
        prepare_timeout=20.0,
        rolls_at=[],
        faults_at=[],
        meanness=0.0,
        think_s=0.01,
        bad_share=0.0,
        listing_lags=False,
    )


@dataclass(frozen=True)
class Rolled:
    """One roll, in seconds of the world: when it began, and when the last replica was ready, and answered by it."""

    began: float
    last_ready: float
    switched: float

    @property
    def seconds_after_ready(self) -> float:
        """From the readiness of the last replica until every replica answers by the new version."""
        return self.switched - self.last_ready


class Fleet:
    """The world of one seed with `replicas` replicas; `rolls` are those that the story has done."""

    def __init__(self, replicas: int, seed: int) -> None:
        self.random = Random(f"fleet {seed}")
        self.world = World(seed, plan(replicas, self.random))
        self.rolls: list[Rolled] = []

    def run(self, *, quiet_roll: bool = True) -> None:
        """Run the story to its end, with or without its first roll, and read the state of all replicas."""
        world = self.world
        with world.simulated():
            world.begin()
            for number, worker in enumerate(world.workers):
                worker.slowness = SLOWNESS[number % len(SLOWNESS)]
            self._goes_on(STARTED_AT)
            if quiet_roll:
                self._roll()
            world.nemesis.do(Fault("kill", "server", 0.2))
            self._goes_on(0.4)
            self._roll(disturbed=True)
            world.read(world.events.now + 0.5)
            world.end()

    def traffic(self) -> dict[int, Counter[str]]:
        """The calls that model_server got, by second and kind."""
        seconds: dict[int, Counter[str]] = {}
        for (second, kind), calls in sorted(self.world.server.traffic.items()):
            seconds.setdefault(second, Counter())[kind] += calls
        return seconds

    def _goes_on(self, seconds: float) -> None:
        self.world.events.run(lambda: False, self.world.events.now + seconds)

    def _roll(self, *, disturbed: bool = False) -> None:
        world, events = self.world, self.world.events
        before, began, version = len(world.history.rollouts), events.now, world.new_version()
        world.operator.roll(version)
        if disturbed:
            self._goes_on(0.1)
            self._disturb()
        events.run(lambda: len(world.history.rollouts) > before, began + PATIENCE)
        ended = world.history.rollouts[-1:]
        assert [(one.version, one.state) for one in ended] == [(version, RolloutState.COMMITTED)], ended
        sequence = ended[0].sequence
        behind = list(world.workers)

        def switched() -> bool:
            while behind:
                active = behind[-1].active()
                if active is None or active.current.sequence != sequence:
                    return False
                behind.pop()
            return True

        events.run(switched, events.now + PATIENCE)
        assert not behind, f"{len(behind)} replicas do not answer by sequence {sequence}"
        last_ready = max(worker.ready_at[version] for worker in world.workers)
        self.rolls.append(Rolled(began, last_ready, events.now))

    def _disturb(self) -> None:
        """Kill some replicas, which start again, and cut others off from model_server."""
        for number, worker in enumerate(self.world.workers):
            seconds = self.random.uniform(0.2, 1.0)
            if number % RESTARTED == 0:
                self.world.nemesis.do(Fault("kill", worker.name, seconds))
            elif number % CUT == 1:
                what = self.random.choice(["cut", "cut to server", "cut from server"])
                self.world.nemesis.do(Fault(what, worker.name, 1.0 + seconds))
