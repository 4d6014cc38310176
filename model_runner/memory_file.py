"""A sealed memory file: the bytes of an artifact on their way to a runner. No process can change it any more.

The sender hashes the bytes, seals them, and passes the descriptor. Where the system has no such files (macOS), it is a
private file that was unlinked before the runner reads it.
"""

import fcntl
import hashlib
import os
import tempfile
from typing import BinaryIO, Final

from changeover.process.gentle_pieces import pieces

_CHUNK: Final = 1 << 20


def sealed(content: bytes, *, gently: bool = False) -> int:
    """A descriptor of a memory file with `content`, at its start; the caller closes it. Raises OSError.

    `gently`: it is written in small pieces with pauses.
    """
    descriptor = _new()
    try:
        for piece in pieces(content, gently=gently):
            _write_all(descriptor, piece)
        _seal(descriptor)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def sealed_copy(file: BinaryIO) -> tuple[int, int, str]:
    """The same with the rest of an open file: the descriptor, the size in bytes, and the SHA-256. Raises OSError."""
    descriptor, size, sha256 = _new(), 0, hashlib.sha256()
    try:
        while chunk := file.read(_CHUNK):
            sha256.update(chunk)
            size += len(chunk)
            _write_all(descriptor, memoryview(chunk))
        _seal(descriptor)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor, size, sha256.hexdigest()


def content_of(descriptor: int, most: int) -> bytes:
    """All bytes of the file, read into memory; closes the descriptor. Raises OSError if it has more than `most`."""
    with os.fdopen(descriptor, "rb") as file:
        file.seek(0)
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(f"a memory file has more than {most} bytes")
    return content


def _write_all(descriptor: int, view: memoryview) -> None:
    while view:
        view = view[os.write(descriptor, view[: 64 * _CHUNK]) :]


def _new() -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create("artifact", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    descriptor, path = tempfile.mkstemp(prefix="changeover-")
    os.unlink(path)  # noqa: PTH108  a descriptor without a name
    return descriptor


def _seal(descriptor: int) -> None:
    if hasattr(fcntl, "F_ADD_SEALS"):
        seals = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)
