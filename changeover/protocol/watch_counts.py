"""The counts of a watch: requests and failures of the version before a switch, and of the one after it."""

from typing import Annotated, Final, Self

import msgspec
from msgspec import Meta

from changeover.protocol.rehearsal_counts import MILLISECONDS, Count, Times, sums

_NO_TIMES = (0,) * (len(MILLISECONDS) + 1)
LABEL_BINS: Final = 64
_Labels = Annotated[tuple[Count, ...], Meta(min_length=LABEL_BINS, max_length=LABEL_BINS)]


class WatchCounts(msgspec.Struct, frozen=True):
    """The counts of one watch, which has the id of its rollout.

    A request failed if the model did not answer it: an error of the model, a timeout, or the end of its process.
    `before_ms` and `after_ms` have the number of answered requests by the time that their scores took, in the bins of
    MILLISECONDS. `before_labels` and `after_labels` have the number of answered requests by the label of one of their rows,
    in bins that a checksum of the label chooses: no label leaves the replica.
    """

    id: Annotated[str, Meta(max_length=128)] = ""
    before: Count = 0
    before_failed: Count = 0
    after: Count = 0
    after_failed: Count = 0
    before_ms: Times = _NO_TIMES
    after_ms: Times = _NO_TIMES
    before_labels: _Labels = (0,) * LABEL_BINS
    after_labels: _Labels = (0,) * LABEL_BINS

    def __add__(self, other: Self) -> Self:
        """The counts of both, with the id of the first."""
        return type(self)(
            self.id,
            self.before + other.before,
            self.before_failed + other.before_failed,
            self.after + other.after,
            self.after_failed + other.after_failed,
            sums(self.before_ms, other.before_ms),
            sums(self.after_ms, other.after_ms),
            sums(self.before_labels, other.before_labels),
            sums(self.after_labels, other.after_labels),
        )
