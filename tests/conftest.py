"""Helpers of every test: a wait with a deadline, a free port, and the order in which files are distributed."""

import os
import re
import threading
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadFileScheduling

from changeover.up.ports import find_free

_COVERAGE = "COVERAGE_PROCESS_CONFIG"
_COVERAGE_CONFIG = os.environ.get(_COVERAGE)
if _COVERAGE_CONFIG is not None:  # set while coverage is measured: children must trace threads of granian
    os.environ["PYTHONPATH"] = os.pathsep.join(
        [str(Path(__file__).parent / "measured"), *filter(None, [os.environ.get("PYTHONPATH")])]
    )

# no test asserts how long something took
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

# Measuring coverage doubles the processor time of a service. The processes of these tests run code that those of other
# tests run, too.
NOT_MEASURED = re.compile(
    r"tests/((attacks|clients|e2e|engines|faults|kubernetes|own_answer|simulation|torture|integration/estimators)/"
    r"|integration/test_(environments|fairness|foreign_ledger|leases|many_models|model_server_starts|one_lease|peers|"
    r"runner\w*|twin_\w+|two_model_servers|wire_compatibility|zygote)\.py)"
)
BUSY = re.compile(r"tests/(attacks|own_answer|simulation|torture)/")  # this process itself has much to do

_WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_DRAWN: set[int] = set()
SERVICE_LOGS: set[Path] = set()  # of the services that tests have started

LOG_LINES = 40

T = TypeVar("T")
PATIENCE = 4.0  # the factor by which a machine may be slower than the one on which the times were chosen
# The workers of xdist take files in this order, so the many short ones at the end let all workers finish together. A
# worker reserves its next file with two tests left: behind the two minutes of torture that is a short one.
ORDER = (
    "attacks",
    "own_answer",
    "kubernetes",
    "clients",
    "engines",
    "e2e",
    "faults",
    "integration",
    "torture",
    "",
    "simulation",
    "unit",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the tests by `ORDER`, and keep the order within a folder."""

    def position(item: pytest.Item) -> int:
        folder = item.path.relative_to(Path(__file__).parent).parts[0]
        return ORDER.index(folder if folder in ORDER else "")

    items.sort(key=position)
    for item in items:
        if BUSY.match(item.nodeid):
            item.add_marker("no_cover")  # of pytest-cov: this process is not measured in the test, either


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Measure the coverage of the child processes that the fixtures and the test start, or not."""
    if _COVERAGE_CONFIG is None:
        return
    if NOT_MEASURED.match(item.nodeid):
        os.environ.pop(_COVERAGE, None)
    else:
        os.environ[_COVERAGE] = _COVERAGE_CONFIG


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show with a failure the last lines of the services that have logged since its set-up or its call began."""
    report = yield
    if report.failed:
        for log in SERVICE_LOGS:
            if log.exists() and log.stat().st_mtime >= call.start:
                lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_LINES:]
                report.sections.append((f"the log {log.name}", "\n".join(lines)))
    return report


class FilesThatShareAStack(LoadFileScheduling):  # type: ignore[misc]
    """Each file is run by one worker, and so are all files of a folder whose stack does much at a time."""

    def _split_scope(self, nodeid: str) -> str:
        return re.sub(r"(/estimators|/own_answer)/\w+\.py", r"\1", super()._split_scope(nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> FilesThatShareAStack | None:
    """The distribution of `make test`."""
    return FilesThatShareAStack(config, log) if config.getvalue("dist") == "loadfile" else None


def wait_until(condition: Callable[[], T], seconds: float = 20.0, what: str = "the condition") -> T:
    """Return the first true value of `condition`, which is called until PATIENCE times `seconds` have passed."""
    deadline = time.monotonic() + PATIENCE * seconds
    pause = threading.Event()
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            pytest.fail(f"{what} did not come true within {PATIENCE * seconds:g} s (last: {value!r})")
        pause.wait(0.02)


@pytest.fixture
def eventually() -> Callable[..., object]:
    """`eventually(lambda: ..., seconds=20, what="...")` waits for a condition with a deadline."""
    return wait_until


def port_that_is_free() -> int:
    """A random port of the loopback interface that no process listens on at this moment, and none twice.

    A port is free until its service has started. Each worker of xdist draws from ports of its own, so that no other
    worker draws it meanwhile.
    """
    while True:
        port = find_free(_DRAWN)
        _DRAWN.add(port)
        if port % _WORKERS == _WORKER:
            return port


@pytest.fixture
def free_port() -> int:
    """A port of the loopback interface that no process listens on at this moment."""
    return port_that_is_free()
