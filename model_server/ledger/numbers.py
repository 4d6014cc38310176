"""The numbers of a ledger that count: those that follow one another. An entry beyond a gap is a stray and counts never.

A number is created only after the one before it, so a gap means that another writer chose the number.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from object_store.keys import FIRST_SEQUENCE


@dataclass(frozen=True)
class Numbers:
    """`newest` is the highest number that counts, and `stray` the first one beyond a gap; 0 for none."""

    newest: int = 0
    stray: int = 0


def count(listed: Iterable[int], counted: int, hint: int) -> Numbers:
    """The numbers among `listed`, which ascend from above `counted`; no more of them is read than to the first gap.

    With nothing `counted` a ledger begins with 1. One whose first entries were lost begins later, and counts if `hint`
    names one of the numbers that follow one another from there.
    """
    first, newest = counted, counted
    for number in listed:
        if newest and number != newest + 1:
            return Numbers(newest, number) if _begins(first, newest, counted, hint) else Numbers(0, first)
        first, newest = first or number, number
    return Numbers(newest) if _begins(first, newest, counted, hint) else Numbers(0, first)


def _begins(first: int, newest: int, counted: int, hint: int) -> bool:
    return bool(counted) or first in {0, FIRST_SEQUENCE} or first <= hint <= newest
