"""Child processes of `changeover up`: each in its own process group, restarted when it dies.

The separate group means that Ctrl-C in the terminal reaches only `up`, which ends its children in order. At the end no
process is left.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from changeover.process import clock
from changeover.process.visible import visible
from changeover.up.plan import PREDICT_API, Part

_SLOWEST_RESTART: Final = 5.0
_SETTLED: Final = 10.0  # a child that ran this long has started successfully
_ENDED_BY_US: Final = (0, -signal.SIGTERM, 128 + signal.SIGTERM)
_DRAIN: Final = 15.0


def inherited_environment() -> Mapping[str, str]:
    """The environment of `up`, whose settings pass through to the services."""
    return os.environ


def restart_delay(failures: int) -> float:
    """Seconds before the next start after `failures` short runs in a row: 0, then 0.25 doubled up to 5."""
    return 0.0 if failures <= 1 else min(_SLOWEST_RESTART, 0.25 * 2 ** (failures - 2))


class Child:
    """One process of the stack and its restarts. Use it from one long-lived thread: a child ends with its thread."""

    def __init__(self, part: Part, log: Path) -> None:
        self.part = part
        self.log = log
        self.failures = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._due: float | None = None
        self._left_behind: list[tuple[int, float]] = []

    @property
    def pid(self) -> int:
        """The process id of the present or last run; 0 before the first."""
        return self._process.pid if self._process else 0

    @property
    def started(self) -> bool:
        """Whether it was ever started."""
        return self._process is not None

    @property
    def running(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the process; its output is appended to its log."""
        command = [sys.executable, "-m", "changeover.up.launch", str(os.getpid()), sys.executable, "-m"]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 our own modules
                [*command, *self.part.module],
                env=self.part.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,
            )
        self._started = clock.now()
        self._due = None

    def tend(self, now: float) -> int | None:
        """Restart the process when due. Returns the exit code of a death just noticed."""
        self._end_left_behind(now)
        if self._process is None or self.running:
            return None
        code = None
        if self._due is None:
            code = self._process.returncode
            self._due = now + self._delay(code, now - self._started)
            self._leave_behind(now)
        if now >= self._due:
            self.start()
        return code

    def _delay(self, code: int, life: float) -> float:
        if code in _ENDED_BY_US and life > 1.0:
            self.failures = 0
            return 0.0
        self.failures = 1 if life >= _SETTLED else self.failures + 1
        return restart_delay(self.failures)

    def _leave_behind(self, now: float) -> None:
        """End the dead process's children: workers of predict_api may finish their requests, others are killed.

        A worker of model_server that outlived it would be a second writer of the current pointer.
        """
        if self.part.service == PREDICT_API:
            self._left_behind.append((self.pid, now + _DRAIN))
        else:
            _kill_group(self.pid)

    def _end_left_behind(self, now: float) -> None:
        for group, deadline in list(self._left_behind):
            if now >= deadline:
                _kill_group(group)
                self._left_behind.remove((group, deadline))

    def ask_to_end(self) -> None:
        """Send SIGTERM: the process finishes its requests, then ends."""
        if self._process is not None and self.running:
            self._process.terminate()

    def end(self, deadline: float) -> bool:
        """Wait until `deadline` (of `clock.now`), then SIGKILL its process group. Returns whether it drained."""
        if self._process is None:
            return True
        drained = True
        try:
            self._process.wait(max(0.0, deadline - clock.now()))
        except subprocess.TimeoutExpired:
            drained = False
        for group in (self.pid, *(group for group, _ in self._left_behind)):
            _kill_group(group)
        self._process.wait()
        return drained

    def last_lines(self, count: int = 8) -> str:
        """The end of its log, for people."""
        try:
            with self.log.open("rb") as file:
                file.seek(max(0, self.log.stat().st_size - 8192))
                lines = file.read().decode("utf-8", "replace").splitlines()
        except OSError:
            return ""
        return "\n".join(f"    {visible(line[:300])}" for line in lines[-count:])


def _kill_group(group: int) -> None:
    """SIGKILL every process of `group`; an empty group is no error."""
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):  # macOS: EPERM for a group of zombies
        return
