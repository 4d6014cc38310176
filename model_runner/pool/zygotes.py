"""The client of one zygote: it starts the zygote with the first runner, and ends it when idle.

A zygote forks runners with the libraries of models imported: the imports take longer than most examinations. On macOS
such a fork is not safe with every library.
"""

import contextlib
import os
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass
from io import FileIO
from typing import Final

import msgspec

from model_runner.options import Options, Preload
from model_runner.pool.exceptions import NoRunner, NotConfined
from model_runner.pool.processes import EARLY_THREADS, ZygoteProcess, start_zygote
from model_runner.pool.runner_process import RunnerProcess
from model_runner.pool.watch import Watch

_START_SECONDS: Final = 120.0  # for the imports of a zygote, on a busy machine
IDLE_SECONDS: Final = 8.0  # after which an idle zygote ends: it has 150 MB, and is back in two seconds


@dataclass(frozen=True)
class ZygoteSettings:
    """One zygote: the interpreter of its environment, and its options."""

    python: str
    preload: Preload

    @property
    def may_be_early(self) -> bool:
        """Whether a zygote of this interpreter that was started early can be the one of these settings."""
        return self.python == sys.executable and self.preload.threads == EARLY_THREADS and not self.preload.nice


class Zygote:
    """The client of a zygote. Thread-safe."""

    def __init__(
        self,
        settings: ZygoteSettings,
        watch: Watch,
        idle_seconds: float | None = IDLE_SECONDS,
        started: ZygoteProcess | None = None,
    ) -> None:
        """The zygote ends after `idle_seconds` without a runner; None: it stays. `started` is its first process."""
        self._settings, self._watch, self._idle_seconds, self._started = settings, watch, idle_seconds, started
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._runners = 0
        self._idle: threading.Timer | None = None

    def fork(self, options: Options) -> RunnerProcess:
        """A new runner, confined already; raises NoRunner or NotConfined. The caller ends it by `RunnerProcess.end`."""
        with self._lock:
            if self._idle is not None:
                self._idle.cancel()
            # twice, since the zygote may have been killed while it was idle
            runner = self._request(options) or self._request(options)
            if runner is None:
                raise NoRunner("no process could be started to run a model: is there memory left?")
            self._runners += 1
        runner.when_ended(self._one_less)
        try:
            runner.begin(_START_SECONDS)
            if lacking := [measure for measure in options.required if runner.measures.get(measure) is not True]:
                raise NotConfined(
                    f"REQUIRE_CONFINEMENT is set, and these measures do not hold on this system: {', '.join(lacking)}"
                )
        except BaseException:
            runner.end()
            raise
        return runner

    def warm(self) -> None:
        """Start the zygote before its first runner is wanted; raises OSError."""
        with self._lock:
            if self._control is None:
                self._start()
                self._begin_idle()

    def close(self) -> None:
        """End the zygote if it has no runner; a later `fork` starts another."""
        with self._lock:
            if not self._runners:
                self._end()

    def kill(self) -> None:
        """End the zygote and its runners."""
        with self._lock:
            self._end()

    def _one_less(self) -> None:
        with self._lock:
            self._runners -= 1
            if not self._runners:
                self._begin_idle()

    def _begin_idle(self) -> None:
        if self._idle_seconds is not None:
            self._idle = threading.Timer(self._idle_seconds, self.close)
            self._idle.daemon = True
            self._idle.start()

    def _request(self, options: Options) -> RunnerProcess | None:
        control = self._control or self._start()
        ours, connection = socket.socketpair()
        reply, theirs = socket.socketpair()
        reply.settimeout(_START_SECONDS)
        stderr_in, stderr = (FileIO(descriptor, mode) for descriptor, mode in zip(os.pipe(), "rw", strict=True))
        with connection, theirs, stderr, contextlib.suppress(OSError):
            descriptors = [connection.fileno(), stderr.fileno(), theirs.fileno()]
            socket.send_fds(control, [msgspec.json.encode(options)], descriptors)
            theirs.close()  # the zygote must have the only copy, so that reading ends with it
            if reply.recv(1):
                return RunnerProcess(ours, reply, stderr_in, self._watch)
        for end in (ours, reply, stderr_in):
            end.close()
        self._end()
        return None

    def _start(self) -> socket.socket:
        settings = self._settings
        started, self._started = self._started, None
        if started is None:
            started = start_zygote(settings.python, settings.preload.threads, start=self._watch.start)
        self._process, self._control = started.process, started.control
        with contextlib.suppress(ConnectionError):  # it has ended, which the first runner's request will find
            started.control.send(msgspec.json.encode(settings.preload))
        return started.control

    def _end(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            self._process.kill()  # its runners die with it
            self._process.wait()
        self._control = self._process = None
