"""The judgement of a rehearsal: whether the answers of the new version differ more often than the gate allows.

Few rows decide nothing. At the end the version passes only if the 95 % upper limit of the share is within the line, and is
stopped otherwise: one-sided score interval of Wilson, JASA 22 (1927). So a version of which no label differs passes
`disagreement<=0.02` with 133 rows or more. Before the end it is stopped only on evidence that holds however often one
looks: a mixture martingale exceeds 100 with a probability of at most 1 % if the share is within the line (Ville 1939;
Robbins, Annals of Mathematical Statistics 41 (1970)). Rows of one request are often alike, so the limits are those of
independent rows, and a rehearsal of a few callers shows less than they say.
"""

import math
from dataclasses import dataclass
from enum import StrEnum
from statistics import NormalDist
from typing import Final

from changeover.protocol.rehearsal_counts import MOVES, RehearsalCounts, quantile_ms

CONFIDENCE: Final = 0.95
EVIDENCE: Final = math.log(100)
_MOVED: Final = 0.1  # in the summary: the number of rows of which a probability moved by more


class Verdict(StrEnum):
    """What a rehearsal says so far."""

    GOES_ON = "goes on"
    PASSED = "passed"
    STOPPED = "stopped"


@dataclass
class Rehearsal:
    """One rehearsal of `seconds`, from when every replica is ready (`begun`, of a monotonic clock) on.

    `line` is the largest share of labels that may differ; None: nothing is asked of it. `over` once it has been judged.
    """

    seconds: float
    line: float | None = None
    begun: float | None = None
    over: bool = False

    def verdict(self, counts: RehearsalCounts, now: float) -> Verdict:
        """The verdict on these counts, added up over the replicas."""
        line = self.line
        if line is not None and evidence(counts.differing, counts.rows, line) >= EVIDENCE:
            return Verdict.STOPPED
        if self.begun is None or now < self.begun + self.seconds:
            return Verdict.GOES_ON
        if line is None or (counts.rows and upper_limit(counts.differing, counts.rows) <= line):
            return Verdict.PASSED
        return Verdict.STOPPED

    def left(self, now: float) -> float:
        """The seconds until its end; all of them before it begins."""
        return self.seconds if self.begun is None else max(0.0, self.begun + self.seconds - now)

    def says(self, counts: RehearsalCounts) -> str:
        """The result as one sentence, for the ledger."""
        found = f"rehearsal: {_figures(counts)}"
        line = self.line
        if line is None:
            return found
        wanted = f"disagreement<={line:g}"
        if counts.rows and upper_limit(counts.differing, counts.rows) <= line:
            return f"{found}, within {wanted}"
        if counts.rows and lower_limit(counts.differing, counts.rows) > line:
            return f"{found}, more than {wanted} allows"
        if counts.unable:
            return f"{found}, so {wanted} cannot be shown: {counts.unable}; roll past the gate with skip_gate"
        why = f"too few rows to show {wanted}, which takes {fewest(line)} without a difference"
        if counts.rows >= fewest(line):
            why = f"which does not show {wanted}"
        return f"{found}, {why}: rehearse longer, or roll past the gate with skip_gate"


def upper_limit(count: int, rows: int, confidence: float = CONFIDENCE) -> float:
    """The limit that a share lies below with this confidence, after `count` of `rows`, at least 1: Wilson's, one-sided."""
    centre, half = _wilson(count, rows, confidence)
    return min(1.0, centre + half)


def lower_limit(count: int, rows: int, confidence: float = CONFIDENCE) -> float:
    """The same, above."""
    if not count:
        return 0.0  # the difference below leaves 1e-17
    centre, half = _wilson(count, rows, confidence)
    return max(0.0, centre - half)


def fewest(line: float, confidence: float = CONFIDENCE) -> int:
    """The least number of rows that show a share within `line` if it is 0 in them; 0 rows for a line of 1."""
    z = NormalDist().inv_cdf(confidence)
    return math.ceil(z * z * (1 - line) / line) if line > 0 else 0


def evidence(count: int, rows: int, line: float) -> float:
    """The logarithm of the evidence that a share is above `line`, after `count` of `rows`; 0 or less for none.

    It is the likelihood of the counts under a share that is uniform from 0 to 1, over that under `line`.
    """
    if rows == 0 or count <= line * rows or line >= 1:
        return 0.0
    if line <= 0:
        return math.inf
    mixture = math.lgamma(count + 1) + math.lgamma(rows - count + 1) - math.lgamma(rows + 2)
    return mixture - count * math.log(line) - (rows - count) * math.log1p(-line)


def _wilson(count: int, rows: int, confidence: float) -> tuple[float, float]:
    z = NormalDist().inv_cdf(confidence)
    share, spread = count / rows, z * z / rows
    centre = (share + spread / 2) / (1 + spread)
    return centre, z / (1 + spread) * math.sqrt(share * (1 - share) / rows + spread / (4 * rows))


def _figures(counts: RehearsalCounts) -> str:
    """What was counted, in words."""
    if not counts.rows:
        return "no row was compared"
    share = f"{100 * counts.differing / counts.rows:.3g} %"
    low, high = (100 * limit(counts.differing, counts.rows) for limit in (lower_limit, upper_limit))
    words = [f"{counts.differing} of {counts.rows} answers differ ({share}; likely {low:.3g} to {high:.3g} %)"]
    if counts.failed:
        words.append(f"{counts.failed} of them got none")
    moved = sum(counts.moves[MOVES.index(_MOVED) + 1 :])
    if sum(counts.moves):
        words.append(f"{moved} moved by more than {_MOVED:g} in a probability")
    new, current = _time(counts.new_ms), _time(counts.current_ms)
    words += [f"19 of 20 took {new}" + (f" (the current version: {current})" if current else "")] if new else []
    return ", ".join(words)


def _time(counts: tuple[int, ...]) -> str:
    """The time in which 19 of 20 requests were answered, empty for none."""
    end = quantile_ms(counts, CONFIDENCE)
    return "" if not sum(counts) else ("more than a second" if end is None else f"up to {end} ms")
