"""The plan of a seed: its replicas, clocks, leases and failures."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from tests.simulation.events import Clock
from tests.simulation.network import Weather

CALM_AT = 6.0  # the time of the last failure and of the last rollout
SLOWEST, FASTEST = 0.9951, 1.0049  # as far apart as the margin of 1 % allows


@dataclass(frozen=True)
class Plan:
    """The world of one seed. `leases_ms` has LEASE_MS of each run of model_server; the last value is for all later runs."""

    replicas: int
    models: int
    server_clock: Clock
    clocks: list[Clock]
    leases_ms: list[int]
    weather: Weather
    prepare_timeout: float
    rolls_at: list[float]
    faults_at: list[float]
    meanness: float  # the share of a rollout's steps at which a failure is injected
    think_s: float  # between two requests
    bad_share: float  # of replicas that cannot load a version
    listing_lags: bool
    former: bool = False  # model_server is of the release before, without the check of all models
    # seconds after which each run of model_server is killed; the run after them rolls
    killed_after: tuple[float | None, ...] = ()


def plan_of(seed: int) -> Plan:
    """The plan of a seed."""
    random = Random(f"plan {seed}")
    replicas = random.choice([1, 2, 2, 3, 3, 4])
    lease_ms = random.choice([0, 0, 200, 1000, 1000, 1000, 3000, 5000, 5000])
    leases_ms = [lease_ms]
    if random.random() < 0.25:
        leases_ms = [random.choice([0, 200, 1000, 5000]) for _ in range(3)]
    return Plan(
        replicas=replicas,
        models=random.choice([1, 1, 1, 2, 3]),
        server_clock=_clock(random),
        clocks=[_clock(random) for _ in range(replicas)],
        leases_ms=leases_ms,
        weather=_weather(random),
        prepare_timeout=random.uniform(1.0, 6.0),
        rolls_at=sorted(random.uniform(0.5, CALM_AT) for _ in range(random.randint(1, 4))),
        faults_at=sorted(random.uniform(0.2, CALM_AT) for _ in range(random.randint(0, 3))),
        meanness=random.choice([0.0, 0.1, 0.3, 0.5]),
        think_s=random.uniform(0.05, 0.2),
        bad_share=random.choice([0.0, 0.0, 0.0, 0.2]),
        listing_lags=random.random() < 0.1,
        former=random.random() < 0.1,
    )


def _clock(random: Random) -> Clock:
    return Clock(random.choice([SLOWEST, 1.0, FASTEST]), random.uniform(-1000.0, 1000.0))


def _weather(random: Random) -> Weather:
    if random.random() < 0.3:
        return Weather()
    return Weather(
        lost=random.choice([0.0, 0.01, 0.05]),
        doubled=random.choice([0.0, 0.05]),
        slow=random.choice([0.0, 0.05, 0.2]),
        slowest=random.choice([0.05, 0.2, 0.4]),
    )


@dataclass(frozen=True)
class Fault:
    """A failure of `target` for so many seconds."""

    what: str
    target: str
    seconds: float


def pick(random: Random, names: list[str], *, replicas_die: bool) -> Fault:
    """A random failure; `names` are the replicas."""
    replica = random.choice(names)
    choices: list[Callable[[], Fault]] = [
        lambda: Fault("kill", "server", random.choice([0.05, 0.3, random.uniform(0.05, 1.5)])),
        lambda: Fault("kill", "server", random.uniform(0.02, 0.2)),
        lambda: Fault("stop", "server", random.uniform(0.35, 1.0)),
        lambda: Fault("pause", "server", random.uniform(0.01, 1.5)),
        lambda: Fault("pause", replica, random.uniform(0.01, 2.5)),
        lambda: Fault("cut to server", replica, random.uniform(0.2, 6.0)),
        lambda: Fault("cut from server", replica, random.uniform(0.2, 6.0)),
        lambda: Fault("cut", replica, random.uniform(0.2, 6.0)),
        lambda: Fault("slow from server", replica, random.uniform(0.3, 2.0)),
        lambda: Fault("store away", "store", random.uniform(0.1, 1.5)),
        lambda: Fault("store stalls", "store", random.uniform(0.1, 1.5)),
        lambda: Fault("store slow", "store", random.uniform(0.05, 0.5)),
    ]
    if replicas_die:
        choices.append(lambda: Fault("kill", replica, random.uniform(0.1, 1.0)))
    return random.choice(choices)()
