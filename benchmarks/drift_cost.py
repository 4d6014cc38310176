"""The cost of drift counts: a model with a reference, and the same bytes without one, on the same worker.

Single rows of 100 columns go to both in turns over one connection, so that other work on the machine slows both: the ratio
of their medians is what a request pays. Then all requests go to the model with counts: the processor time of the thread that
counts, which has a priority of its own, as a share of the worker's, is what the background pays. Compare the ratios only.
"""

import argparse
import http.client
import json
import os
import statistics
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

import joblib
import numpy as np
import pandas as pd
import psutil
from processes import JSON, stack, wait_for  # first: it makes the project's folder known
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from changeover import Client

NUMBERS, TEXTS = 96, 4
COUNTED, UNCOUNTED = "counted", "uncounted"
PATHS = tuple(f"/models/{name}/predict" for name in (COUNTED, UNCOUNTED))
DRAIN_SECONDS = 1.1  # rows are counted each second
WARM = 200  # requests of each, which are not measured


def publish(client: Client, file: Path) -> bytes:
    """Publish the model with and without a reference, and roll both; returns a row as a body."""
    generator = np.random.default_rng(1)
    frame = pd.DataFrame(generator.normal(size=(2000, NUMBERS)), columns=[f"x{index}" for index in range(NUMBERS)])
    texts = [f"t{index}" for index in range(TEXTS)]
    for name in texts:
        frame[name] = generator.choice(["red", "green", "blue"], len(frame))
    encoded = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), texts), remainder="passthrough")
    joblib.dump(make_pipeline(encoded, LogisticRegression()).fit(frame, frame["x0"] > 0), file)
    client.publish(file, COUNTED, example=frame, roll=True)
    client.publish(file, UNCOUNTED, example=frame, reference=False, roll=True)
    return json.dumps(frame.iloc[0].to_dict()).encode()


class Caller:
    """One connection."""

    def __init__(self, url: str, body: bytes) -> None:
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port, timeout=60)
        self._body = body

    def ask(self, path: str) -> float:
        """The seconds that a request took; exits if it was not answered with 200."""
        start = time.perf_counter()
        self._connection.request("POST", path, self._body, JSON)
        answer = self._connection.getresponse()
        answer.read()
        took = time.perf_counter() - start
        if answer.status != 200:
            raise SystemExit(f"{path} was answered with HTTP {answer.status}")
        return took

    def for_seconds(self, path: str, seconds: float) -> list[float]:
        """The seconds of each request of a round."""
        end, took = time.monotonic() + seconds, []
        while time.monotonic() < end:
            took.append(self.ask(path))
        return took


def in_turns(caller: Caller, seconds: float) -> list[float]:
    """The ratio of the medians, with counts to without, of each tenth of `seconds`."""
    ratios = []
    for _ in range(10):
        end = time.monotonic() + seconds / 10
        took: dict[str, list[float]] = {path: [] for path in PATHS}
        number = 0
        while time.monotonic() < end:
            number += 1
            for path in PATHS if number % 2 else reversed(PATHS):
                took[path].append(caller.ask(path))
        counted, uncounted = (statistics.median(took[path]) for path in PATHS)
        ratios.append(counted / uncounted)
    return ratios


def in_background(caller: Caller, seconds: float, master: int) -> tuple[float, int]:
    """The share of the workers' processor time that counting takes, and the number of requests."""
    before = processor_time(master)
    requests = len(caller.for_seconds(PATHS[0], seconds))
    time.sleep(DRAIN_SECONDS)
    counting, all_of_it = (now - then for now, then in zip(processor_time(master), before, strict=True))
    return counting / all_of_it, requests


def processor_time(master: int) -> tuple[float, float]:
    """Seconds of processor time of the threads that count, and of all threads of the workers and their runners."""
    counting = total = 0.0
    for worker in psutil.Process(master).children(recursive=True):
        for task in Path(f"/proc/{worker.pid}/task").iterdir():
            spent = int((task / "schedstat").read_text().split()[0]) / 1e9
            total += spent
            counts = os.getpriority(os.PRIO_PROCESS, int(task.name)) != os.getpriority(os.PRIO_PROCESS, worker.pid)
            counting += spent if counts else 0.0
    return counting, total


def shown(what: str, ratios: list[float]) -> str:
    """A line: the median of the ratios, their quartiles, and their range."""
    quarters, ordered = statistics.quantiles(ratios, n=4), sorted(ratios)
    return (
        f"{what:<28} x {statistics.median(ratios):.3f}   quartiles {quarters[0]:.3f} to {quarters[2]:.3f}, "
        f"all {ordered[0]:.3f} to {ordered[-1]:.3f}"
    )


def main() -> None:
    """Measure both ways, and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=float, default=15.0, help="seconds of requests in turns")
    parser.add_argument("--seconds", type=float, default=6.0, help="seconds of requests to the model with counts")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        with stack(folder, COUNTED, workers=1, LOG_LEVEL="warning") as client:
            body, url = publish(client, folder / "model.joblib"), client.stack.predict_urls[0]
            for path in PATHS:
                wait_for(f"{url}{path}", body)
            caller = Caller(url, body)
            for _ in range(WARM):
                for path in PATHS:
                    caller.ask(path)
            turns = in_turns(caller, options.turns)
            pids = client.stack.pids
            share, requests = in_background(caller, options.seconds, pids.predict_api[0][0] if pids else 0)
            report = client.drift(COUNTED)
    print(f"one connection, one worker, rows of {NUMBERS + TEXTS} columns; with counts to without:")
    print(shown("median latency, in turns", turns))
    print(f"counting in the background   {share:.2%} of the processor time of {requests} requests")
    print(f"counted: {dict(report)['window']}")


if __name__ == "__main__":
    main()
