"""Simulated events in the order of a true time that no process sees; clocks run apart, processes stop."""

import heapq
from collections.abc import Callable
from dataclasses import dataclass

Do = Callable[[], None]
ANY_LIFE = -1
TICK = 1e-6  # seconds; nothing takes less, or a wait that rounding cuts short would be repeated for ever


@dataclass(frozen=True)
class Clock:
    """What a process reads: it began somewhere and runs at a rate of its own, but never steps."""

    rate: float = 1.0
    offset: float = 0.0

    def read(self, true: float) -> float:
        return self.offset + self.rate * true


class Events:
    """The queue of what is to happen; at one moment, in the order in which it was put there."""

    def __init__(self) -> None:
        self.now = 0.0
        self._queue: list[tuple[float, int, Process | None, int, Do]] = []
        self._count = 0

    def at(self, time: float, do: Do, process: "Process | None" = None, life: int = ANY_LIFE) -> None:
        """Do it at `time`; what a `life` of a process wanted to do dies with it, and waits while it is paused."""
        self._count += 1
        heapq.heappush(self._queue, (time, self._count, process, life, do))

    def run(self, until: Callable[[], bool], limit: float) -> None:
        """Let things happen until `until` holds, at the latest at `limit`."""
        queue = self._queue
        while queue and not until():
            if queue[0][0] > limit:
                self.now = max(self.now, limit)
                return
            time, _, process, life, do = heapq.heappop(queue)
            self.now = max(self.now, time)
            if process is not None:
                if life not in (ANY_LIFE, process.life):
                    continue
                if process.paused_until > self.now:
                    self.at(process.paused_until, do, process, life)
                    continue
            do()


class Process:
    """Something that runs, can be stopped for a while, and dies."""

    def __init__(self, events: Events, name: str, clock: Clock) -> None:
        self.events, self.name, self.clock = events, name, clock
        self.alive = False
        self.life = 0
        self.paused_until = 0.0

    def now(self) -> float:
        """What its own clock says, in seconds."""
        return self.clock.read(self.events.now)

    def after(self, seconds: float, do: Do) -> None:
        """Do it when its own clock has gone on by `seconds`, if it still lives then."""
        self.events.at(self.events.now + max(TICK, seconds) / self.clock.rate, do, self, self.life)

    def die(self) -> None:
        """SIGKILL: memory and whatever it was about to do are gone."""
        self.alive = False
        self.life += 1
        self.paused_until = 0.0

    def pause(self, seconds: float) -> None:
        """SIGSTOP and SIGCONT: it does nothing meanwhile, its clock goes on."""
        self.paused_until = max(self.paused_until, self.events.now + seconds)
