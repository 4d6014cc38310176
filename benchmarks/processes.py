"""The processes that the benchmarks measure: on free ports, ended with the benchmark."""

import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from changeover import Client  # noqa: E402 the project's folder must be known first
from changeover.exceptions import StackNotFound  # noqa: E402
from changeover.up.ports import find_free  # noqa: E402


def free_port() -> int:
    """A port of the loopback interface that is free at this moment."""
    return find_free(set())


@contextmanager
def running(command: list[str], folder: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A child process that is ended with SIGTERM; its words go to a file, shown if it ends early."""
    log = folder / f"{Path(command[-1]).stem}.log"
    with log.open("wb") as out:
        child = subprocess.Popen(command, stdout=out, stderr=out, cwd=folder, env={**os.environ, **environment})
        try:
            yield child
        finally:
            child.send_signal(signal.SIGTERM)
            child.wait(30)


def wait_for(url: str, body: bytes, child: subprocess.Popen[bytes], seconds: float = 120.0) -> None:
    """Until a POST to `url` is answered with 200; raises SystemExit when the child ends or time is over."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while child.poll() is None and time.monotonic() < deadline:
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=5):
                return
        except OSError:
            pause.wait(0.1)
    raise SystemExit(
        f"{url} did not answer: its process {'ended' if child.poll() is not None else 'is still starting'}"
    )


@contextmanager
def stack(folder: Path, model: str, replicas: int = 1, workers: int = 2, **environment: str) -> Iterator[Client]:
    """`changeover up` in `folder`, with `model` at /predict, when it answers."""
    home = folder / "home"
    command = [
        sys.executable,
        "-m",
        "changeover",
        "up",
        "--home",
        str(home),
        "--predict-port",
        "0",
        "--server-port",
        "0",
    ]
    command += ["--replicas", str(replicas), "--workers", str(workers)]
    environment = {"PYTHONPATH": str(ROOT), "DEFAULT_MODEL": model, **environment}
    with running(command, folder, **environment) as up:
        pause = threading.Event()
        deadline = time.monotonic() + 60
        while up.poll() is None and time.monotonic() < deadline:
            with suppress(StackNotFound):
                yield Client(home=home)
                return
            pause.wait(0.1)
        raise SystemExit(f"the stack did not start; see {home / 'log'}")
