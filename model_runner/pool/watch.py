"""The watch over runners: one thread reads their standard error, answers their requests to fork, and starts zygotes.

A zygote ends with the thread that started it, so that thread must stay.
"""

import os
import queue
import selectors
import socket
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from io import FileIO
from typing import Final

from model_runner.confinement import fork_permits
from model_runner.pool.processes import start_here

_CHUNK: Final = 65536


class Watch:
    """The thread that watches the runners of one process. Thread-safe."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._woken, self._wakes = socket.socketpair()
        self._wakes.setblocking(False)
        self._selector.register(self._woken, selectors.EVENT_READ, None)
        self._tasks: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self, command: Sequence[str], stdin: int, variables: Mapping[str, str]) -> "subprocess.Popen[bytes]":
        """Start a process that ends with this process; raises OSError."""
        started: queue.SimpleQueue[subprocess.Popen[bytes] | OSError] = queue.SimpleQueue()

        def start_it() -> None:
            try:
                started.put(start_here(command, stdin, variables))
            except OSError as error:
                started.put(error)

        self._do(start_it)
        result = started.get()
        if isinstance(result, OSError):
            raise result
        return result

    def read(self, stream: FileIO, into: "Tail") -> None:
        """Read a pipe to its end, into `into`, then close it."""
        self._do(lambda: self._register(stream.fileno(), lambda: self._read(stream, into)))

    def permit(self, listener: int, permitted: Callable[[], bool]) -> None:
        """Answer each request to fork that `listener` brings by `permitted`; `forget` ends it."""

        def answer() -> None:
            try:
                fork_permits.answer(listener, permitted=permitted())
            except OSError:  # the process that asked has ended
                if not fork_permits.can_ask(listener):  # the selector would report this without end
                    self._selector.unregister(listener)

        self._do(lambda: self._register(listener, answer))

    def forget(self, listener: int) -> None:
        """Close a listener of `permit`."""

        def close() -> None:
            with suppress(KeyError, ValueError):
                self._selector.unregister(listener)
            os.close(listener)

        self._do(close)

    def _register(self, descriptor: int, act: Callable[[], None]) -> None:
        with suppress(ValueError, OSError):  # it has ended already
            self._selector.register(descriptor, selectors.EVENT_READ, act)

    def _read(self, stream: FileIO, into: "Tail") -> None:
        try:
            chunk = os.read(stream.fileno(), _CHUNK)
        except OSError:
            chunk = b""
        if chunk:
            into.add(chunk)
        else:
            self._selector.unregister(stream)
            stream.close()
            into.ended.set()

    def _do(self, task: Callable[[], None]) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="watch-runners", daemon=True)
                self._thread.start()
        self._tasks.put(task)
        with suppress(BlockingIOError):
            self._wakes.send(b".")

    def _run(self) -> None:
        while True:
            for key, events in self._selector.select():
                if key.data is None:
                    self._woken.recv(4096)
                    with suppress(queue.Empty):
                        while True:
                            self._tasks.get_nowait()()
                elif events & selectors.EVENT_READ:
                    key.data()


class Tail:
    """The end of what a runner wrote to its standard error, and an event for its end."""

    def __init__(self, most: int = 65536) -> None:
        self._chunks: deque[bytes] = deque()
        self._size, self._most = 0, most
        self.ended = threading.Event()

    def add(self, chunk: bytes) -> None:
        """Add bytes; the oldest are dropped."""
        self._chunks.append(chunk)
        self._size += len(chunk)
        while self._size - len(self._chunks[0]) >= self._most:
            self._size -= len(self._chunks.popleft())

    def text(self, most: int) -> str:
        """The last bytes, `most` at most, as text."""
        return b"".join(self._chunks)[-most:].decode("utf-8", "replace")
