"""Work on many bytes in small pieces with pauses, in a process that answers requests.

A thread that has the processor keeps it for some milliseconds, even if one that answers a request waits for it.
"""

import time
from collections.abc import Iterator
from typing import Final

from changeover.process.clock import now

PIECE: Final = 256 * 1024  # bytes: their hash or copy takes less than a millisecond
LONGEST_PAUSE: Final = 0.005  # seconds


def pieces(content: bytes | bytearray | memoryview, *, gently: bool) -> Iterator[memoryview]:
    """The pieces of `content`; `gently`: small ones, each followed by a pause as long as the caller worked on it."""
    view = memoryview(content)
    if not gently:
        yield view
        return
    for start in range(0, len(view), PIECE):
        began = now()
        yield view[start : start + PIECE]
        pause(began)


def pause(began: float) -> None:
    """Pause for as long as the work that began at `began` took, LONGEST_PAUSE at most."""
    time.sleep(min(now() - began, LONGEST_PAUSE))
