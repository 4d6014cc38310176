"""The judgement of a watch: whether a version leaves its lines after its switch.

The line is FAILING of the requests, or more if the version before failed more: the upper limit of its share. A version
leaves the line only by evidence that holds however often one looks (`model_server/rollouts/rehearsal.py`), so a few failures
among few requests do not roll it back. `model_server/rollouts/watch_latency.py` has the line of the latency,
`model_server/rollouts/watch_answers.py` that of the labels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from changeover.json_types import JsonObject
from changeover.protocol.watch_counts import WatchCounts
from model_server.rollouts import watch_answers, watch_latency
from model_server.rollouts.rehearsal import EVIDENCE, evidence, upper_limit

FAILING: Final = 0.01
LEAST: Final = 5  # failures: fewer may be one caller's that tries again
FEWEST: Final = 100  # requests before the switch, for their share to count


@dataclass(frozen=True)
class Watch:
    """The watch of a rollout for `seconds` after its switch.

    `of` is the id of the rollout, `until` its end, of a monotonic clock, once the switch has happened.
    """

    seconds: float
    of: str = ""
    until: float = 0.0

    def line(self, counts: WatchCounts) -> float:
        """The share of requests that may fail."""
        if counts.before < FEWEST:
            return FAILING
        return max(FAILING, upper_limit(counts.before_failed, counts.before))

    def why(self, counts: WatchCounts, windows: Sequence[tuple[int, ...]] = ()) -> str:
        """The line that the version has left, as one sentence; empty if it has left none.

        `windows` have the `after_ms` of the last windows of `watch_latency.WINDOW_S` seconds, the newest at the end.
        """
        failed = counts.after_failed
        if failed >= LEAST and evidence(failed, counts.after, self.line(counts)) >= EVIDENCE:
            return self._failures(counts)
        if watch_latency.slower(counts.before_ms, counts.after_ms, windows):
            return watch_latency.says(counts.before_ms, counts.after_ms)
        if watch_answers.moved(counts.before_labels, counts.after_labels):
            return watch_answers.says(counts.before_labels, counts.after_labels)
        return ""

    def says(self, counts: WatchCounts) -> str:
        """What was counted, as one sentence for each line."""
        latency = watch_latency.says(counts.before_ms, counts.after_ms)
        answers = watch_answers.says(counts.before_labels, counts.after_labels)
        return "; ".join(part for part in (self._failures(counts), latency, answers) if part)

    def figures(self, counts: WatchCounts, now: float) -> JsonObject:
        """The counts of each line for a page. A line with nothing to compare is null; shares are from 0 to 1."""
        return {
            "seconds": self.seconds,
            "left_s": round(max(0.0, self.until - now), 1),
            "before": counts.before,
            "after": counts.after,
            "fewest": FEWEST,
            "failures": {"before": counts.before_failed, "after": counts.after_failed, "line": self.line(counts)},
            "latency": watch_latency.figures(counts.before_ms, counts.after_ms),
            "labels": watch_answers.figures(counts.before_labels, counts.after_labels),
        }

    def _failures(self, counts: WatchCounts) -> str:
        return (
            f"{counts.after_failed} of {counts.after} requests failed since the switch, {counts.before_failed} of "
            f"{counts.before} before it, and at most {100 * self.line(counts):.3g} % may"
        )
