"""The two clocks: monotonic time for deadlines and leases, wall-clock time for people."""

import time
from datetime import UTC, datetime
from typing import Final

# Linux counts suspension in CLOCK_BOOTTIME; where there is none, the monotonic clock is the nearest thing.
_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def now() -> float:
    """Seconds on a clock that never steps and, where the system has one, counts suspension."""
    return time.clock_gettime(_CLOCK)


def utc_now() -> str:
    """The wall clock as RFC 3339 in UTC, to the microsecond."""
    return rfc3339(datetime.now(UTC))


def rfc3339(moment: datetime) -> str:
    """`moment` (aware) as RFC 3339 in UTC, to the microsecond, so that texts sort as times do."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def parse_rfc3339(text: str) -> datetime:
    """The aware moment that `text` names; raises ValueError if it is not RFC 3339 (a zone is required)."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone: write it like 2026-01-31T12:00:00Z")
    return moment.astimezone(UTC)
