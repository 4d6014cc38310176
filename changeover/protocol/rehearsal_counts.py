"""The counts of a rehearsal: how a version that is not current yet answers a sample of live requests.

They are counts alone, so those of several replicas add up, and no row and no answer leaves the replica.
"""

from typing import Annotated, Final, Self

import msgspec
from msgspec import Meta

MOVES: Final = (0.001, 0.01, 0.05, 0.1, 0.2, 0.5)  # upper ends of the bins of moves; the last bin is open
MILLISECONDS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)  # the same for the time of one request

Count = Annotated[int, Meta(ge=0, lt=10**15)]
_Moves = Annotated[tuple[Count, ...], Meta(min_length=len(MOVES) + 1, max_length=len(MOVES) + 1)]
Times = Annotated[tuple[Count, ...], Meta(min_length=len(MILLISECONDS) + 1, max_length=len(MILLISECONDS) + 1)]


class RehearsalCounts(msgspec.Struct, frozen=True):
    """The counts of one rehearsal, which has the id of its rollout.

    `rows` were compared. Of them, `differing` got another label, or a prediction that is a number and moved by more than
    1 %; `failed` of these got no answer from the new version. `moves` has the number of rows by the largest move of a
    probability, in the bins of MOVES. `new_ms` and `current_ms` have the number of requests by the time that the new and
    the current version took, in the bins of MILLISECONDS. `unable` says why no row could be compared, if none could.
    """

    id: Annotated[str, Meta(max_length=128)] = ""
    rows: Count = 0
    differing: Count = 0
    failed: Count = 0
    moves: _Moves = (0,) * (len(MOVES) + 1)
    new_ms: Times = (0,) * (len(MILLISECONDS) + 1)
    current_ms: Times = (0,) * (len(MILLISECONDS) + 1)
    unable: Annotated[str, Meta(max_length=300)] = ""

    def __add__(self, other: Self) -> Self:
        """The counts of both, with the id of the first."""
        return type(self)(
            self.id,
            self.rows + other.rows,
            self.differing + other.differing,
            self.failed + other.failed,
            sums(self.moves, other.moves),
            sums(self.new_ms, other.new_ms),
            sums(self.current_ms, other.current_ms),
            self.unable or other.unable,
        )


def quantile_ms(counts: tuple[int, ...], share: float) -> int | None:
    """The upper end, in milliseconds, of the bin in which the quantile `share` lies; None for the open bin or no count."""
    total, below = sum(counts), 0
    for end, count in zip(MILLISECONDS, counts, strict=False):
        below += count
        if total and below >= share * total:
            return end
    return None


def sums(left: tuple[int, ...], right: tuple[int, ...]) -> tuple[int, ...]:
    """The counts of both, bin by bin; both have the same bins."""
    return tuple(a + b for a, b in zip(left, right, strict=True))
