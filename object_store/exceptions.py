"""The exceptions of the store: one class a cause. Each message names bucket, key and the next step."""

from changeover.exceptions import ChangeoverError


class StoreError(ChangeoverError):
    """The base of every error of the object store."""


class StoreUnavailable(StoreError):
    """No usable response in time: unreachable, hung, too slow, truncated, or 5xx. A retry may help.

    After a write, its outcome is unknown.
    """


class BucketMissing(StoreError):
    """The bucket does not exist and may not be created."""


class AccessDenied(StoreError):
    """The store does not accept the credentials, or not for this operation."""


class ClockSkewed(StoreError):
    """The store's clock and ours are too far apart for signed requests (RequestTimeTooSkewed)."""


class ObjectMissing(StoreError):
    """There is no object of that key."""


class ObjectChanged(StoreError):
    """The object has been overwritten since it was listed or checked."""


class ObjectTooLarge(StoreError):
    """An object above the caller's limit, or above the largest upload in one request."""


class StoreRefused(StoreError):
    """The store refuses the request permanently; the message holds its code."""


class InvalidKey(StoreError):
    """A string that cannot be part of a key, or a key that the store does not accept."""
