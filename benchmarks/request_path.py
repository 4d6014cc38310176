"""The time of a request by its parts: one row of the segmentation example through predict_api's own application.

The benchmark calls the WSGI application in this process, without a socket, against a running model_server. It replaces
one part of the work after another by a result computed before; the difference is the cost of that part. A part costs
about twice as much here as alone, because all parts together exceed the processor's caches. A bare Flask hello is the
yardstick. The last row is the same request with an option, which Flask handles instead of the fast path. The numbers are
lower quartiles over rounds that take turns. `make bench BENCH=request_path`.
"""

import argparse
import io
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from processes import ROOT, stack

MODEL = "segmentation"
BODY = json.dumps(json.loads((ROOT / "changeover/demo/data/segmentation_single.json").read_bytes())).encode()
REQUESTS = 500  # in one round
TOKEN = "of the benchmark alone"


def asked(app: Any, path: str, query: str = "") -> Callable[[], list[bytes]]:
    """A function that sends one request to a WSGI application, as a server would."""
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": path,
        "SCRIPT_NAME": "",
        "QUERY_STRING": query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "5000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "127.0.0.1:5000",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(BODY)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }

    def start(status: str, _headers: list[tuple[str, str]], _error: object = None) -> None:
        if status[:3] != "200":
            raise SystemExit(f"{path} was answered with {status}")

    def ask() -> list[bytes]:
        answer = app({**environ, "wsgi.input": io.BytesIO(BODY)}, start)
        try:
            return list(answer)
        finally:
            getattr(answer, "close", lambda: None)()

    return ask


def microseconds(ask: Callable[[], object]) -> float:
    """The mean of one round in processor time of this thread, which other programs distort less."""
    began = time.thread_time()
    for _ in range(REQUESTS):
        ask()
    return 1e6 * (time.thread_time() - began) / REQUESTS


class Parts:
    """The parts of a request in this process; each may be replaced by a result computed before."""

    def __init__(self, application: Any) -> None:
        from predict_api.prediction import pipeline

        held = application.models.find(MODEL).replica.active
        reader, scorer = held.prepared.reader, held.prepared.scorer
        rows = reader.read(BODY, 1)
        computed = scorer.score(rows)
        answer = pipeline.answer(BODY, held.prepared, 1)
        self._owners = {"answer": pipeline, "read": type(reader), "score": type(scorer), "render": pipeline}
        self._own = {name: getattr(owner, name) for name, owner in self._owners.items()}
        self._ready: dict[str, Callable[..., object]] = {
            "answer": lambda *_, **__: answer,
            "read": lambda *_: rows,
            "score": lambda *_: computed,
            "render": lambda *_, **__: answer[0],
        }

    def replace(self, *names: str) -> None:
        """Replace these parts by their results, and let all others run."""
        for name, owner in self._owners.items():
            setattr(owner, name, self._ready[name] if name in names else self._own[name])


AROUND = "headers, metrics, lease"
# each step runs one part more than the step before: its label, and the parts that are replaced
STEPS = (
    (AROUND, ("answer",)),
    ("and the parts called, each with a ready result", ("read", "score", "render")),
    ("and the JSON read, checked and typed", ("score", "render")),
    ("and the twin run", ("render",)),
    ("and the answer written", ()),
)


def rounds_of(application: Any, rounds: int) -> dict[str, list[float]]:
    """Microseconds a request in each round: for the bare hello, and for each step up to the whole request."""
    from benchmarks.peers.servers.flask_hello import app as hello

    parts, whole, bare = Parts(application), asked(application.wsgi, "/predict"), asked(hello, "/hello")
    by_flask = asked(application.wsgi, "/predict", "option=none")
    taken: dict[str, list[float]] = {"Flask hello": []}
    for _ in range(rounds):
        taken["Flask hello"].append(microseconds(bare))
        for name, ready in STEPS:
            parts.replace(*ready)
            taken.setdefault(name, []).append(microseconds(whole))
        taken.setdefault("the whole request by Flask", []).append(microseconds(by_flask))
    return taken


def main() -> None:
    """Publish the example, load it in this process, measure in turns, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=40)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        os.environ |= {"PROMETHEUS_MULTIPROC_DIR": temporary, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        os.environ |= {"DEFAULT_MODEL": MODEL, "REPORT_TOKEN": TOKEN, "LOG_LEVEL": "warning"}
        import joblib

        from changeover.demo.train import build, draft
        from changeover.process.log_events import configure
        from predict_api import gc_tuning
        from predict_api.app import Application
        from predict_api.settings import PredictSettings

        configure("predict_api", "warning")
        trained = build(1)
        joblib.dump(trained.estimator, folder / "model.joblib")
        with stack(folder, MODEL, workers=1) as client:
            client.roll(client.publish(folder / "model.joblib", MODEL, draft=draft(trained)).version, model=MODEL)
            os.environ["MODEL_SERVER_URL"] = client.stack.server_url
            application = Application(PredictSettings.from_environment(), folder, lambda: False)
            application.start()
            try:
                gc_tuning.settle()
                taken = rounds_of(application, options.rounds)
            finally:
                application.leave()
    print(
        f"microseconds of processor time of one request, lower quartiles of {options.rounds} rounds of {REQUESTS} in turns"
    )
    before = 0.0
    for index, (name, rounds) in enumerate(taken.items()):
        cost = statistics.quantiles(rounds, n=4)[0]
        print(f"  {name:<50} {cost:7.1f}" + (f"  {cost - before:+7.1f}" if index > 1 else ""))
        before = cost


if __name__ == "__main__":
    main()
