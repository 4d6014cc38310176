"""The times of one call of a model: when it must begin, and when it must have ended."""

from dataclasses import dataclass
from typing import Final

QUEUE_SECONDS: Final = 1.0  # in which a call must begin


@dataclass(frozen=True)
class Times:
    """The times of one call, of `changeover.process.clock.now`. An `eager` one gets a scorer of its own immediately."""

    begin_by: float
    end_by: float
    eager: bool = False


def queue_seconds(score_timeout: float) -> float:
    """The seconds in which a call must begin: QUEUE_SECONDS, and at most a quarter of SCORE_TIMEOUT."""
    return min(QUEUE_SECONDS, score_timeout / 4)


def lend_seconds(score_timeout: float) -> float:
    """The seconds after which a large request that waits for a model's process lends its place: as usual calls take."""
    return queue_seconds(score_timeout) / 4
