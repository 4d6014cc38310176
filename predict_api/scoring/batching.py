"""Requests that wait in one process are scored in one call of the model: micro-batching that delays nobody.

A pipeline of scikit-learn takes about as long for sixteen rows as for one. Whoever finds nobody scoring scores at once,
alone; whoever comes meanwhile waits, and the first of those who wait scores for all of them. It pauses before that until as
many have come back as the last call answered, for half of what that took at most: they are about to ask again, and would
otherwise make every second call. For the same reason the first who asks so soon after a call for several pauses, too, and
nobody else ever does.
There is one `Joined` for each version that is loaded, so that no call ever mixes two (*atomicity*).
Each caller gets its own rows or its own error: where a joint call fails, every request of it is scored alone.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from changeover.estimator.scores import Scores
from changeover.exceptions import ChangeoverError
from changeover.process.clock import now
from changeover.schema.cell_parsers import Cell

MOST_ROWS: Final = 256  # of one joint call; a larger request is scored by itself and holds up nobody
PAUSE_SHARE: Final = 0.5  # of what the last call took
LONGEST_PAUSE: Final = 0.003  # seconds
Columns = Mapping[str, Sequence[Cell]]
Score = Callable[[Columns, int], Scores]


@dataclass
class _Request:
    """One request that is to be scored; `woken` is set once it is answered, or is to score for those who wait."""

    columns: Columns
    rows: int
    woken: threading.Event = field(default_factory=threading.Event)
    scores: Scores | None = None
    error: Exception | None = None

    @property
    def answered(self) -> bool:
        return self.scores is not None or self.error is not None


class Joined:
    """The one who scores and those who wait, for one version; safe for threads."""

    def __init__(
        self, score: Score, pause: Callable[[float], object] | None = None, clock: Callable[[], float] = now
    ) -> None:
        """`pause` lets so many seconds pass, unless all are back before, `clock` says how many have."""
        self._score, self._clock = score, clock
        self._all_back = threading.Event()
        self._pause = pause or self._all_back.wait
        self._took = self._ended = 0.0  # of the last call: its seconds, and when it ended
        self._answered = 1  # how many requests that was for
        self._expected = 0  # how many are to wait before the next call is made
        self._lock = threading.Lock()
        self._busy = False
        self._waiting: list[_Request] = []

    def score(self, columns: Columns, rows: int) -> Scores:
        """The scores of these rows; raises what the model's call raises for them."""
        if rows > MOST_ROWS:
            return self._call(columns, rows)
        with self._lock:
            first, self._busy = not self._busy, True
            alone = first and not self._others_come_back()
            if not alone:
                request = _Request(columns, rows)
                self._waiting.append(request)
                if len(self._waiting) >= self._expected:
                    self._all_back.set()
        if alone:
            self._answered = 1
            try:
                return self._call(columns, rows)
            finally:
                self._pass_on()
        if not first:
            request.woken.wait()
        if not request.answered:
            self._score_for_all(request, self._answered - first)
        if request.error is not None:
            raise request.error
        assert request.scores is not None
        return request.scores

    def _others_come_back(self) -> bool:
        """Whether several were answered just now: the one who is first to ask again is not to be alone."""
        return self._answered > 1 and self._clock() - self._ended < self._longest_pause()

    def _longest_pause(self) -> float:
        return min(LONGEST_PAUSE, PAUSE_SHARE * self._took)

    def _pass_on(self) -> None:
        """Have the first of those who wait score for all of them, or let the next who comes score at once."""
        with self._lock:
            if self._waiting:
                self._waiting[0].woken.set()
            else:
                self._busy = False

    def _call(self, columns: Columns, rows: int) -> Scores:
        began = self._clock()
        try:
            return self._score(columns, rows)
        finally:
            self._ended = self._clock()
            self._took = self._ended - began

    def _score_for_all(self, first: _Request, away: int) -> None:
        """Score for `first` and all who wait, once the `away` who are about to ask again have come back or the pause is over."""
        with self._lock:
            self._expected = len(self._waiting) + away
            self._all_back.clear()
        self._pause(self._longest_pause())
        with self._lock:
            taken = _as_many_as_fit(self._waiting)
            del self._waiting[: len(taken)]
        self._answered = len(taken)
        try:
            _answer(taken, self._call)
        finally:
            self._pass_on()
            for request in taken:
                if request is not first:
                    request.woken.set()


def _as_many_as_fit(waiting: Sequence[_Request]) -> list[_Request]:
    taken: list[_Request] = []
    rows = 0
    for request in waiting:
        rows += request.rows
        if taken and rows > MOST_ROWS:
            break
        taken.append(request)
    return taken


def _answer(requests: list[_Request], score: Score) -> None:
    """Give each request its scores or its error."""
    if len(requests) > 1:
        try:
            _share_out(requests, score(*_together(requests)))
        except Exception:  # noqa: BLE001, S110 whose rows it was shows when each is asked alone
            pass
        else:
            return
    for request in requests:
        try:
            request.scores = score(request.columns, request.rows)
        except Exception as error:  # noqa: BLE001 it is raised where the request waits
            request.error = error


def _together(requests: list[_Request]) -> tuple[Columns, int]:
    joint: dict[str, list[Cell]] = {}
    for name in requests[0].columns:
        cells: list[Cell] = []
        for request in requests:
            cells += request.columns[name]
        joint[name] = cells
    return joint, sum(request.rows for request in requests)


def _share_out(requests: list[_Request], scores: Scores) -> None:
    if len(scores.labels) != sum(request.rows for request in requests):
        raise ChangeoverError(f"the model answered {len(scores.labels)} rows of {len(requests)} joined requests")
    start = 0
    shares = []
    for request in requests:
        end = start + request.rows
        probabilities = None if scores.probabilities is None else scores.probabilities[start:end]
        shares.append(Scores(scores.labels[start:end], probabilities, scores.classes))
        start = end
    for request, share in zip(requests, shares, strict=True):
        request.scores = share
