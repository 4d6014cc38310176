"""Bodies that are compressed by gzip (RFC 1952), unpacked within MAX_BODY_BYTES.

They are refused unless GZIP_BODIES is true: a small body may unpack to a thousand times its size.
"""

import zlib
from typing import Final
from wsgiref.types import WSGIEnvironment

from predict_api.exceptions import BodyTooLarge, BrokenGzip, UnsupportedBody

_GZIP: Final = 16 + zlib.MAX_WBITS  # zlib's number for the format of gzip
_MOST_MEMBERS: Final = 64  # the rest of the body is copied after each member
_NAMES: Final = frozenset({"gzip", "x-gzip"})  # RFC 9110, section 8.4.1.3: the same


def is_packed(environ: WSGIEnvironment, *, takes_gzip: bool) -> bool:
    """Whether the body is compressed by gzip; raises UnsupportedBody for any encoding that is not taken."""
    encoding = environ.get("HTTP_CONTENT_ENCODING", "").strip().lower()
    if encoding in {"", "identity"}:
        return False
    if takes_gzip and encoding in _NAMES:
        return True
    instead = "gzip, or none" if takes_gzip else "send it as it is, without one"
    raise UnsupportedBody(f"the body has Content-Encoding {encoding[:40]!r}: {instead}")


def unpack(body: bytes, limit: int) -> bytes:
    """The content of `body`, of `limit` bytes at most; no more than one byte beyond the limit is ever unpacked.

    Raises BodyTooLarge, or BrokenGzip for what is no gzip, is cut off, or fails its checksum.
    """
    pieces: list[bytes] = []
    left, rest = limit, body
    for _ in range(_MOST_MEMBERS):
        member = zlib.decompressobj(_GZIP)
        try:
            piece = member.decompress(rest, left + 1)
        except zlib.error as error:
            raise BrokenGzip(f"the body is no gzip: {error}") from None
        left -= len(piece)
        if left < 0:
            raise BodyTooLarge(f"the body unpacks to more than {limit} bytes: send the rows in parts")
        if not member.eof:
            raise BrokenGzip("the body ends before its gzip does")
        pieces.append(piece)
        rest = member.unused_data
        if not rest:
            return b"".join(pieces)
    raise BrokenGzip(f"the body has more than {_MOST_MEMBERS} gzip members: compress it as one")
