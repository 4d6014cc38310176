"""The object store, as far as the ledger goes: create-if-absent is atomic, answers get lost, writes land late."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import TypeVar

from changeover.json_types import JsonObject
from changeover.protocol.wire import Current
from model_server.intake.startup import Upload
from tests.simulation.events import Do, Events, Process

T = TypeVar("T")
TIMEOUT = 0.3


@dataclass(frozen=True)
class Kept:
    """One ledger entry; `id` tells an attempt from another of the same number."""

    sequence: int
    version: str
    previous: str | None
    id: str

    @property
    def current(self) -> Current:
        return Current(self.sequence, self.version)


class Store:
    """The bucket of one model."""

    def __init__(self, events: Events, random: Random) -> None:
        self._events, self._random = events, random
        self.ledger: dict[int, Kept] = {}
        self.hint: JsonObject = {}
        self.marks: list[Upload] = []
        self.away_until = 0.0
        self.stalls = False  # while away, what is sent waits in it and is done later
        self.slow_until = 0.0
        self.landed: Do = lambda: None
        self.late = 0  # writes that nobody waits for any more, and that will land
        self.hides_newest = False  # a listing that lags behind what was written

    def do(self, process: Process, act: Callable[[], T], then: Callable[[T], None], failed: Do) -> None:
        """Do `act` here, then tell; or nobody tells, and whoever asked does not know whether it was done."""
        life = process.life

        def finish() -> None:
            result = act()
            self._events.at(self._events.now + self._random.uniform(0.0005, 0.004), lambda: then(result), process, life)

        now = self._events.now
        if now < self.away_until:
            if self.stalls:
                self._land(act, self.away_until - now + self._random.uniform(0.0, 0.5))
            process.after(TIMEOUT, failed)
        elif now < self.slow_until:
            self._land(act, self._random.uniform(TIMEOUT, 2.5))
            process.after(TIMEOUT, failed)
        else:
            self._events.at(now + self._random.uniform(0.0005, 0.02), finish)

    def _land(self, act: Callable[[], object], seconds: float) -> None:
        """It is done, but long after anybody waits for it."""
        self.late += 1

        def land() -> None:
            self.late -= 1
            act()
            self.landed()

        self._events.at(self._events.now + seconds, land)

    def create(self, entry: Kept) -> Kept:
        """Create-if-absent; the entry that has the number now."""
        return self.ledger.setdefault(entry.sequence, entry)

    def newest(self) -> Kept:
        """The entry with the highest number."""
        last = max(self.ledger)
        return self.ledger[last - 1 if self.hides_newest and last > 1 else last]

    def newer(self, sequence: int) -> Kept | None:
        """The newest entry, if the number after `sequence` is taken: that one key is asked for, nothing is listed."""
        following = self.ledger.get(sequence + 1)
        return following and max(following, self.newest(), key=lambda one: one.sequence)

    def write_hint(self, hint: JsonObject) -> None:
        """Overwrite the hint."""
        self.hint = hint
