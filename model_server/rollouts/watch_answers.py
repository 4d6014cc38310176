"""The line of the answers in a watch: whether a label has become more or less frequent with the switch.

Each request counts once, in the bin of its label. A version leaves the line if the share of a bin is shown to differ by more
than MOVE from that before the switch: the limit of the difference of two shares, by Newcombe's hybrid score method (Statistics
in Medicine 17 (1998), method 10), at an error of one in a million. The error is that small because the watch looks often, at
many bins, and because requests that come together are alike.
"""

import math
from collections.abc import Sequence
from typing import Final

from changeover.json_types import JsonObject
from model_server.rollouts.rehearsal import lower_limit, upper_limit

MOVE: Final = 0.1  # of the share of a label: what may change with the requests of another hour
FEWEST: Final = 100  # requests, before the switch and after it
_CONFIDENCE: Final = 1 - 1e-6


def moved(before: Sequence[int], after: Sequence[int]) -> bool:
    """Whether the share of a bin differs by more than MOVE; both have the same bins in the same order."""
    if min(sum(before), sum(after)) < FEWEST:
        return False
    return max(map(_least, before, [sum(before)] * len(before), after, [sum(after)] * len(after))) > MOVE


def says(before: Sequence[int], after: Sequence[int]) -> str:
    """The label that moved most, as one sentence; empty without requests to compare."""
    shares = _moved_most(before, after)
    if shares is None:
        return ""
    was, now = shares
    return (
        f"one label is {100 * now:.3g} % of the answers to {sum(after)} requests since the switch, {100 * was:.3g} % of "
        f"{sum(before)} before it, and at most {100 * MOVE:g} % of the answers may move"
    )


def figures(before: Sequence[int], after: Sequence[int]) -> JsonObject | None:
    """The shares of the label that moved most, for a page; None without requests to compare."""
    shares = _moved_most(before, after)
    if shares is None:
        return None
    return {
        "before": shares[0],
        "after": shares[1],
        "of_before": sum(before),
        "of_after": sum(after),
        "line": MOVE,
    }


def _moved_most(before: Sequence[int], after: Sequence[int]) -> tuple[float, float] | None:
    """The shares before and after of the bin whose share moved most; None without requests to compare."""
    total_before, total_after = sum(before), sum(after)
    if not total_before or not total_after:
        return None
    shares = ((b / total_before, a / total_after) for b, a in zip(before, after, strict=True))
    return max(shares, key=lambda pair: abs(pair[1] - pair[0]))


def _least(before: int, all_before: int, after: int, all_after: int) -> float:
    """The least difference of the two shares that the counts leave possible; 0 or less if none is shown."""
    was, now = before / all_before, after / all_after
    if now < was:
        was_off = was - lower_limit(before, all_before, _CONFIDENCE)
        now_off = upper_limit(after, all_after, _CONFIDENCE) - now
    else:
        was_off = upper_limit(before, all_before, _CONFIDENCE) - was
        now_off = now - lower_limit(after, all_after, _CONFIDENCE)
    return abs(now - was) - math.hypot(was_off, now_off)
