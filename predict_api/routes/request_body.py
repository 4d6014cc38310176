"""The body of a prediction request, read from WSGI within MAX_BODY_BYTES, framed by its length or in chunks.

A body that is compressed by gzip has MAX_BODY_BYTES at most before and after it is unpacked.
"""

from typing import IO, Final, cast
from wsgiref.types import WSGIEnvironment

from werkzeug.wsgi import get_content_length

from predict_api.exceptions import BodyCutOff, BodyTooLarge
from predict_api.routes import gzip_body

_CHUNK: Final = 256 * 1024


def read_body(environ: WSGIEnvironment, limit: int, *, takes_gzip: bool = False) -> bytes:
    """The whole body, unpacked, of `limit` bytes at most.

    Raises BodyTooLarge, BodyCutOff or BrokenGzip, and UnsupportedBody for an encoding that is not taken.
    """
    if "HTTP_CONTENT_ENCODING" in environ and gzip_body.is_packed(environ, takes_gzip=takes_gzip):
        return gzip_body.unpack(_read(environ, limit), limit)
    return _read(environ, limit)


def _read(environ: WSGIEnvironment, limit: int) -> bytes:
    """The whole body as it comes."""
    announced = _announced(environ)
    stream = cast("IO[bytes]", environ["wsgi.input"])
    if announced is not None and announced > limit:
        _discard(environ, 4 * limit)
        raise BodyTooLarge(f"the body has {announced} bytes, at most {limit} are taken: send the rows in parts")
    chunks: list[bytes] = []
    size = 0
    while announced is None or size < announced:
        chunk = stream.read(_CHUNK if announced is None else announced - size)
        if not chunk:
            break
        size += len(chunk)
        if size > limit:
            chunks.clear()
            _discard(environ, 4 * limit)
            raise BodyTooLarge(f"the body has more than {limit} bytes: send the rows in parts")
        chunks.append(chunk)
    if announced is not None and size < announced:
        raise BodyCutOff(f"the body announces {announced} bytes, {size} came")
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _announced(environ: WSGIEnvironment) -> int | None:
    """The Content-Length that holds: none where the body comes in chunks, or where it is no number."""
    if "HTTP_TRANSFER_ENCODING" in environ:
        return None
    length = environ.get("CONTENT_LENGTH", "")
    return int(length) if length.isdecimal() and length.isascii() else get_content_length(environ)


def _discard(environ: WSGIEnvironment, most: int) -> None:
    """Read on for a while: a client that still sends would see a reset connection instead of the answer."""
    if environ.get("HTTP_EXPECT", "").lower() == "100-continue":
        return  # it waits for the answer before it sends anything
    stream = cast("IO[bytes]", environ["wsgi.input"])
    while most > 0:
        chunk = stream.read(_CHUNK)
        if not chunk:
            return
        most -= len(chunk)
