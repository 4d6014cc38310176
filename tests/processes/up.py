"""A whole stack as a user starts it: `changeover up` in a home, on free ports."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import psutil

from changeover import Client, stack
from changeover.exceptions import StackNotFound
from tests.conftest import PATIENCE, wait_until
from tests.processes.service import END_SECONDS, START_SECONDS
from tests.tree import ROOT

PROGRAM = (sys.executable, "-m", "changeover")


@dataclass
class RunningStack:
    """A stack that was started in `home`; its output goes to a file beside it."""

    home: Path
    process: subprocess.Popen[bytes]
    output: Path

    @property
    def described(self) -> stack.Stack:
        """The present content of `up.json`."""
        return stack.read(self.home)

    @property
    def pids(self) -> stack.Pids:
        """The processes that `up.json` names."""
        pids = self.described.pids
        assert pids is not None
        return pids

    def client(self) -> Client:
        """A client of this stack."""
        return Client(home=self.home)

    def wait_until_up(self) -> Self:
        """Wait until `up.json` names this run; a stack that does not come up is killed."""

        def answers() -> bool:
            assert self.process.poll() is None, f"changeover up ended:\n{self.printed()}"
            with contextlib.suppress(StackNotFound):
                return self.pids.up == self.process.pid
            return False

        try:
            wait_until(answers, START_SECONDS, "up.json")
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise
        return self

    def held_by_all(self, model: str, version: str) -> bool:
        """Whether every worker that `up.json` names has reported `version` as its active one.

        The first rollout of a model has no replica to wait for: it ends before the workers have the version.
        """
        workers = sum(len(instance) - 1 for instance in self.pids.predict_api)
        known: Any = self.client().model(model)["replicas"]
        replicas = [replica for replica in known if replica["awaited"]]
        return [(replica["held"] or {}).get("version") for replica in replicas] == [version] * workers

    def wait_until_held(self, model: str, version: str) -> None:
        """Wait for `held_by_all`."""
        wait_until(lambda: self.held_by_all(model, version), 30, f"the service of {model} by every worker")

    def printed(self) -> str:
        """The output of this run so far."""
        return self.output.read_text(encoding="utf-8")

    def processes(self) -> list[psutil.Process]:
        """The first process and all below it, at any depth."""
        up = psutil.Process(self.process.pid)
        return [up, *up.children(recursive=True)]

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """End the stack, and return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(PATIENCE * END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()  # all processes below end with it
            self.process.wait()
            raise


def command(home: Path, verb: str = "up", program: Sequence[str] = PROGRAM, **options: object) -> list[str]:
    """The command line of a stack on free ports."""
    chosen: dict[str, object] = {"home": home, "predict_port": 0, "server_port": 0, **options}
    words = [word for name, value in chosen.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    return [*program, verb, *words]


def start(line: list[str], home: Path, environment: Mapping[str, str], folder: Path = ROOT) -> RunningStack:
    """Start a stack by its command line, and return without waiting for it."""
    home.mkdir(parents=True, exist_ok=True)
    output = home.parent / f"{home.name}.out"
    with output.open("wb") as file:
        process = subprocess.Popen(
            line, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT
        )
    return RunningStack(home, process, output)


def launch(home: Path, settings: Mapping[str, str] | None = None, **options: object) -> RunningStack:
    """Start a stack, and return when it answers."""
    environment = {**os.environ, "DEFAULT_MODEL": "segmentation", "CHECK_DEADLINE_MS": "1000", **(settings or {})}
    return start(command(home, **options), home, environment).wait_until_up()  # type: ignore[arg-type]
