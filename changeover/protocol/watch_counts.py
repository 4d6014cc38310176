"""The counts of a watch: requests and failures of the version before a switch, and of the one after it."""

from typing import Annotated, Self

import msgspec
from msgspec import Meta

Count = Annotated[int, Meta(ge=0, lt=10**15)]


class WatchCounts(msgspec.Struct, frozen=True):
    """The counts of one watch, which has the id of its rollout.

    A request failed if the model did not answer it: an error of the model, a timeout, or the end of its process.
    """

    id: Annotated[str, Meta(max_length=128)] = ""
    before: Count = 0
    before_failed: Count = 0
    after: Count = 0
    after_failed: Count = 0

    def __add__(self, other: Self) -> Self:
        """The counts of both, with the id of the first."""
        return type(self)(
            self.id,
            self.before + other.before,
            self.before_failed + other.before_failed,
            self.after + other.after,
            self.after_failed + other.after_failed,
        )
