"""The atomic write of a file: a reader sees the whole old content or the whole new one, also after a crash."""

import os
import tempfile
from pathlib import Path

from changeover.process.gentle_pieces import pieces


def write_atomically(path: Path, content: bytes, *, gently: bool = False) -> None:
    """Write `content` to `path` with mode 0600, by a new file beside it that is renamed. Raises OSError.

    `gently`: in small pieces with pauses.
    """
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            for piece in pieces(content, gently=gently):
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
