"""The log writer: a thread writes to standard error, so that logging never waits for a reader.

A pipe whose reader stalls (a container engine under pressure, a pager) fills up and blocks its writer. Here one thread
blocks. Lines queue up to `ROOM`; further lines are dropped, and the next written line gives their number. A forked
child inherits neither the thread nor the lines. When a process ends, it writes queued lines for `FLUSH_SECONDS` at
most.
"""

import atexit
import io
import multiprocessing.util
import os
import sys
import threading
from collections import deque
from collections.abc import Callable
from typing import Final, TextIO

from changeover.process.clock import now

ROOM: Final = 10_000  # lines
FLUSH_SECONDS: Final = 1.0


class LogWriter:
    """A writer of lines, in order, from a daemon thread: to `stream`, or to the current standard error.

    Any thread may call `put`, and so may a signal handler.
    """

    def __init__(self, dropped: Callable[[int], str], stream: TextIO | None = None, room: int = ROOM) -> None:
        self._stream = stream
        self._dropped = dropped  # makes the line that gives the number of dropped lines
        self._room = room
        self._begin()
        os.register_at_fork(after_in_child=self._begin)
        atexit.register(self.flush)

    def _begin(self) -> None:
        """Initialize: in a forked child, lock, thread and lines are copies of the parent's."""
        self._lines: deque[str] = deque()
        self._missing = 0
        self._writing = False
        self._changed = threading.Condition()  # re-entrant: a signal handler may run while its thread holds the lock
        self._thread: threading.Thread | None = None

    def put(self, line: str) -> None:
        """Queue `line`; returns immediately, even if the reader of the stream stalls."""
        with self._changed:
            if len(self._lines) >= self._room:
                self._missing += 1
                return
            self._lines.append(line)
            if self._thread is None:
                self._start()
            elif not self._writing:
                self._changed.notify_all()  # else the thread takes the line by itself

    def flush(self, seconds: float = FLUSH_SECONDS) -> None:
        """Wait until all is written, `seconds` at most."""
        deadline = now() + seconds
        with self._changed:
            while (self._lines or self._writing) and self._thread and self._thread.is_alive():
                left = deadline - now()
                if left <= 0:
                    return
                self._changed.wait(left)

    def _start(self) -> None:
        thread = threading.Thread(target=self._run, name="log", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the interpreter is ending, or no thread can start: the next line tries again
            self._write("".join(f"{self._lines.popleft()}\n" for _ in range(len(self._lines))))
            return
        self._thread = thread
        # a process of multiprocessing leaves by `os._exit`, which skips `atexit`
        multiprocessing.util.Finalize(None, self.flush, exitpriority=0)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._writing = False
                self._changed.notify_all()
                while not self._lines:
                    self._changed.wait()
                lines, missing = list(self._lines), self._missing
                self._lines.clear()
                self._missing = 0
                self._writing = True
            if missing:  # dropped lines come after these: no line is queued while the queue is full
                lines.append(self._dropped(missing))
            self._write("".join(f"{line}\n" for line in lines))

    def _write(self, text: str) -> None:
        """Write to the descriptor: a thread blocked in a buffered write would block the interpreter's exit too."""
        stream = self._stream or sys.stderr
        try:
            descriptor = stream.fileno()
        except (io.UnsupportedOperation, ValueError):
            stream.write(text)  # a stream without a descriptor, as in tests
            return
        data = memoryview(text.encode("utf-8", "backslashreplace"))
        try:
            while data:
                data = data[os.write(descriptor, data) :]
        except OSError:
            return  # no reader is left: the process goes on
