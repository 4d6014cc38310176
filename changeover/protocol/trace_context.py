"""W3C Trace Context: the header `traceparent`, https://www.w3.org/TR/trace-context/."""

import re
from typing import Final

# version, trace id, id of the caller's span, flags; later versions may add more
_TRACEPARENT: Final = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?P<trace>(?!0{32})[0-9a-f]{32})-(?P<span>(?!0{16})[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})(?:-.{0,400})?"
)


def trace_id(traceparent: str | None) -> str | None:
    """The id of the trace in a header, 32 hex digits; None without a valid header."""
    match = _TRACEPARENT.fullmatch(traceparent) if traceparent else None
    return match["trace"] if match else None
