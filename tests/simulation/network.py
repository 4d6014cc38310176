"""The simulated network: a message arrives late, twice, out of order, or never."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from tests.simulation.events import Do, Events, Process


@dataclass(frozen=True)
class Weather:
    """The quality of the network: shares of messages that are lost, doubled or slow, and the longest delay in seconds."""

    lost: float = 0.0
    doubled: float = 0.0
    slow: float = 0.0
    slowest: float = 0.2


class Network:
    """Carries messages; a link may be cut in one direction or in both."""

    def __init__(self, events: Events, random: Random, weather: Weather) -> None:
        self._events, self._random, self._weather = events, random, weather
        self._cut_until: dict[tuple[str, str], float] = {}
        self._slow_until: dict[tuple[str, str], float] = {}

    def cut(self, source: str, target: str, seconds: float) -> None:
        """Nothing sent from `source` arrives at `target` for a while."""
        self._cut_until[source, target] = self._events.now + seconds

    def slow(self, source: str, target: str, seconds: float) -> None:
        """Everything from `source` to `target` is slow for a while."""
        self._slow_until[source, target] = self._events.now + seconds

    def heal(self) -> None:
        """From now on nothing is lost, doubled or slow."""
        self._weather = Weather()

    def send(self, source: Process, target: Process, deliver: Do, refused: Do | None = None) -> None:
        """Deliver a message if `target` runs; otherwise the connection is refused, and `refused` is called."""
        copies = 2 if self._random.random() < self._weather.doubled else 1
        for _ in range(copies):
            delay = self._delay(source.name, target.name)
            if delay is not None:
                self._events.at(self._events.now + delay, self._arrival(source, target, deliver, refused), target)

    def _arrival(self, source: Process, target: Process, deliver: Do, refused: Do | None) -> Do:
        run_number = source.run_number

        def arrive() -> None:
            if target.alive:
                deliver()
            elif refused is not None:
                self._events.at(self._events.now + 0.0005, refused, source, run_number)

        return arrive

    def _delay(self, source: str, target: str) -> float | None:
        now, random, weather = self._events.now, self._random, self._weather
        if self._cut_until.get((source, target), 0.0) > now or random.random() < weather.lost:
            return None
        if self._slow_until.get((source, target), 0.0) > now:
            return random.uniform(0.05, 0.22)
        if random.random() < weather.slow:
            return random.uniform(0.003, weather.slowest)
        return random.uniform(0.0002, 0.003)

    def reply(self, target: Process, source: Process) -> Callable[[Do], None]:
        """A function by which `target` answers `source`, if the run of `source` that called continues."""
        run_number = source.run_number

        def answer(deliver: Do) -> None:
            def deliver_to_run() -> None:
                if source.run_number == run_number:
                    deliver()

            self.send(target, source, deliver_to_run)

        return answer
