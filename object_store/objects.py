"""The results of bucket calls: an object's description, and the outcome of a create-if-absent."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum


class Created(Enum):
    """What became of a create-if-absent. Compare it; it has no truth value."""

    YES = "yes"  # we created it
    NO = "no"  # it was there before
    MAYBE_OURS = "maybe ours"  # it is there, and an earlier try of this call, whose answer was lost, may have put it

    def __bool__(self) -> bool:
        """Refused, since a third answer would pass for one of the two."""
        raise TypeError("compare with Created.YES, Created.NO or Created.MAYBE_OURS")


@dataclass(frozen=True)
class ObjectInfo:
    """One object at one moment: `size` in stored bytes, `etag` without quotes (not a hash), `last_modified` aware.

    `stat` knows whole seconds where `list` may know more: take one of the two for what must compare equal.
    """

    key: str
    size: int
    etag: str
    last_modified: datetime
    version_id: str | None = None
    content_encoding: str | None = None
