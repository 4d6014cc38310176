"""What a start must know of the life before it: how long leases may be out, and whether they are on an older entry.

Carries "leases of its former life may be out" of the design. The hint beside the ledger tells both: its `lease_ms` is
never below what may have been granted, and its `sequence` is written before an entry is answered by, when all leases on
older ones are over.
"""

from dataclasses import dataclass
from typing import Final

from changeover.json_types import JsonObject
from changeover.protocol.wire import Current

LONGEST_LEASE_MS: Final = 10_000  # the highest LEASE_MS there is: no hint makes a start wait for longer leases
FIRST_ENTRY: Final = 1  # before it no lease could be granted


@dataclass(frozen=True)
class Takeover:
    """What a start does about the life before it.

    `lease_ms` is the longest lease that may be out. `wait` says that such leases may be on an entry
    older than the newest, which was written by a life that ended before it answered by it: nothing is answered until
    they are over. `hint` is to be written before the first lease is granted, None if it stands already.
    """

    lease_ms: int
    wait: bool
    hint: JsonObject | None


def take_over(told: JsonObject, newest: Current, lease_ms: int) -> Takeover:
    """What the hint `told` means for a start that finds `newest` in the ledger and grants leases of `lease_ms`.

    The hint is raised here and never lowered: a second restart would forget the leases of the life before the last.
    It is lowered by the next commit, before which all of them have run out. Anyone who may write into the bucket can
    write a hint: a lease longer than the longest, or a sequence that the ledger does not have, is not believed.
    """
    said = told.get("lease_ms")
    former = min(said, LONGEST_LEASE_MS) if type(said) is int and said >= 0 else LONGEST_LEASE_MS
    longest = max(former, lease_ms)
    sequence = told.get("sequence")
    named = sequence if type(sequence) is int and FIRST_ENTRY <= sequence <= newest.sequence else FIRST_ENTRY
    behind = named < newest.sequence
    if said == longest and sequence == named:
        return Takeover(former, behind, None)
    return Takeover(former, behind, {"sequence": named, "lease_ms": longest})
