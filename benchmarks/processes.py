"""The processes that the benchmarks measure, on free ports; the tests start theirs in the same ways."""

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import requests

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from changeover import Client  # noqa: E402 sys.path needs the project's folder first
from tests.conftest import port_that_is_free, wait_until  # noqa: E402
from tests.processes import up  # noqa: E402
from tests.processes.predict_api import PredictApi  # noqa: E402
from tests.processes.service import ServiceProcess  # noqa: E402

JSON = {"Content-Type": "application/json"}


class Hello(ServiceProcess):
    """A bare Flask hello on granian, with as many threads as a worker of predict_api."""

    def __init__(self, folder: Path, workers: int) -> None:
        super().__init__(folder / "hello.log", {}, port_that_is_free())
        self._workers = workers

    def command(self) -> list[str]:
        """The command line."""
        granian = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1"]
        granian += ["--port", str(self.port), "--workers", str(self._workers), "--blocking-threads", "4"]
        granian += ["--no-ws", "--http", "1", "--working-dir", str(ROOT / "benchmarks/peers/servers")]
        return [*granian, "flask_hello:app"]

    def answers(self, path: str) -> bool:
        """Whether the server answers with 200."""
        return is_answered(f"{self.url}/hello", b"{}")


class NeverChecks(PredictApi):
    """A predict_api without freshness checks once it has a version."""

    def command(self) -> list[str]:
        """The command line."""
        return [sys.executable, str(ROOT / "benchmarks/never_checks.py")]


def tree(*roots: psutil.Process) -> list[psutil.Process]:
    """The processes and all below them, each once; those that have ended are left out."""
    found: dict[int, psutil.Process] = {}
    for root in roots:
        with suppress(psutil.NoSuchProcess):
            found |= {process.pid: process for process in (root, *root.children(recursive=True))}
    return list(found.values())


def resident(processes: Iterable[psutil.Process]) -> int:
    """Their resident memory, in bytes."""
    total = 0
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            total += process.memory_info().rss
    return total


def processor_seconds(processes: Iterable[psutil.Process]) -> float:
    """The processor seconds of each so far, with those of its children that it has waited for."""
    total = 0.0
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            total += sum(process.cpu_times()[:4])
    return total


def is_answered(url: str, body: bytes) -> bool:
    """Whether a POST is answered with 200."""
    try:
        return requests.post(url, body, headers=JSON, timeout=5).status_code == 200
    except (requests.ConnectionError, requests.Timeout):
        return False


def wait_for(url: str, body: bytes) -> None:
    """Wait until a POST to `url` is answered with 200."""
    wait_until(lambda: is_answered(url, body), 30, f"a response of {url}")


@contextmanager
def stack(folder: Path, model: str, replicas: int = 1, workers: int = 2, **environment: str) -> Iterator[Client]:
    """`changeover up` in `folder`, with `model` at /predict, when it answers."""
    home = folder / "home"
    line = up.command(home, replicas=replicas, workers=workers)
    settings = {**os.environ, "PYTHONPATH": str(ROOT), "DEFAULT_MODEL": model, **environment}
    running = up.start(line, home, settings, folder).wait_until_up()
    try:
        yield running.client()
    finally:
        running.stop()
