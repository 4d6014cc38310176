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

Event = TypeVar("Event", Answer, Rollout)


class _Before(Generic[Event]):
    """The lookup of the event with the highest sequence number among those that ended before a moment."""

    def __init__(self, events: Iterable[Event]) -> None:
        by_end = sorted(events, key=lambda event: event.end)
        self._ends = [event.end for event in by_end]
        self._highest: Sequence[Event] = list(accumulate(by_end, lambda *two: max(two, key=_sequence)))

    def __call__(self, moment: float) -> Event | None:
        """The event with the highest number, or None if none had ended."""
        count = bisect_left(self._ends, moment)
        return self._highest[count - 1] if count else None


def no_way_back(answers: Sequence[Answer]) -> Iterator[Violation]:
    """After an answer from a version, no later request is answered by an earlier version."""
    unstale = [answer for answer in answers if not answer.stale]
    before = _Before(unstale)
    for answer in unstale:
        earlier = before(answer.start)
        if earlier is not None and earlier.sequence > answer.sequence:
            client = f" {earlier.who}" if earlier.who else ""
            message = f"{_answered(answer)}, but at {earlier.end:.6f}{client} had an answer by {_number(earlier)}"
            yield Violation(Promise.NO_WAY_BACK, message, answer.end)


def freshness(answers: Sequence[Answer], rollouts: Sequence[Rollout]) -> Iterator[Violation]:
    """After a rollout is committed, every later request is answered by it or is marked stale."""
    before = _Before([rollout for rollout in rollouts if rollout.state == RolloutState.COMMITTED])
    for answer in answers:
        rollout = None if answer.stale else before(answer.start)
        if rollout is not None and _sequence(rollout) > answer.sequence:
            message = f"{_answered(answer)}, but {_number(rollout)} was committed at {rollout.end:.6f}"
            yield Violation(Promise.FRESHNESS, message, answer.end)


def _sequence(event: Answer | Rollout) -> int:
    return event.sequence or 0


def _number(event: Answer | Rollout) -> str:
    return f"{event.sequence} ({short(event.version)})"


def _answered(answer: Answer) -> str:
    return f"{answer.request}, sent at {answer.start:.6f}, was answered unstale by {_number(answer)}"
