"""The exceptions of the store: one class a cause. Each message names bucket, key and the next step."""

from changeover.exceptions import ChangeoverError


class StoreError(ChangeoverError):
    """The base of every error of the object store."""


class StoreUnavailable(StoreError):
    """No usable answer in time: not reachable, hung, too slow, cut off, or answering 5xx. Trying later may help.

    After a write it is not known whether it was done.
    """


class BucketMissing(StoreError):
    """The bucket does not exist and may not be created."""


class AccessDenied(StoreError):
    """The store knows the credentials not, or not for this."""


class ClockSkewed(StoreError):
    """The store's clock and ours are too far apart for signed requests (RequestTimeTooSkewed)."""


class ObjectMissing(StoreError):
    """There is no object of that key."""


class ObjectChanged(StoreError):
    """The object is not the one that was looked at before: somebody has overwritten it since."""


class ObjectTooLarge(StoreError):
    """An object above the limit that the caller has set, or above what one request may upload."""


class StoreRefused(StoreError):
    """The store refuses the request for a reason that trying again does not change; the message holds its code."""


class InvalidKey(StoreError):
    """Something that cannot be part of a key, or a key that the store does not take."""
