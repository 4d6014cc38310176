"""The log writer: a thread writes to standard error, so that logging never waits for a reader.

A pipe that nobody empties (a container engine under pressure, a pager) fills up and blocks whoever writes to it. Here
that is one thread; lines wait in order up to `ROOM`, then they are dropped, and the next line that gets through says
how many. A fork takes neither the thread nor the lines along: they are the parent's. At the end of a process, what
waits is written for `FLUSH_SECONDS` at most.
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
    """Writes lines in order, from a daemon thread: to `stream`, or to what is standard error when a line is written.

    Any thread may call `put`, and so may a signal.
    """

    def __init__(self, dropped: Callable[[int], str], stream: TextIO | None = None, room: int = ROOM) -> None:
        self._stream = stream
        self._dropped = dropped  # the line that says how many are missing
        self._room = room
        self._begin()
        os.register_at_fork(after_in_child=self._begin)
        atexit.register(self.flush)

    def _begin(self) -> None:
        """As new: in a forked child, lock, thread and lines are those of the parent."""
        self._lines: deque[str] = deque()
        self._missing = 0
        self._writing = False
        self._changed = threading.Condition()  # re-entrant: a signal may come while its own thread holds it
        self._thread: threading.Thread | None = None

    def put(self, line: str) -> None:
        """Have `line` written soon; returns at once, whatever the reader of the stream does."""
        with self._changed:
            if len(self._lines) >= self._room:
                self._missing += 1
                return
            self._lines.append(line)
            if self._thread is None:
                self._start()
            elif not self._writing:
                self._changed.notify_all()  # else it looks again by itself

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
        except RuntimeError:  # the interpreter is ending, or there is no room for a thread: the next line tries again
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
            if missing:  # they would have come after these: nothing is taken while the queue is full
                lines.append(self._dropped(missing))
            self._write("".join(f"{line}\n" for line in lines))

    def _write(self, text: str) -> None:
        """To the descriptor itself: a thread that hangs in a buffered write would hang the interpreter's end, too."""
        stream = self._stream or sys.stderr
        try:
            descriptor = stream.fileno()
        except (io.UnsupportedOperation, ValueError):
            stream.write(text)  # a stream without a descriptor, as tests have it
            return
        data = memoryview(text.encode("utf-8", "backslashreplace"))
        try:
            while data:
                data = data[os.write(descriptor, data) :]
        except OSError:
            return  # nobody can ever read it: the work goes on
