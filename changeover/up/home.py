"""The home folder of a stack: locked by one `up` at a time.

A killed `up` may leave processes that are still ending. Two stores on one folder would corrupt its data.
"""

import fcntl
import os
from pathlib import Path
from typing import Final

from changeover import stack
from changeover.exceptions import StackNotFound
from changeover.up.exceptions import AlreadyUp

_OURS: Final = ("object_store", "model_server", "predict_api", "weed", "changeover")


class HomeLock:
    """The lock of a running `up` on its home; the kernel releases it when the process ends."""

    def __init__(self, home: Path) -> None:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file = (home / "up.lock").open("a+", encoding="ascii")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.seek(0)
            holder = self._file.read().strip()
            self._file.close()
            raise AlreadyUp(
                f"`changeover up` already runs on {home}"
                + (f" (process {holder})" if holder else "")
                + "; stop it, or choose another folder with --home DIR"
            ) from None
        self._file.truncate(0)
        self._file.write(str(os.getpid()))
        self._file.flush()

    def release(self) -> None:
        """Release the lock."""
        self._file.close()


def left_behind(home: Path) -> dict[str, int]:
    """Processes of an earlier, killed `up` on this home that still run, by name."""
    try:
        pids = stack.read(home).pids
        written = stack.up_file(home).stat().st_mtime
    except (StackNotFound, OSError):
        return {}
    if pids is None:
        return {}
    known = {"store": pids.store, "model_server": pids.model_server}
    for instance in pids.predict_api:
        known.update({f"predict_api process {pid}": pid for pid in instance})
    return {name: pid for name, pid in known.items() if pid and _is_ours(pid, written)}


def _is_ours(pid: int, written: float) -> bool:
    """Whether `pid` is still the process in the `up.json` written at `written`, and not a reused id."""
    import psutil

    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE or process.create_time() > written + 1:
            return False
        return any(word in argument for argument in process.cmdline() for word in _OURS)
    except psutil.Error:
        return False
