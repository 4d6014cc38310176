"""The scorer processes of one version in this worker: normally one, up to four while calls take long.

Another scorer is started when the one in use has been busy for `queue_seconds`, or immediately for a call that must not wait
(a large batch beside small ones, a request that is asked again). Large batches have three of the four at most, so that
small calls find one. One that is idle ends after IDLE_SECONDS; `kept` of them stay.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from changeover.process.clock import now
from model_runner.pool.client import Scorer
from predict_api.exceptions import Overloaded
from predict_api.scoring.times import Times

MOST: Final = 4
MOST_LARGE: Final = MOST - 1
IDLE_SECONDS: Final = 30.0
NewScorer = Callable[[float | None], Scorer]  # within these seconds; raises NoRunner and NotPrepared


@dataclass(eq=False)
class _Call:
    """One call under way."""

    began: float
    large: bool


class ScorerPool:
    """The scorers of one version. Thread-safe."""

    def __init__(self, new: NewScorer, queue_seconds: float, kept: int) -> None:
        """`kept` scorers stay, however long they are idle."""
        self._new, self._queue_seconds, self._kept = new, queue_seconds, kept
        self._changed = threading.Condition()
        self._calls: set[_Call] = set()
        self._idle: list[tuple[Scorer, float]] = []  # and since when; the one that was used last is at the end
        self._closed = False

    def start(self) -> None:
        """Start a first scorer, for which the version is loaded and replayed; raises NotPrepared and NoRunner."""
        self._give_back(self._new(None))

    def keep(self, kept: int) -> None:
        """Keep `kept` scorers from now on."""
        self._kept = kept

    @contextmanager
    def scorer(self, times: Times, *, large: bool) -> Iterator[Scorer]:
        """A scorer for one call; raises Overloaded if none is free in time, NoRunner or NotPrepared."""
        call, scorer = self._begin(times, large=large)
        try:
            if scorer is None:
                scorer = self._new(max(0.0, times.end_by - now()))
            yield scorer
        finally:
            with self._changed:
                self._calls.discard(call)
            self._give_back(scorer)

    def hangs(self) -> bool:
        """Whether a call takes longer than others wait."""
        with self._changed:
            return self._oldest(self._calls, now()) > self._queue_seconds

    def end_idle(self, time: float, idle_seconds: float = IDLE_SECONDS) -> None:
        """End the scorers that have been idle for `idle_seconds`, but for `kept`."""
        with self._changed:
            late = [entry for entry in self._idle if entry[1] <= time - idle_seconds]
            ending = late[: max(0, len(self._idle) + len(self._calls) - self._kept)]
            self._idle = [entry for entry in self._idle if entry not in ending]
        for scorer, _ in ending:
            scorer.close()

    def close(self) -> None:
        """End all scorers; one in use ends after its call."""
        with self._changed:
            self._closed = True
            ending, self._idle = self._idle, []
        for scorer, _ in ending:
            scorer.close()

    def _begin(self, times: Times, *, large: bool) -> tuple[_Call, Scorer | None]:
        """A call that may begin, and an idle scorer for it, or None: then a new one may be started."""
        with self._changed:
            while True:
                time = now()
                waits = large and len(self._alike(large=True)) >= MOST_LARGE
                scorer = None if waits else self._take_idle()
                if scorer is not None or (not waits and self._may_start(time, eager=times.eager, large=large)):
                    call = _Call(time, large)
                    self._calls.add(call)
                    return call, scorer
                if time >= times.begin_by:
                    raise Overloaded("the model has as many requests as it can answer at present; try again later")
                soon = self._queue_seconds - self._oldest(self._alike(large=large), time)
                self._changed.wait(max(0.001, min(times.begin_by - time, soon if soon > 0 else self._queue_seconds)))

    def _may_start(self, time: float, *, eager: bool, large: bool) -> bool:
        if len(self._calls) + len(self._idle) >= MOST:
            return False
        alike = self._alike(large=large)
        return eager or not alike or self._oldest(alike, time) >= self._queue_seconds

    def _alike(self, *, large: bool) -> set[_Call]:
        return {call for call in self._calls if call.large == large}

    def _oldest(self, calls: set[_Call], time: float) -> float:
        """The seconds that the oldest of `calls` has taken so far."""
        return max((time - call.began for call in calls), default=0.0)

    def _take_idle(self) -> Scorer | None:
        while self._idle:
            scorer, _ = self._idle.pop()
            if scorer.is_alive():
                return scorer
            scorer.close()
        return None

    def _give_back(self, scorer: Scorer | None) -> None:
        with self._changed:
            if scorer is not None and scorer.is_alive() and not self._closed:
                self._idle.append((scorer, now()))
                scorer = None
            self._changed.notify_all()
        if scorer is not None:
            scorer.close()
