"""The latency line of a watch: whether requests became slower with the switch, by counts in bins of milliseconds.

The limit is the end of the bin within which three of four requests of the version before lie, and 10 ms at least. A version
leaves the line if more than two in five of its requests take longer, by evidence that holds however often one looks
(`model_server/rollouts/rehearsal.py`). Slow requests come together, as those of a pause do, and so are not independent:
each of the last three windows of ten seconds must have more than two in five, too. So a slow moment rolls nothing back.
"""

from collections.abc import Sequence
from typing import Final

from changeover.json_types import JsonObject
from changeover.protocol.rehearsal_counts import MILLISECONDS
from model_server.rollouts.rehearsal import EVIDENCE, evidence

WINDOW_S: Final = 10.0
WINDOWS: Final = 3  # one after the other, which all have to be slow
FEWEST_IN_WINDOW: Final = 20
FEWEST_BEFORE: Final = 100  # requests before the switch, for their latency to count
SLOW: Final = 0.4  # the share of requests that may take longer than the limit; before, it is a quarter at most
_USUAL: Final = 0.75
_LEAST_LIMIT: Final = MILLISECONDS.index(10)  # shorter times are noise of the machine

Bins = tuple[int, ...]


def limit(before: Bins) -> int | None:
    """The index in MILLISECONDS of the limit; None with few requests before, or if they took too long for the bins."""
    total, below = sum(before), 0
    if total < FEWEST_BEFORE:
        return None
    for index in range(len(MILLISECONDS)):
        below += before[index]
        if below >= _USUAL * total:
            return max(index, _LEAST_LIMIT)
    return None


def slower(before: Bins, after: Bins, windows: Sequence[Bins]) -> bool:
    """Whether the requests after the switch take too long; `windows` are the counts of the last windows, after it.

    All are counts in the bins of `MILLISECONDS`.
    """
    index = limit(before)
    if index is None or len(windows) < WINDOWS:
        return False
    if evidence(_slow(after, index), sum(after), SLOW) < EVIDENCE:
        return False
    return all(sum(each) >= FEWEST_IN_WINDOW and _slow(each, index) > SLOW * sum(each) for each in windows[-WINDOWS:])


def says(before: Bins, after: Bins) -> str:
    """What was counted, as one sentence; empty without a limit."""
    index = limit(before)
    if index is None:
        return ""
    return (
        f"{_slow(after, index)} of {sum(after)} requests took more than {MILLISECONDS[index]} ms since the switch, "
        f"{_slow(before, index)} of {sum(before)} before it, and at most {100 * SLOW:.3g} % may"
    )


def figures(before: Bins, after: Bins) -> JsonObject | None:
    """The limit, and the requests that took longer, for a page; None without a limit."""
    index = limit(before)
    if index is None:
        return None
    return {
        "limit_ms": MILLISECONDS[index],
        "before": _slow(before, index),
        "after": _slow(after, index),
        "of_before": sum(before),
        "of_after": sum(after),
        "line": SLOW,
    }


def _slow(bins: Bins, index: int) -> int:
    return sum(bins[index + 1 :])
