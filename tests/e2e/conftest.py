"""A whole stack for the end-to-end tests: `changeover up` on free ports in a folder of its own."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from changeover import Client, stack
from changeover.exceptions import StackNotFound
from tests.conftest import PATIENCE, wait_until

START_SECONDS = 60.0
END_SECONDS = 30.0


@dataclass
class RunningStack:
    """A `changeover up` that answered."""

    home: Path
    process: subprocess.Popen[bytes]
    output: Path

    @property
    def described(self) -> stack.Stack:
        """What `up.json` says now."""
        return stack.read(self.home)

    @property
    def pids(self) -> stack.Pids:
        """The processes that `up.json` names now."""
        pids = self.described.pids
        assert pids is not None
        return pids

    def client(self) -> Client:
        """A client of this stack."""
        return Client(home=self.home)

    def held_by_all(self, model: str, version: str) -> bool:
        """Whether every worker that `up.json` names has told model_server that it answers by `version`.

        The first version of a model has nobody to wait for: its roll ends before the workers have it.
        """
        workers = sum(len(instance) - 1 for instance in self.pids.predict_api)
        replicas = [one for one in self.client().model(model)["replicas"] if one["awaited"]]
        return [(one["held"] or {}).get("version") for one in replicas] == [version] * workers

    def wait_until_held(self, model: str, version: str) -> None:
        """Wait for `held_by_all`."""
        wait_until(lambda: self.held_by_all(model, version), 30, f"the service of {model} by every worker")

    def said(self) -> str:
        """What it printed so far."""
        return self.output.read_text(encoding="utf-8")

    def processes(self) -> list[psutil.Process]:
        """It and all that it started, at any depth."""
        up = psutil.Process(self.process.pid)
        return [up, *up.children(recursive=True)]

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """End it and return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(PATIENCE * END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()  # all that it started ends with it
            self.process.wait()
            raise


def command(home: Path, **options: object) -> list[str]:
    """The command line of `changeover up` on free ports."""
    given: dict[str, object] = {"predict_port": 0, "server_port": 0, "workers": 2, **options}
    words = [word for name, value in given.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    return [sys.executable, "-m", "changeover", "up", "--home", str(home), *words]


def wait_until_up(home: Path, process: subprocess.Popen[bytes], output: Path) -> RunningStack:
    """Wait until a `changeover up` answers, or kill it."""
    started = RunningStack(home, process, output)

    def answers() -> bool:
        assert process.poll() is None, f"changeover up ended:\n{started.said()}"
        with contextlib.suppress(StackNotFound):
            return started.pids.up == process.pid
        return False

    try:
        wait_until(answers, START_SECONDS, "up.json")
    except BaseException:
        process.kill()
        process.wait()
        raise
    return started


def launch(home: Path, environment: dict[str, str] | None = None, **options: object) -> RunningStack:
    """Start a stack in `home` and wait until it answers."""
    home.mkdir(parents=True, exist_ok=True)
    output = home.parent / f"{home.name}.out"
    with output.open("ab") as file:
        process = subprocess.Popen(
            command(home, **options),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            env={**os.environ, "DEFAULT_MODEL": "segmentation", "CHECK_DEADLINE_MS": "1000", **(environment or {})},
        )
    return wait_until_up(home, process, output)


StartStack = Callable[..., RunningStack]


@pytest.fixture(scope="module")
def running_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """One stack for all tests of a file that only look, or that undo what they do."""
    started = launch(tmp_path_factory.mktemp("stack") / "home")
    yield started
    started.stop()


@pytest.fixture
def start_stack(tmp_path: Path) -> Iterator[StartStack]:
    """`start_stack(replicas=2, environment={...}, home=...)`: a stack of this test's own; ended after it."""
    started: list[RunningStack] = []

    def start(home: Path | None = None, environment: dict[str, str] | None = None, **options: object) -> RunningStack:
        started.append(launch(home or tmp_path / "home", environment, **options))
        return started[-1]

    yield start
    with contextlib.ExitStack() as ends:
        for one in started:
            ends.callback(one.stop)
