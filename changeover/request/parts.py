"""The parts of a large JSON array, each an array of whole rows.

Python runs one thread at a time, and the decoding of an array is one call. In parts, other threads of the process wait for
one part, not for the whole: a body of megabytes would delay a request of one row by 20 ms.
"""

from collections.abc import Iterator
from typing import Final

PART: Final = 64 * 1024  # bytes
LARGE: Final = 2 * PART  # bytes of a body that is read in parts
_CLOSE: Final = {b"{": b"},", b"[": b"],"}


def first_of_row(body: bytes) -> bytes:
    """The first character of the first row of an array of objects or of arrays; empty for anything else."""
    start = body.find(b"[") + 1
    if not start or body[: start - 1].strip():
        return b""
    first = body[start : start + 20].lstrip()[:1]
    return first if first in _CLOSE else b""


def parts(body: bytes, first: bytes) -> Iterator[bytes]:
    """The parts of `body`, an array whose rows begin with `first`; raises ValueError if it is none.

    A part with nothing but spaces is no row either. A part ends where a row seems to end. If that place is within a string
    or within a row, the part before it is no valid array: the caller gets an error, and has to decode the whole.
    """
    start, end = body.find(b"[") + 1, body.rfind(b"]")
    if body[end + 1 :].strip():
        raise ValueError("more than an array")
    while start < end:
        cut = body.find(_CLOSE[first], start + PART, end)
        cut = end if cut < 0 else cut + 1
        yield b"[%b]" % body[start:cut]
        start = cut + 1
        if cut < end <= start:
            raise ValueError("a comma after the last row")
