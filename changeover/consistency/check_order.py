"""The checks of order: monotonic versions and freshness of each answer.

Both promises need one value: the highest sequence number in any response that ended before a request was sent. The
events are sorted by their end, each prefix has its maximum, and the start of each answer is looked up: O(n log n). A
stale answer is exempt on both sides. An event that ends at the moment another starts is not before it.
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
    """The lookup of the highest sequence number in `told` among events that ended before a moment."""

    def __init__(self, told: Iterable[Told]) -> None:
        by_end = sorted(told, key=lambda one: one.end)
        self._ends = [one.end for one in by_end]
        self._highest: Sequence[Told] = list(accumulate(by_end, _higher))

    def __call__(self, moment: float) -> Told | None:
        """The event with the highest number, or None if none had ended."""
        count = bisect_left(self._ends, moment)
        return self._highest[count - 1] if count else None


def no_way_back(answers: Sequence[Answer]) -> Iterator[Violation]:
    """After an answer from a version, no later request is answered by an earlier version."""
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
    """After a rollout is committed, every later request is answered by it or is marked stale."""
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
