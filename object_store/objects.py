"""The results of bucket calls: an object's description, and the outcome of a create-if-absent."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum


class Created(Enum):
    """The outcome of a create-if-absent. Compare it; it has no truth value."""

    YES = "yes"  # we created it
    NO = "no"  # it existed before
    MAYBE_OURS = "maybe ours"  # it exists; an earlier try, whose response was lost, may have created it

    def __bool__(self) -> bool:
        """Raise, as a third outcome would count as one of the two."""
        raise TypeError("compare with Created.YES, Created.NO or Created.MAYBE_OURS")


@dataclass(frozen=True)
class ObjectInfo:
    """One object at one moment: `size` in stored bytes, `etag` without quotes (not a hash), `last_modified` aware.

    `stat` returns whole seconds, while `list` may be more precise: compare only times from the same call.
    """

    key: str
    size: int
    etag: str
    last_modified: datetime
    version_id: str | None = None
    content_encoding: str | None = None
