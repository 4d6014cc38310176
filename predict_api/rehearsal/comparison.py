"""The comparison of two versions' answers to the same rows, as counts."""

import math
from bisect import bisect_left
from collections.abc import Sequence
from typing import Any, Final

from changeover.estimator.scores import Scores
from changeover.protocol.rehearsal_counts import MILLISECONDS, MOVES, RehearsalCounts

NUMBERS_DIFFER: Final = 0.01  # of the larger one: a prediction that is a number and moved by more is another one


def compared(current: Scores, new: Scores, identity: str = "") -> RehearsalCounts:
    """The counts of the rows that the current version answered; both have the same rows in the same order."""
    rows = differing = failed = 0
    moves = [0] * (len(MOVES) + 1)
    unanswered, not_by_new = current.failed or {}, new.failed or {}
    orders = _orders(current.classes, new.classes)
    for row, (before, after) in enumerate(zip(current.labels, new.labels, strict=True)):
        if row in unanswered:
            continue
        rows += 1
        if row in not_by_new:
            failed += 1
            differing += 1
            continue
        differing += differs(before, after)
        if orders is not None and current.probabilities is not None and new.probabilities is not None:
            moves[bisect_left(MOVES, _move(current.probabilities[row], new.probabilities[row], orders))] += 1
    return RehearsalCounts(identity, rows, differing, failed, tuple(moves))


def unanswered(rows: int, identity: str = "") -> RehearsalCounts:
    """The counts of rows of which the new version answered none."""
    return RehearsalCounts(identity, rows, rows, rows)


def timed(new_s: float, current_s: float | None, identity: str = "") -> RehearsalCounts:
    """The counts of the time of one request: by the new version, and by the current one if that was timed, too."""
    return RehearsalCounts(identity, new_ms=_one(new_s), current_ms=_one(current_s))


def differs(before: Any, after: Any) -> bool:
    """Whether a prediction is another one; a list of several differs if one of them does."""
    if isinstance(before, list | tuple) and isinstance(after, list | tuple):
        return len(before) != len(after) or any(map(differs, before, after))
    if isinstance(before, float) or isinstance(after, float):
        return not _near(before, after)
    return bool(before != after)


def _near(before: Any, after: Any) -> bool:
    if not isinstance(before, int | float) or not isinstance(after, int | float):
        return False
    return (
        before == after or math.isclose(before, after, rel_tol=NUMBERS_DIFFER) or (before != before and after != after)
    )


def _orders(current: Any, new: Any) -> list[tuple[int | None, int | None]] | None:
    """The places of each class in the probabilities of both versions; None if there is nothing to compare.

    Several outputs are compared only if their classes are the same, by place.
    """
    if not isinstance(current, list) or not isinstance(new, list):
        return None
    if any(isinstance(each, list) for each in (*current, *new)):
        return [(index, index) for index in range(len(current))] if current == new else None
    return [
        (current.index(each) if each in current else None, new.index(each) if each in new else None)
        for each in [*current, *(each for each in new if each not in current)]
    ]


def _move(before: Sequence[Any], after: Sequence[Any], orders: list[tuple[int | None, int | None]]) -> float:
    """The largest move of a probability; a class that a version lacks has probability 0."""
    return max(
        (_apart(0.0 if i is None else before[i], 0.0 if j is None else after[j]) for i, j in orders), default=0.0
    )


def _apart(before: Any, after: Any) -> float:
    if isinstance(before, list) and isinstance(after, list):
        return max(map(_apart, before, after), default=0.0)
    return abs(float(before) - float(after))


def _one(seconds: float | None) -> tuple[int, ...]:
    """A count of 1 in the bin of `seconds`, no count for None."""
    place = None if seconds is None else bisect_left(MILLISECONDS, seconds * 1000)
    return tuple(int(index == place) for index in range(len(MILLISECONDS) + 1))
