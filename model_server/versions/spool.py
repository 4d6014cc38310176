"""The spool: uploads on disk during admission, each in a private file of limited size, hashed while it is written.

An artifact is never in this process's memory as a whole.
"""

import errno
import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from model_server.exceptions import SpoolFull, UploadTooLarge


@dataclass(frozen=True)
class Spooled:
    """An upload on disk; `version` is the SHA-256 of its bytes, `size` their number."""

    path: Path
    version: str
    size: int


class SpoolFile:
    """The file of one upload. Leaving the context deletes it."""

    def __init__(self, directory: Path, limit: int) -> None:
        self._limit = limit
        self._hash = hashlib.sha256()
        self._size = 0
        descriptor, name = tempfile.mkstemp(prefix="upload-", dir=directory)
        self.path = Path(name)
        self._file = os.fdopen(descriptor, "wb")

    def write(self, chunk: bytes) -> int:
        """Append `chunk`; raises UploadTooLarge past the limit, SpoolFull if the disk is full."""
        self._size += len(chunk)
        if self._size > self._limit:
            raise UploadTooLarge(
                f"the artifact is larger than {self._limit} bytes (MAX_MODEL_BYTES); raise that setting or send less"
            )
        self._hash.update(chunk)
        try:
            return self._file.write(chunk)
        except OSError as error:
            raise _as_spool_full(error, self.path) from error

    def write_all(self, chunks: Iterable[bytes]) -> Spooled:
        """Append every chunk, then finish."""
        for chunk in chunks:
            self.write(chunk)
        return self.finish()

    def finish(self) -> Spooled:
        """Close the file; returns its path, SHA-256 and size."""
        try:
            self._file.close()
        except OSError as error:
            raise _as_spool_full(error, self.path) from error
        return Spooled(self.path, self._hash.hexdigest(), self._size)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self._file.close()
        self.path.unlink(missing_ok=True)


class Spool:
    """The directory of the uploads. Creating a Spool removes the files that a previous run left there."""

    def __init__(self, directory: str | None, limit: int) -> None:
        self._limit = limit
        self._directory = Path(directory) if directory else Path(tempfile.mkdtemp(prefix="changeover-spool-"))
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for leftover in self._directory.glob("upload-*"):
            leftover.unlink(missing_ok=True)

    @property
    def limit(self) -> int:
        """The largest artifact, in bytes."""
        return self._limit

    @contextmanager
    def open(self) -> Iterator[SpoolFile]:
        """A new file, deleted when the context is left; raises SpoolFull."""
        try:
            file = SpoolFile(self._directory, self._limit)
        except OSError as error:
            raise _as_spool_full(error, self._directory) from error
        with file:
            yield file


def _as_spool_full(error: OSError, path: Path) -> Exception:
    if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        return SpoolFull(f"no room for the upload in {path.parent} (SPOOL_DIR): free some, then send it again")
    return error
