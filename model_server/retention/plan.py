"""The decision of retention: which versions of a model lose their bytes, and why the others keep them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

NEWEST: Final = "newest"
RECENT: Final = "recent"


@dataclass(frozen=True)
class Candidate:
    """A version that has its bytes. Times are seconds since 1970.

    `published_at` is its last publish, and `used_until` when it was last current, 0 if it never was.
    """

    version: str
    size: int
    published_at: float
    used_until: float = 0.0


@dataclass(frozen=True)
class Plan:
    """The versions to remove, oldest first; and the reason of each that is kept: a use, NEWEST or RECENT."""

    remove: tuple[Candidate, ...]
    kept: Mapping[str, str]


def plan(candidates: Sequence[Candidate], keep: int, keep_from: float, uses: Mapping[str, str]) -> Plan:
    """The plan for the versions of one model.

    Kept are those in `uses` (version -> reason), the `keep` that were published last, and those that were published or
    current after `keep_from`. A version in use counts as one of the newest, too, if it is.
    """
    oldest_first = sorted(candidates, key=lambda each: (each.published_at, each.version))
    newest = {each.version for each in oldest_first[max(0, len(oldest_first) - keep) :]}
    remove, kept = [], {}
    for each in oldest_first:
        if each.version in uses:
            kept[each.version] = uses[each.version]
        elif each.version in newest:
            kept[each.version] = NEWEST
        elif max(each.published_at, each.used_until) > keep_from:
            kept[each.version] = RECENT
        else:
            remove.append(each)
    return Plan(tuple(remove), kept)
