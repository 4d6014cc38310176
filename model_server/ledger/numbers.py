"""The consecutive numbers of a ledger: only these count. An entry beyond a missing one is a stray and never counts.

model_server creates a number only after the one before it, so another writer chose a number beyond a missing one.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from object_store.keys import FIRST_SEQUENCE


@dataclass(frozen=True)
class Numbers:
    """The result: `newest` is the highest number that counts, `stray` the first one beyond a missing number; 0 for none."""

    newest: int = 0
    stray: int = 0


def count(listed: Iterable[int], counted: int, hint: int) -> Numbers:
    """The numbers that count among `listed`, which ascend from above `counted`; reads up to the first missing number only.

    With `counted` 0, a ledger begins with 1. A ledger that lost its first entries begins later. It counts if `hint` is
    one of the consecutive numbers from its beginning on.
    """
    first, newest = counted, counted
    for number in listed:
        if newest and number != newest + 1:
            return Numbers(newest, number) if _begins(first, newest, counted, hint) else Numbers(0, first)
        first, newest = first or number, number
    return Numbers(newest) if _begins(first, newest, counted, hint) else Numbers(0, first)


def _begins(first: int, newest: int, counted: int, hint: int) -> bool:
    return bool(counted) or first in {0, FIRST_SEQUENCE} or first <= hint <= newest
