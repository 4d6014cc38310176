"""A server in the comparison: its packages, its start, its request body and its response."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.peers.environments import Environment
from benchmarks.peers.serving import Serving
from changeover.json_types import Json, JsonObject

SERVERS: Final = Path(__file__).resolve().parent / "servers"
ONE_THREAD: Final = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
SILENT: Final = {"BENTOML_DO_NOT_TRACK": "True", "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}


@dataclass(frozen=True)
class Setup:
    """The set-up of a server: the model's name and folder, a working folder, ports, and the number of workers."""

    model: str
    files: Path
    work: Path
    ports: tuple[int, int, int]
    workers: int
    environment: Environment

    @property
    def port(self) -> int:
        """The port that requests go to."""
        return self.ports[0]

    @property
    def python(self) -> str:
        """The interpreter of the server's environment."""
        return str(self.environment.python)

    def variables(self, **more: str) -> dict[str, str]:
        """The environment variables: no telemetry, one thread a numeric library, the server's commands first on the PATH."""
        settings = {
            "MODEL_FILE": str((self.files / "model.joblib").resolve()),
            "PORT": str(self.port),
            "WORKERS": str(self.workers),
            "PATH": f"{self.environment.binaries}{os.pathsep}{os.environ.get('PATH', '')}",
        }
        kept = {name: value for name, value in os.environ.items() if name not in {"VIRTUAL_ENV", "PYTHONPATH"}}
        return {**kept, **ONE_THREAD, **SILENT, **settings, **more}


def row_itself(row: JsonObject) -> Json:
    """The row as it is."""
    return row


def own_shape(answer: Any) -> list[float] | None:
    """`predict_proba` of an answer."""
    return [float(one) for one in answer["predict_proba"]]


@dataclass(frozen=True)
class Peer:
    """A server under comparison.

    `requirements` define its environment (empty: it runs in ours). The table has the versions of the `shown` distributions.
    `body` converts one row to a request body, `answer` reads the probabilities from a response (None: it has none).
    `raw` rows are strings as consumers send them; others are typed: numbers, known categories, null.
    """

    key: str
    title: str
    shown: tuple[str, ...]
    start: Callable[[Serving, Setup], None]
    requirements: tuple[str, ...] = ()
    path: str = "/predict"
    body: Callable[[JsonObject], Json] = row_itself
    answer: Callable[[Any], list[float] | None] = own_shape
    raw: bool = False

    @property
    def is_ours(self) -> bool:
        """Whether it is Changeover, with any settings."""
        return self.key.startswith("changeover")

    @property
    def is_yardstick(self) -> bool:
        """Whether it serves no model."""
        return self.key.startswith("hello")

    @property
    def is_peer(self) -> bool:
        """Whether Changeover is compared with it."""
        return not (self.is_ours or self.is_yardstick)
