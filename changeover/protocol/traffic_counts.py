"""The counts of the traffic of a model on the wire: what a worker has answered since its start, by its metrics.

They travel in `PUT /replicas/{replica}/counts`. They are totals, so a call that is repeated changes nothing.
"""

from typing import Annotated, Final, Self

import msgspec
from msgspec import Meta

from changeover.protocol.rehearsal_counts import Count, sums

SECONDS: Final = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)  # upper ends of bins
NO_SECONDS: Final = (0,) * (len(SECONDS) + 1)  # the last bin is open


class TrafficCounts(msgspec.Struct, frozen=True):
    """The responses of one worker for one model: `refused` have a status of 4xx, `failed` of 5xx, `answered` any other.

    `stale` of them were not confirmed as current. `seconds` has their number by the time until the response, in the bins of
    SECONDS. Another release may have other bins: then there is no latency, and the other counts hold.
    """

    answered: Count = 0
    refused: Count = 0
    failed: Count = 0
    stale: Count = 0
    seconds: Annotated[tuple[Count, ...], Meta(max_length=64)] = NO_SECONDS

    @property
    def requests(self) -> int:
        """All responses."""
        return self.answered + self.refused + self.failed

    def __add__(self, other: Self) -> Self:
        """The counts of both."""
        return type(self)(
            self.answered + other.answered,
            self.refused + other.refused,
            self.failed + other.failed,
            self.stale + other.stale,
            sums(_known(self.seconds), _known(other.seconds)),
        )

    def since(self, earlier: Self) -> Self | None:
        """The counts since `earlier` ones of the same worker; None if one of them is lower."""
        seconds = tuple(map(int.__sub__, _known(self.seconds), _known(earlier.seconds)))
        more = type(self)(
            self.answered - earlier.answered,
            self.refused - earlier.refused,
            self.failed - earlier.failed,
            self.stale - earlier.stale,
            seconds,
        )
        return None if min(more.answered, more.refused, more.failed, more.stale, *seconds) < 0 else more


def quantile_s(counts: tuple[int, ...], share: float) -> float | None:
    """The upper end, in seconds, of the bin in which the quantile `share` lies; None for the open bin or no count."""
    total, below = sum(counts), 0
    for end, count in zip(SECONDS, counts, strict=False):
        below += count
        if total and below >= share * total:
            return end
    return None


def _known(seconds: tuple[int, ...]) -> tuple[int, ...]:
    """The counts of the bins, none of them if these are bins of another release."""
    return seconds if len(seconds) == len(NO_SECONDS) else NO_SECONDS
