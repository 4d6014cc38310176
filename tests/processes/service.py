"""One process of ours as a child of a test: its settings, its port and its log."""

import contextlib
import json
import os
import random
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

import psutil
import requests

from tests.conftest import PATIENCE, SERVICE_LOGS, wait_until
from tests.tree import ROOT

START_SECONDS = 60.0
END_SECONDS = 30.0
_STARTER = ThreadPoolExecutor(1)  # our processes end with the thread that started them: this thread stays


class ServiceProcess:
    """A child process; `start` after its end is a restart on the same port, with the same log.

    A `with` block starts it and ends it. Subclasses name the command.
    """

    ready_path: ClassVar[str] = "/livez"
    errors: int | None = None  # a pipe that takes the standard error instead of the log

    def __init__(self, log: Path, environment: Mapping[str, str], port: int) -> None:
        self.port = port
        self.process: subprocess.Popen[bytes] | None = None
        self.environment = dict(environment)
        self._log = log
        SERVICE_LOGS.add(log)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        """The command line."""
        raise NotImplementedError

    def launch(self, **settings: str) -> Self:
        """Start the process, and return without waiting for it."""
        self._log.parent.mkdir(parents=True, exist_ok=True)
        environment = {**os.environ, **self.environment, **settings}
        with self._log.open("ab") as log:
            self.process = _STARTER.submit(
                subprocess.Popen, self.command(), cwd=ROOT, env=environment, stdout=log, stderr=self.errors or log
            ).result()
        return self

    def start(self, path: str | None = None, **settings: str) -> Self:
        """Start the process, and return when it answers `path`; without one, when it is ready."""
        self.launch(**settings)
        try:
            self.wait_until_it_answers(path)
        except BaseException:
            self.kill()
            raise
        return self

    def wait_until_it_answers(self, path: str | None = None) -> None:
        """Wait for a 200 to `path`; a process that ends meanwhile fails the test with its log."""

        def answers() -> bool:
            assert self.runs(), self.log
            return self.answers(path or self.ready_path) and self.listens()

        wait_until(answers, START_SECONDS, f"an answer of {self._log.stem}")

    def answers(self, path: str) -> bool:
        """Whether a GET of `path` is answered with 200."""
        try:
            return requests.get(f"{self.url}{path}", timeout=5).status_code == 200
        except (requests.ConnectionError, requests.Timeout):
            return False

    def listens(self) -> bool:
        """Whether a process of it listens on its port: what answers there may be another service that will end."""
        for process in self.processes():
            with contextlib.suppress(psutil.Error):
                connections = process.net_connections("tcp")
                if any(c.status == psutil.CONN_LISTEN and c.laddr.port == self.port for c in connections):
                    return True
        return False

    def runs(self) -> bool:
        """Whether the first process has not ended."""
        return self.process is not None and self.process.poll() is None

    def end(self, number: int = signal.SIGTERM) -> int:
        """Signal the first process, wait until it and its workers have ended, and return its exit code."""
        if self.process is None:
            return 0
        workers = self.workers()
        self.process.send_signal(number)
        code = self.wait()
        wait_until(
            lambda: gone(workers), END_SECONDS, "the end of the workers"
        )  # a remaining worker would answer for the next run
        return code

    def wait(self) -> int:
        """Wait for the end of the first process, and return its exit code; one that does not end is killed."""
        assert self.process is not None
        try:
            return self.process.wait(END_SECONDS * PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def close(self) -> None:
        """End the process if it runs."""
        if self.runs():
            self.end()

    def kill(self) -> None:
        """Send SIGKILL to the first process and to all below it, as a container dies."""
        processes = self.processes()
        _signal(processes, signal.SIGKILL)
        if self.process is not None:
            self.process.wait()
        wait_until(lambda: gone(processes), END_SECONDS, "the end of every process")

    @contextlib.contextmanager
    def paused(self, choices: random.Random | None = None) -> Iterator[None]:
        """Stop all processes, or one worker that `choices` draws, and let them continue at the end."""
        stopped = self.processes()
        if choices is not None and (workers := self.workers()):
            stopped = [choices.choice(workers)]
        _signal(stopped, signal.SIGSTOP)
        try:
            yield
        finally:
            _signal(stopped, signal.SIGCONT)

    def processes(self) -> list[psutil.Process]:
        """The first process and all below it that live."""
        if not self.runs():
            return []
        assert self.process is not None
        first = psutil.Process(self.process.pid)
        return [first, *(child for child in first.children(recursive=True) if lives(child))]

    def workers(self) -> list[psutil.Process]:
        """The workers that the first process started and that live."""
        if not self.runs():
            return []
        assert self.process is not None
        return [child for child in psutil.Process(self.process.pid).children() if lives(child) and not _is_host(child)]

    @property
    def log(self) -> str:
        """The output of every run."""
        return self._log.read_text(encoding="utf-8")

    def events(self, name: str) -> list[dict[str, Any]]:
        """The events of that name in the log."""
        lines = [line for line in self.log.splitlines() if line.startswith("{")]
        return [event for event in map(json.loads, lines) if event["event"] == name]


def _is_host(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return "model_runner.pool.host" in process.cmdline()
    return False


def lives(process: psutil.Process) -> bool:
    """Whether the process runs. A zombie has ended, though its new parent may not have collected it yet."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def gone(processes: Sequence[psutil.Process]) -> bool:
    """Whether all have ended."""
    return not any(lives(process) for process in processes)


def _signal(processes: Sequence[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)
