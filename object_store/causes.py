"""The mapping of failed store calls to exceptions, by status and S3 error code.

Codes are those of S3's error reference. A response to HEAD has no body, so only its status is known.
"""

from dataclasses import dataclass
from typing import Final

from object_store.exceptions import (
    AccessDenied,
    BucketMissing,
    ClockSkewed,
    InvalidKey,
    ObjectChanged,
    ObjectMissing,
    ObjectTooLarge,
    StoreError,
    StoreRefused,
    StoreUnavailable,
)

# A signature is valid for 15 minutes; a refusal with nearly as much skew is attributed to the clock.
_SKEW_SECONDS: Final = 14 * 60

_TRY_AGAIN: Final = {
    "BadDigest",
    "ConditionalRequestConflict",
    "IncompleteBody",
    "InternalError",
    "OperationAborted",
    "RequestTimeout",
    "ServiceUnavailable",
    "SlowDown",
    "SlowDownRead",
    "SlowDownWrite",
    "XAmzContentSHA256Mismatch",
    "XMinioServerNotInitialized",
}
_CREDENTIALS: Final = {"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken"}
_SKEWED: Final = {"RequestTimeTooSkewed", "RequestNotReadyYet"}


@dataclass(frozen=True)
class Where:
    """The operation for messages: `act` is a word like 'reading'; `key` is empty for the bucket as a whole."""

    act: str
    endpoint: str
    bucket: str
    key: str = ""

    def __str__(self) -> str:
        """The form in messages."""
        return f"{self.act} {self.bucket}/{self.key} at {self.endpoint}"


def unavailable(where: Where, detail: str) -> StoreUnavailable:
    """The exception for no usable response; `detail` is the symptom."""
    return StoreUnavailable(f"{where}: {detail}; check that the store runs and can be reached")


def missing_bucket(where: Where) -> BucketMissing:
    """The exception for a missing bucket."""
    return BucketMissing(
        f"bucket {where.bucket!r} does not exist at {where.endpoint}: create it, name another in BUCKET, "
        f"or set CREATE_BUCKET=true"
    )


def cause(where: Where, status: int, code: str | None, skew: float | None) -> StoreError:
    """The exception for a response with `status` and S3 `code`; `skew` is the store's clock minus ours in seconds."""
    response = f"HTTP {status} {code}" if code else f"HTTP {status}"
    refused = status == 403 or code in _CREDENTIALS
    if code in _SKEWED or (refused and skew is not None and abs(skew) >= _SKEW_SECONDS):
        known = "" if skew is None else f": the store's clock is {skew:+.0f} s from ours"
        return ClockSkewed(f"{where}: RequestTimeTooSkewed{known}; set both clocks right (NTP)")
    if code in _TRY_AGAIN or status >= 500 or status == 429:
        return unavailable(where, f"the store answered {response}")
    if refused:
        return AccessDenied(
            f"{where}: {response}; check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and what this key's policy allows"
        )
    if code == "NoSuchBucket":
        return missing_bucket(where)
    if code in {"NoSuchKey", "NoSuchVersion"} or status == 404 or (status == 405 and where.act == "reading"):
        return ObjectMissing(f"there is no object {where.bucket}/{where.key} at {where.endpoint}")
    if status == 412:
        return ObjectChanged(f"{where}: the object was overwritten since it was looked at; look at it again")
    if code == "EntityTooLarge" or status == 413:
        return ObjectTooLarge(f"{where}: larger than the store takes in one request")
    if code in {"XMinioInvalidObjectName", "KeyTooLongError"}:
        return InvalidKey(f"{where}: the store takes no such key; use a shorter, plainer name")
    return StoreRefused(f"{where}: the store answered {response}; see the store's log")
