"""Windows of time: hours by their names, and windows that do not overlap. Times are seconds since 1970, in UTC."""

import re
from datetime import UTC, datetime
from typing import Final

from model_server.exceptions import MalformedRequest

MINUTE: Final = 60
HOUR: Final = 3600
DEFAULT: Final = HOUR
LONGEST: Final = 30 * 24 * HOUR  # for which hours are kept
_UNITS: Final = {"m": MINUTE, "h": HOUR, "d": 24 * HOUR}
_TEXT: Final = re.compile(r"([1-9][0-9]{0,3})([mhd])")


def hour_of(time: float) -> str:
    """The hour of a time, such as 2026-01-31T12."""
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H")


def beginning_of(hour: str) -> float:
    """The beginning of an hour; raises ValueError if it is none."""
    return datetime.strptime(f"{hour}+0000", "%Y-%m-%dT%H%z").timestamp()


def hours_in(start: float, end: float) -> list[str]:
    """The hours from `start`, the beginning of one, to `end`."""
    return [hour_of(start + offset) for offset in range(0, max(0, round(end - start)), HOUR)]


def text_of(time: float) -> str:
    """A time in RFC 3339."""
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def parse_window(text: str) -> int:
    """The seconds of a window such as 10m, 1h, 6h or 7d: a part of an hour, or whole hours. Raises MalformedRequest."""
    match = _TEXT.fullmatch(text)
    seconds = int(match[1]) * _UNITS[match[2]] if match else 0
    if not seconds or seconds > LONGEST or (seconds % HOUR and HOUR % seconds):
        raise MalformedRequest(
            f"{text!r} is no window: minutes that divide an hour, or hours, 30d at most, as 10m, 1h or 7d"
        )
    return seconds


def window_at(time: float, seconds: int) -> tuple[float, float]:
    """The beginning and the end of the window that is running at `time`; they begin at multiples of their length."""
    start = time // seconds * seconds
    return start, start + seconds
