"""The checks of order: monotonic versions and freshness of each answer.

Both promises are one question: what is the highest sequence number that anybody had been told of before this request
was sent? Sort what was told by its end, take the maximum of each prefix, and look up the start of each answer: the work
is the sorting, O(n log n). An answer that says it may be stale is exempt, as the one compared and as the one compared
with. What ends at the very moment at which another begins is not before it.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Generic, TypeVar

from changeover.consistency.records import Answer, Rollout
from changeover.consistency.violation import Promise, Violation
from changeover.names import short
from changeover.protocol.wire import RolloutState

Told = TypeVar("Told", Answer, Rollout)


class _Before(Generic[Told]):
    """Which of `told` has the highest sequence number of those that ended before a moment."""

    def __init__(self, told: Iterable[Told]) -> None:
        by_end = sorted(told, key=lambda one: one.end)
        self._ends = [one.end for one in by_end]
        self._highest: Sequence[Told] = list(accumulate(by_end, _higher))

    def __call__(self, moment: float) -> Told | None:
        """The one with the highest number, or None where nothing had ended."""
        count = bisect_left(self._ends, moment)
        return self._highest[count - 1] if count else None


def no_way_back(answers: Sequence[Answer]) -> Iterator[Violation]:
    """Once anybody has an answer from a rolled version, no request that starts later is answered by an earlier one."""
    unstale = [one for one in answers if not one.stale]
    before = _Before(unstale)
    for one in unstale:
        seen = before(one.start)
        if seen is not None and seen.sequence > one.sequence:
            message = (
                f"{_answered(one)} by {_number(one)}, but at {seen.end:.6f}"
                f"{f' {seen.who}' if seen.who else ''} had an answer by {_number(seen)}"
            )
            yield Violation(Promise.NO_WAY_BACK, message, one.end)


def freshness(answers: Sequence[Answer], rollouts: Sequence[Rollout]) -> Iterator[Violation]:
    """Once a rollout is committed, every request that starts later is answered by it, or says that it may be stale."""
    before = _Before([one for one in rollouts if one.state == RolloutState.COMMITTED])
    for one in answers:
        told = None if one.stale else before(one.start)
        if told is not None and _of(told) > one.sequence:
            message = f"{_answered(one)} by {_number(one)}, but {_number(told)} was committed at {told.end:.6f}"
            yield Violation(Promise.FRESHNESS, message, one.end)


def _higher(one: Told, other: Told) -> Told:
    return other if _of(other) > _of(one) else one


def _of(told: Answer | Rollout) -> int:
    return told.sequence or 0


def _number(told: Answer | Rollout) -> str:
    return f"{told.sequence} ({short(told.version)})"


def _answered(one: Answer) -> str:
    whose = f" of {one.who}" if one.who else ""
    return f"a request{whose} to {one.model}, sent at {one.start:.6f}, was answered unstale"
