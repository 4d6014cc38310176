"""The two clocks: monotonic time for deadlines and leases, wall-clock time for people."""

import time
from datetime import UTC, datetime
from typing import Final

# CLOCK_BOOTTIME (Linux) counts suspension; other systems have the monotonic clock only.
_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def now() -> float:
    """Seconds on a monotonic clock, which counts suspension where the system can."""
    return time.clock_gettime(_CLOCK)


def utc_now() -> str:
    """The wall clock as RFC 3339 in UTC, to the microsecond."""
    return rfc3339(datetime.now(UTC))


def rfc3339(moment: datetime) -> str:
    """`moment` (aware) as RFC 3339 in UTC, to the microsecond: strings sort like times."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def parse_rfc3339(text: str) -> datetime:
    """The aware datetime of `text`; raises ValueError if it is not RFC 3339 with a zone."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone: write it like 2026-01-31T12:00:00Z")
    return moment.astimezone(UTC)
