"""The bounded queue of a worker: which request gets a thread, which waits, and which is refused immediately.

There are three lanes, so that small requests never wait for larger ones: a request is large or of medium size if its own
computation in this process is expected to take long (`LARGE_CPU_SECONDS`, `MEDIUM_CPU_SECONDS`), by measured cost. What
computes here has few places: more threads would only take Python's lock from each other. Each lane has a number of places and serves in the
order of arrival. The wait of a request is estimated from the measured costs of all that are before it in its lane; a
request that would wait longer than QUEUE_SECONDS is refused immediately. A request whose caller has gone is dropped.

A request of these two that waits for a model's own process computes nothing here and lends its place: a model that hangs
delays the requests of no other model.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Final, Protocol

from predict_api import metrics
from predict_api.edge.costs import NOTHING, Cost, Costs

LARGE: Final = 256 * 1024  # bytes of a body that is taken for large until the first of its kind was measured
LARGE_CPU_SECONDS: Final = 0.02  # 20 ms: some 500 rows of a hundred columns
MEDIUM_CPU_SECONDS: Final = 0.002  # 2 ms
WAITING: Final = 5  # additional places for each of THREADS, for small requests that wait for a model's own process
_SURE: Final = 0.8  # of QUEUE_SECONDS; an estimate may be wrong by a fifth
_REFUSED: Final = "the requests that came before would take longer than QUEUE_SECONDS; try again later"


class OnLarge(Protocol):
    """A call when the first large request begins, and when the last one has ended."""

    def __call__(self, *, runs: bool) -> None:
        """Take whether large requests run."""


def _ignore(*, runs: bool) -> None:
    del runs


def threads_of_a_worker(threads: int) -> int:
    """The places for small requests of a worker with THREADS=`threads`."""
    return threads * (1 + WAITING)


@dataclass(eq=False)
class Entry:
    """One request in the queue; it is its own turn.

    `start` begins it in a thread; `refuse` answers it with the reason. `gone` says that its caller has closed the connection.
    """

    kind: str
    cells: int
    size: int
    start: Callable[["Entry"], object]
    refuse: Callable[[str], None]
    gone: bool = False
    arrived: float = 0.0
    began: float = 0.0
    lent: float = 0.0  # the seconds in which another request could have its place
    cost: Cost = NOTHING
    lane: "_Lane | None" = None
    lend: Callable[["Entry", float], AbstractContextManager[None]] | None = None

    def lent_after(self, seconds: float) -> AbstractContextManager[None]:
        """The context in which another request may have the place: a large one after `seconds`, a medium one immediately."""
        return nullcontext() if self.lend is None else self.lend(self, seconds)


@dataclass(eq=False)
class _Lane:
    places: int
    running: set[Entry] = field(default_factory=set)
    waiting: deque[Entry] = field(default_factory=deque)
    lending: set[Entry] = field(default_factory=set)  # of the running ones
    queued: float = 0.0  # seconds that the waiting requests are expected to take
    usual: float = 0.0  # moving average of the seconds of a request

    @property
    def free(self) -> bool:
        return len(self.running) - len(self.lending) < self.places

    def wait(self, now: float) -> float:
        """The seconds until a request that comes now would begin."""
        if self.free and not self.waiting:
            return 0.0
        # one that takes longer than expected may take as long again
        holding = self.running - self.lending
        left = sum(abs(entry.cost.wall - (now - entry.began - entry.lent)) for entry in holding)
        return (left + self.queued) / self.places


class Queue:
    """The queue of one worker. Thread-safe."""

    def __init__(
        self, threads: int, queue_seconds: float, clock: Callable[[], float], on_large: OnLarge = _ignore
    ) -> None:
        """`threads` is THREADS, `queue_seconds` QUEUE_SECONDS; `on_large` learns whether large requests run."""
        self._most, self._clock = queue_seconds, clock
        few = max(1, threads // 4)
        self._small, self._medium, self._large = _Lane(threads_of_a_worker(threads)), _Lane(few), _Lane(few)
        self._lanes = (self._small, self._medium, self._large)
        self._most_lent = threads_of_a_worker(threads)
        self._costs = Costs()
        self._lock = threading.Lock()
        self._on_large = on_large

    @property
    def most_threads(self) -> int:
        """The most requests that are begun at the same time."""
        return sum(lane.places for lane in self._lanes) + self._most_lent

    @property
    def waiting(self) -> int:
        """The number of requests that wait."""
        return sum(len(lane.waiting) for lane in self._lanes)

    def expected(self, kind: str, cells: int) -> Cost | None:
        """The expected cost of a request, or None if none of its kind was measured."""
        with self._lock:
            return self._costs.expected(kind, cells)

    def record(self, kind: str, cells: int, cost: Cost, *, answered: bool) -> None:
        """Add a measured cost."""
        with self._lock:
            self._costs.record(kind, cells, cost, answered=answered)

    def put(self, entry: Entry) -> None:
        """Start, queue or refuse a request."""
        with self._lock:
            now = entry.arrived = self._clock()
            cost = self._costs.expected(entry.kind, entry.cells)
            lane = entry.lane = self._lane_of(entry, cost)
            entry.cost = cost or Cost(lane.usual, 0.0)
            entry.lend = None if lane is self._small else self._lent
            starts = lane.free and not lane.waiting
            refused = not starts and lane.wait(now) > _SURE * self._most
            if starts:
                self._begin(entry, now)
            elif not refused:
                lane.waiting.append(entry)
                lane.queued += entry.cost.wall
                metrics.QUEUE_LENGTH.inc()
        if starts:
            entry.start(entry)
        elif refused:
            entry.refuse(_REFUSED)

    def ended(self, entry: Entry, cpu: float, *, answered: bool) -> None:
        """Note the end of a request, which took `cpu` seconds of its thread; the next one begins."""
        with self._lock:
            now = self._clock()
            lane = entry.lane
            assert lane is not None
            lane.running.discard(entry)
            took = now - entry.began - entry.lent
            lane.usual += 0.1 * (took - lane.usual)
            self._costs.record(entry.kind, entry.cells, Cost(took, cpu), answered=answered)
            begun = self._next(lane, now)
            if lane is self._large and not lane.running:
                self._on_large(runs=False)
        _start(begun)

    def leave(self, entry: Entry) -> None:
        """Drop a request whose caller has gone: it is not begun if it waits."""
        entry.gone = True
        with self._lock:
            lane = entry.lane
            if lane is not None and entry in lane.waiting:
                lane.waiting.remove(entry)
                metrics.QUEUE_LENGTH.dec()
                lane.queued -= entry.cost.wall

    def refuse_late(self) -> None:
        """Refuse the requests that have waited for QUEUE_SECONDS."""
        late = []
        with self._lock:
            now = self._clock()
            for lane in self._lanes:
                while lane.waiting and now - lane.waiting[0].arrived >= self._most:
                    late.append(_take(lane))
        for entry in late:
            entry.refuse(_REFUSED)

    def _lane_of(self, entry: Entry, cost: Cost | None) -> _Lane:
        if cost is None:
            return self._large if entry.size >= LARGE else self._small
        if cost.cpu >= LARGE_CPU_SECONDS:
            return self._large
        return self._medium if cost.cpu >= MEDIUM_CPU_SECONDS else self._small

    def _begin(self, entry: Entry, now: float) -> None:
        entry.began = now
        metrics.QUEUE_SECONDS.observe(now - entry.arrived)
        assert entry.lane is not None
        if entry.lane is self._large and not entry.lane.running:
            self._on_large(runs=True)
        entry.lane.running.add(entry)

    def _next(self, lane: _Lane, now: float) -> list[Entry]:
        begun = []
        while lane.waiting and lane.free:
            entry = _take(lane)
            self._begin(entry, now)
            begun.append(entry)
        return begun

    @contextmanager
    def _lent(self, entry: Entry, seconds: float) -> Iterator[None]:
        lane = entry.lane
        assert lane is not None
        over = False
        since = 0.0

        def lend() -> None:
            nonlocal since
            with self._lock:
                if over or sum(len(each.lending) for each in self._lanes) >= self._most_lent:
                    return
                since = self._clock()
                lane.lending.add(entry)
                begun = self._next(lane, since)
            _start(begun)

        timer = threading.Timer(seconds, lend) if lane is self._large else None
        if timer is None:
            lend()
        else:
            timer.daemon = True
            timer.start()
        try:
            yield
        finally:
            if timer is not None:
                timer.cancel()
            with self._lock:
                over = True
                if entry in lane.lending:
                    lane.lending.remove(entry)
                    entry.lent += self._clock() - since


def _take(lane: _Lane) -> Entry:
    entry = lane.waiting.popleft()
    metrics.QUEUE_LENGTH.dec()
    lane.queued = lane.queued - entry.cost.wall if lane.waiting else 0.0
    return entry


def _start(entries: list[Entry]) -> None:
    for entry in entries:
        entry.start(entry)
