"""The rows of one request that a model does not answer, found by halving.

A model raises for a whole call. If it answers a row that it is known to answer, the request is the cause, and the rows at
fault are named: the call is repeated with each half of the rows that failed. NaN needs no search: the answer has its
rows. No call begins after half of the time of the request, so that a search never is a timeout.
"""

from collections.abc import Callable, Sequence
from typing import Final

from changeover.estimator.scores import OnError, Scores
from changeover.exceptions import MOST_LISTED, NotFinite, RowsNotAnswered, ScoringFailed
from changeover.process.visible import visible

LONGEST_MESSAGE: Final = 200  # characters of what a model says of a row
Call = Callable[[Sequence[int]], Scores]  # the scores of the rows of a request with these indices, ascending


def answered(
    call: Call, rows: int, on_error: OnError, known_good: Callable[[], Scores | None], in_time: Callable[[], bool]
) -> Scores:
    """The scores of the `rows` rows of a request; `on_error` says what becomes of rows that fail.

    `known_good` scores a row that the model is known to answer: None if it fails, too. `in_time`: whether there is time
    for another call. Raises RowsNotAnswered if rows of the request are the cause, else the ScoringFailed of the call,
    as for a model that fails on everything.
    """
    try:
        return call(range(rows))
    except ScoringFailed as error:
        if on_error is OnError.FAIL or not rows:
            raise
        good = known_good()
        search = _Search(call, in_time, None if on_error is OnError.NULL else MOST_LISTED, answers=good is not None)
        search.among(range(rows), error)
        if not search.answers:
            raise
        if on_error is OnError.NULL and search.failed:
            return _without(call, rows, search, good)
        raise search.error(error) from error.__cause__


def message_of(error: ScoringFailed) -> str:
    """The message of the model's own error, or ours on its answer, as a short line that can be printed."""
    cause = error.__cause__
    text = str(error) if cause is None else f"the model raised {type(cause).__name__}: {cause}"
    return shortened(text)


def shortened(text: str) -> str:
    """`text` as a line of LONGEST_MESSAGE characters at most, in which every character is visible."""
    line = visible(" ".join(text.split()))
    return line if len(line) <= LONGEST_MESSAGE else f"{line[: LONGEST_MESSAGE - 3]}..."


class _Search:
    """The search in one request. `failed` has the message of each row that failed, by its index.

    `answers`: whether the model answers any row. `ended`: whether the search ended before it had looked at all rows.
    """

    def __init__(self, call: Call, in_time: Callable[[], bool], most: int | None, *, answers: bool) -> None:
        self._call, self._in_time, self._most = call, in_time, most
        self.answers, self.ended = answers, False
        self.failed: dict[int, str] = {}

    def among(self, rows: Sequence[int], error: ScoringFailed) -> None:
        """Find the rows by which the call with `rows` failed with `error`."""
        if isinstance(error, NotFinite) and error.rows:
            self.failed |= {rows[index]: message_of(error) for index in error.rows}
            self.answers = self.answers or len(error.rows) < len(rows)
        elif len(rows) == 1:
            self.failed[rows[0]] = message_of(error)
        else:
            middle = len(rows) // 2
            for half in (rows[:middle], rows[middle:]):
                self._look_at(half)

    def _look_at(self, rows: Sequence[int]) -> None:
        if not self._in_time() or (self._most is not None and len(self.failed) >= self._most):
            self.ended = True
            return
        try:
            self._call(rows)
        except ScoringFailed as error:
            self.among(rows, error)
        else:
            self.answers = True

    def error(self, first: ScoringFailed) -> RowsNotAnswered:
        """The error that names the rows; `first` is that of the call with all of them."""
        if self.failed:
            listed: list[tuple[int | None, str]] = [*sorted(self.failed.items())]
            return RowsNotAnswered(listed, None if self.ended else len(listed))
        why = "its row was not found in time: send fewer rows" if self.ended else "no single row is the cause"
        return RowsNotAnswered([(None, f"{message_of(first)} ({why})")], None if self.ended else 1)


def _without(call: Call, rows: int, search: _Search, good: Scores | None) -> Scores:
    """The scores of the rows without those that failed, scored together; these have a message instead.

    Raises RowsNotAnswered if the search ended before, or if the others fail together.
    """
    while remaining := [row for row in range(rows) if row not in search.failed]:
        if search.ended:
            raise search.error(ScoringFailed("rows failed"))
        try:
            scores = call(remaining)
        except ScoringFailed as error:
            known = len(search.failed)
            search.among(remaining, error)
            if len(search.failed) == known:
                raise _Search(call, lambda: False, 0, answers=True).error(error) from error.__cause__
        else:
            return _spread(scores, remaining, rows, search.failed)
    return Scores([None] * rows, None, good.classes if good else None, failed=search.failed)


def _spread(scores: Scores, remaining: Sequence[int], rows: int, failed: dict[int, str]) -> Scores:
    """The scores of all rows, from those of the `remaining` ones."""

    def spread(values: list[object]) -> list[object]:
        by_row = dict(zip(remaining, values, strict=True))
        return [by_row.get(row) for row in range(rows)]

    probabilities = None if scores.probabilities is None else spread(scores.probabilities)
    included = None if scores.included is None else {name: spread(values) for name, values in scores.included.items()}
    return Scores(spread(scores.labels), probabilities, scores.classes, scores.runtime, included, failed)
