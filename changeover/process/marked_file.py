"""A small file that is read again after each change: its content, and a mark of its state."""

import os
from pathlib import Path

Mark = tuple[int, int, int]  # of a file's state: a change of the file changes it


def read_marked(path: Path, most_bytes: int) -> tuple[Mark, bytes]:
    """The mark and the content of a file; raises OSError, or ValueError if it has more than `most_bytes`."""
    with path.open("rb") as file:
        state = os.fstat(file.fileno())
        content = file.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise ValueError(f"more than {most_bytes} bytes")
    return _mark(state), content


def mark_at(path: Path) -> Mark | None:
    """The mark of the file that is there now; None without one."""
    try:
        return _mark(path.stat())
    except OSError:
        return None


def _mark(state: os.stat_result) -> Mark:
    return state.st_mtime_ns, state.st_ino, state.st_size
