"""The takeover at a start: the leases that the previous run may have granted, and the entry they may be on.

The hint beside the ledger (`current/<model>.json`) has both. Its `lease_ms` is never below the longest lease that was
granted. model_server writes its `sequence` when all leases on older entries are over.
"""

from dataclasses import dataclass
from typing import Final

from changeover.json_types import JsonObject
from changeover.protocol.wire import Current

LONGEST_LEASE_MS: Final = 10_000  # the highest LEASE_MS: no hint makes a start wait for longer leases
FIRST_ENTRY: Final = 1  # before it no lease could be granted


@dataclass(frozen=True)
class Takeover:
    """The result for one model.

    `lease_ms` is the longest lease that may be out. `wait` is true if such leases may be on an entry older than the
    newest: the previous run wrote the newest and ended before it became current. Checks then wait until the leases are
    over. `hint` must be written before the first lease is granted; None if the bucket has it already.
    """

    lease_ms: int
    wait: bool
    hint: JsonObject | None


def take_over(hint: JsonObject, newest: Current, lease_ms: int) -> Takeover:
    """The takeover for the stored `hint`, with `newest` in the ledger and new leases of `lease_ms`.

    A start raises the hint's lease and never lowers it: a second restart would otherwise forget the leases of the run
    before the last. The next commit lowers it, after all of them have run out. Every client with write access to the
    bucket can write a hint, so a lease above LONGEST_LEASE_MS or a sequence beyond the ledger is ignored.
    """
    stored = hint.get("lease_ms")
    former = min(stored, LONGEST_LEASE_MS) if type(stored) is int and stored >= 0 else LONGEST_LEASE_MS
    longest = max(former, lease_ms)
    sequence = hint.get("sequence")
    named = sequence if type(sequence) is int and FIRST_ENTRY <= sequence <= newest.sequence else FIRST_ENTRY
    behind = named < newest.sequence
    if stored == longest and sequence == named:
        return Takeover(former, behind, None)
    return Takeover(former, behind, {"sequence": named, "lease_ms": longest})
