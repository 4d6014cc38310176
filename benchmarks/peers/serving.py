"""The processes of one server under comparison: their start, their memory and processor time, and their end."""

import json
import os
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psutil

from benchmarks.peers.environments import CannotPrepare, last_line

START_SECONDS: Final = 180.0
STOP_SECONDS: Final = 20.0
JSON: Final = {"Content-Type": "application/json"}


def post(url: str, body: bytes, seconds: float = 30.0) -> tuple[Any, dict[str, str]]:
    """The JSON of the response and its headers. Raises OSError (also for a status other than 200) or ValueError."""
    with urllib.request.urlopen(urllib.request.Request(url, body, JSON), timeout=seconds) as answer:
        return json.loads(answer.read()), dict(answer.headers)


@dataclass
class Serving:
    """Processes that serve one model at `url`; `log` has their output."""

    url: str
    log: Path
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, command: list[str], folder: Path, environment: dict[str, str]) -> None:
        """Start one process of the server, the leader of a new group. Raises CannotPrepare."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        try:
            with self.log.open("ab") as out:
                self.processes.append(
                    subprocess.Popen(
                        command, stdout=out, stderr=out, cwd=folder, env=environment, start_new_session=True
                    )
                )
        except OSError as error:
            raise CannotPrepare(f"cannot be started: {error}") from error

    def wait(self, body: bytes) -> None:
        """Wait until `url` answers `body` with 200. Raises CannotPrepare if a process ends or the deadline passes."""
        deadline, pause, problem = time.monotonic() + START_SECONDS, threading.Event(), ""
        while time.monotonic() < deadline:
            if any(process.poll() is not None for process in self.processes):
                raise CannotPrepare(f"ended while it started: {last_line(self.log)} (see {self.log})")
            try:
                post(self.url, body, 5.0)
                return
            except urllib.error.HTTPError as error:
                problem = f", the last answer: {error.code} {error.read(200).decode(errors='replace')}"
            except (OSError, ValueError) as error:
                problem = f": {error}"
            pause.wait(0.2)
        raise CannotPrepare(f"did not answer within {START_SECONDS:.0f} s{problem} (see {self.log})")

    def tree(self) -> list[psutil.Process]:
        """All processes of the server."""
        processes: list[psutil.Process] = []
        for process in self.processes:
            with suppress(psutil.NoSuchProcess):
                first = psutil.Process(process.pid)
                processes += [first, *first.children(recursive=True)]
        return processes

    def memory(self) -> tuple[float, float]:
        """Megabytes of all its processes: resident, and with shared memory counted once (PSS; 0 if not known)."""
        resident = shared = 0
        for process in self.tree():
            with suppress(psutil.Error):
                resident += process.memory_info().rss
                shared += getattr(process.memory_full_info(), "pss", 0)
        return resident / 2**20, shared / 2**20

    def processor_seconds(self) -> float:
        """Processor time of its running processes so far."""
        spent = 0.0
        for process in self.tree():
            with suppress(psutil.Error):
                spent += sum(process.cpu_times()[:2])
        return spent

    def stop(self) -> None:
        """End all processes by SIGTERM, and then by SIGKILL to the group and to strays."""
        strays = self.tree()
        for process in reversed(self.processes):
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        for process in self.processes:
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.1, deadline - time.monotonic()))
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        for stray in strays:
            with suppress(psutil.Error):
                stray.kill()
        self.processes.clear()
