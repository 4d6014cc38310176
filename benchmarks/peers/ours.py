"""Changeover as a server under comparison, and the yardstick: a bare Flask hello on granian."""

import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Final

from benchmarks.peers.environments import CannotPrepare
from benchmarks.peers.peer import SERVERS, Peer, Setup
from benchmarks.peers.serving import START_SECONDS, Serving
from changeover import Client
from changeover.exceptions import ChangeoverError, StackNotFound
from changeover.manifest.manifest import Draft

ROOT: Final = Path(__file__).resolve().parents[2]


def no_probabilities(_answer: object) -> list[float] | None:
    """No probabilities: a hello has none."""
    return None


def start_hello(serving: Serving, setup: Setup) -> None:
    """Start the hello with as many workers and threads as predict_api has."""
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(setup.port)]
    command += [
        "--workers",
        str(setup.workers),
        "--blocking-threads",
        os.environ.get("THREADS", "4"),
        "--no-ws",
        "--http",
        "1",
    ]
    command += ["--working-dir", str(SERVERS), "flask_hello:app"]
    serving.start(command, setup.work, setup.variables())


def start_changeover(serving: Serving, setup: Setup) -> None:
    """Start the whole stack with the RUNTIME of the environment."""
    _start_stack(serving, setup, {})


def start_without_twin(serving: Serving, setup: Setup) -> None:
    """Start the whole stack with RUNTIME=sklearn."""
    _start_stack(serving, setup, {"RUNTIME": "sklearn"})


def _start_stack(serving: Serving, setup: Setup, settings: dict[str, str]) -> None:
    home = setup.work / "home"
    command = [sys.executable, "-m", "changeover", "up", "--home", str(home), "--workers", str(setup.workers)]
    command += ["--predict-port", str(setup.ports[0]), "--server-port", str(setup.ports[1])]
    variables = {
        name: value for name, value in setup.variables().items() if name not in {"PORT", "WORKERS", "MODEL_FILE"}
    }
    environment = {
        **variables,
        "PYTHONPATH": str(ROOT),
        "DEFAULT_MODEL": setup.model,
        "LOG_LEVEL": "warning",
        **settings,
    }
    serving.start(command, setup.work, environment)
    try:
        client = _client(serving, home)
        draft = Draft.from_json(json.loads((setup.files / "draft.json").read_text(encoding="utf-8")))
        version = client.publish(setup.files / "model.joblib", setup.model, draft=draft).version
        client.roll(version, model=setup.model)
    except ChangeoverError as error:
        raise CannotPrepare(f"{error} (see {serving.log} and {home / 'log'})") from error


def _client(serving: Serving, home: Path) -> Client:
    deadline, pause = time.monotonic() + START_SECONDS, threading.Event()
    while time.monotonic() < deadline and serving.processes[0].poll() is None:
        try:
            client = Client(home=home)
            if client.stack.pids is not None and client.stack.pids.up == serving.processes[0].pid:
                return client
        except StackNotFound:
            pass
        pause.wait(0.1)
    raise CannotPrepare(f"the stack did not start (see {serving.log} and {home / 'log'})")


HELLO: Final = Peer(
    "hello", "Flask hello", ("flask", "granian"), start_hello, path="/hello", answer=no_probabilities, raw=True
)
HELLO_JSON: Final = Peer(
    "hello-json", "Flask hello that reads its JSON", ("flask",), start_hello, answer=no_probabilities, raw=True
)
CHANGEOVER: Final = Peer("changeover", "Changeover", ("changeover", "scikit-learn"), start_changeover, raw=True)
WITHOUT_TWIN: Final = Peer(
    "changeover-sklearn", "Changeover, RUNTIME=sklearn", ("changeover", "scikit-learn"), start_without_twin, raw=True
)
