"""Token buckets in a file that all workers of an instance map into their memory.

Each caller has eight bytes there, changed under a lock of this file's range for microseconds. So a limit holds for the
instance, whichever worker answers, and the end of a worker leaves no lock behind.
"""

import fcntl
import mmap
import os
import struct
import threading
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from predict_api.edge.api_keys import Caller
from predict_api.edge.token_bucket import take

_NUMBER: Final = struct.Struct("<d")  # of a new file: 0.0, a full bucket


class Buckets:
    """The buckets of `callers`, in the file at `path`; processes that share it give the same callers. Thread-safe."""

    def __init__(self, path: Path, callers: Sequence[Caller]) -> None:
        self._positions = {caller.name: index * _NUMBER.size for index, caller in enumerate(callers)}
        self._lock = threading.Lock()  # a lock of a file excludes processes, not the threads of one
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        weakref.finalize(self, os.close, self._file)
        size = max(1, len(callers)) * _NUMBER.size
        os.ftruncate(self._file, size)
        self._memory = mmap.mmap(self._file, size)

    def take(self, name: str, now: float, rate: float, burst: float) -> float:
        """Take a token of the caller `name`. Returns 0, or the seconds until the next token if there is none.

        A caller without a bucket has left KEYS_FILE since its key was found: this request is its last.
        """
        position = self._positions.get(name)
        if position is None:
            return 0.0
        with self._lock:
            fcntl.lockf(self._file, fcntl.LOCK_EX, _NUMBER.size, position)
            try:
                full_at, wait = take(_NUMBER.unpack_from(self._memory, position)[0], now, rate, burst)
                _NUMBER.pack_into(self._memory, position, full_at)
            finally:
                fcntl.lockf(self._file, fcntl.LOCK_UN, _NUMBER.size, position)
        return wait
