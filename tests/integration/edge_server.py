"""A worker of predict_api without models: its edge in front of an application that waits for the test.

`python -m tests.integration.edge_server FIFO`: a POST to `/wait` is answered when the test writes a byte into the FIFO,
any other immediately. `GET /count` says how many POSTs were begun, `/livez` and its like are answered as everywhere.
"""

import json
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from wsgiref.types import StartResponse, WSGIEnvironment

from predict_api.edge.application import EdgeApplication
from predict_api.prediction.turn import REFUSAL
from predict_api.settings import PredictSettings
from predict_api.workers import serve

FIFO = sys.argv[1]


class Application:
    """The application behind the edge."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._begun = 0

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer with the error of a refused request, or with what was asked."""
        if REFUSAL in environ:
            start_response("503 x" if "QUEUE_SECONDS" in str(environ[REFUSAL]) else "408 x", [("Retry-After", "1")])
            return [str(environ[REFUSAL]).encode()]
        if environ["REQUEST_METHOD"] == "POST":
            with self._lock:
                self._begun += 1
            body = environ["wsgi.input"].read()
            if environ["PATH_INFO"] == "/wait":
                with Path(FIFO).open("rb", buffering=0) as fifo:
                    fifo.read(1)
            start_response("200 OK", [])
            return [b"%d" % len(body)]
        start_response("200 OK", [])
        return [json.dumps({"begun": self._begun, "environ": sorted(map(str, environ))}).encode()]


class EdgeWorker:
    """A worker with this application."""

    def __init__(self, settings: PredictSettings, _directory: Path, draining: Callable[[], bool]) -> None:
        self.edge = EdgeApplication(Application(), settings, draining)

    def start(self) -> None:
        """Start what the edge needs."""
        self.edge.start()

    def leave(self) -> None:
        """Nothing to leave."""


if __name__ == "__main__":
    assert Path(FIFO).exists()
    serve(PredictSettings.from_environment(), Path(tempfile.gettempdir()), EdgeWorker)
