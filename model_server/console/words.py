"""The words of the pages: durations, ages, sizes and numbers, for people."""

from datetime import UTC, datetime

from changeover.process.clock import parse_rfc3339

_UNITS = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"))


def duration(seconds: float) -> str:
    """`12 ms`, `1.4 s`, `41 s`, `3 h 12 min`, `12 d 4 h`: the two largest units."""
    if seconds < 1:
        return f"{max(0, round(seconds * 1000))} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{int(seconds)} s"
    for position, (size, unit) in enumerate(_UNITS):
        if seconds >= size:
            rest = seconds % size
            smaller, name = (*_UNITS, (1.0, "s"))[position + 1]
            return f"{int(seconds // size)} {unit}" + (f" {int(rest // smaller)} {name}" if rest >= smaller else "")
    return f"{int(seconds)} s"


def seconds_between(earlier: str, later: str) -> float | None:
    """The seconds between two RFC 3339 times; None if one of them is none."""
    try:
        return (parse_rfc3339(later) - parse_rfc3339(earlier)).total_seconds()
    except ValueError:
        return None


def age(moment: str) -> str:
    """The time since `moment`, `-` if it is no RFC 3339 time."""
    seconds = seconds_between(moment, datetime.now(UTC).isoformat())
    return "-" if seconds is None else duration(max(0.0, seconds))


def size(count: float) -> str:
    """A size in bytes: `812 B`, `1.4 MB`."""
    amount = float(count)
    for unit in ("B", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} B" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"


def number(value: object) -> str:
    """A number with four significant digits, anything else as it is."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def percent(share: float) -> str:
    """`12.5%`."""
    return f"{share:.1%}"


def clock_time(moment: str) -> str:
    """`2026-11-26 14:02:31`, in UTC; the text itself if it is no RFC 3339 time."""
    try:
        return parse_rfc3339(moment).strftime("%Y-%m-%d %H:%M:%S")
    except ValueError:
        return moment


def plural(count: int, noun: str) -> str:
    """`1 worker`, `4 workers`."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")
