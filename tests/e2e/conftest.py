"""Fixtures of a whole stack: `changeover up` on free ports, in a folder of its own."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.processes.up import RunningStack, launch

StartStack = Callable[..., RunningStack]


@pytest.fixture(scope="module")
def running_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """One stack for all tests of a file; they only read, or undo their changes."""
    started = launch(tmp_path_factory.mktemp("stack") / "home")
    yield started
    started.stop()


@pytest.fixture
def start_stack(tmp_path: Path) -> Iterator[StartStack]:
    """`start_stack(replicas=2, environment={...}, home=...)`: a stack for one test, ended after it."""
    started: list[RunningStack] = []

    def start(home: Path | None = None, environment: dict[str, str] | None = None, **options: object) -> RunningStack:
        started.append(launch(home or tmp_path / "home", environment, **options))
        return started[-1]

    yield start
    with contextlib.ExitStack() as ends:
        for stack in started:
            ends.callback(stack.stop)
