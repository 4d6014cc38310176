"""The callers of one model while another model hangs: p99 in relation to p99 before.

One model has a twin, the other needs a runner; both are called over eight connections. A third model hangs for each of
its callers, which send the next request after each 504. Rounds before and during take turns. Compare the ratios only.
"""

import argparse
import io
import json
import statistics
import tempfile
import threading
from pathlib import Path
from typing import Self

import joblib
import numpy as np
import requests
from processes import stack
from sklearn.linear_model import LogisticRegression

from benchmarks.peers.load import Load, ask
from changeover.client.client import Client
from tests.integration.runner_models import Acts

AT_MOST = 1.5
GOOD, SLOW_WAY, HANGS = "good", "runner", "hangs"
ROW = {"x0": 0.5, "x1": -0.5}
HANG = {"x0": float(Acts.NAMES.index("hang")), "x1": 0.0}
CONNECTIONS = 8


def publish(client: Client, folder: Path, model: str, estimator: object) -> None:
    """Publish and roll `estimator` as `model`."""
    buffer = io.BytesIO()
    joblib.dump(estimator, buffer)
    path = folder / f"{model}.joblib"
    path.write_bytes(buffer.getvalue())
    client.roll(client.publish(path, model).version, model=model)


class Hanging:
    """Callers of the model that hangs, each in a thread, while the context lasts."""

    def __init__(self, url: str, callers: int) -> None:
        self._url, self._ends = url, threading.Event()
        self._threads = [threading.Thread(target=self._call) for _ in range(callers)]
        self.statuses: list[int] = []

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        for thread in self._threads:
            thread.join()

    def _call(self) -> None:
        while not self._ends.is_set():
            self.statuses.append(requests.post(self._url, json=HANG, timeout=60).status_code)


def main() -> None:
    """Start the stack, measure in turns, and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0, help="of one round")
    parser.add_argument("--callers", type=int, default=8, help="of the model that hangs")
    options = parser.parse_args()
    random = np.random.default_rng(0)
    table = random.normal(size=(200, 2))
    logistic = LogisticRegression().fit(table, table[:, 0] > 0)
    settings = {"ALLOWED_GLOBALS": "tests.integration.runner_models.Acts", "SCORE_TIMEOUT": "2"}
    with tempfile.TemporaryDirectory() as temporary, stack(Path(temporary), GOOD, **settings) as client:
        folder = Path(temporary)
        publish(client, folder, GOOD, logistic)
        publish(client, folder, SLOW_WAY, Acts().fit(table))
        publish(client, folder, HANGS, Acts().fit(table + 1))
        (url,) = client.stack.predict_urls
        body = folder / "row.json"
        for model, row in ((GOOD, ROW), (SLOW_WAY, {"x0": 0.0, "x1": 0.0})):
            body.write_text(json.dumps(row), encoding="utf-8")
            before: list[Load] = []
            during: list[Load] = []
            for _ in range(options.rounds):
                before.append(ask(f"{url}/models/{model}/predict", body, CONNECTIONS, options.seconds))
                with Hanging(f"{url}/models/{HANGS}/predict", options.callers) as hanging:
                    during.append(ask(f"{url}/models/{model}/predict", body, CONNECTIONS, options.seconds))
            ratio = statistics.median(b.p99_ms / a.p99_ms for a, b in zip(before, during, strict=True))
            print(
                f"{model}: p99 {[load.p99_ms for load in before]} ms before, {[load.p99_ms for load in during]} during"
            )
            print(f"  x {ratio:.2f} (at most {AT_MOST}); failed {sum(load.wrong for load in [*before, *during])}")
            print(f"  the hanging model answered {sorted(set(hanging.statuses))}")


if __name__ == "__main__":
    main()
