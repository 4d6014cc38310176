"""Many models on one stack, against few in the same run: processor time while idle, threads, and the time of a roll.

The stack starts with `--few` models. One of them is rolled ten times, to and fro between two versions. Then the bucket
gets copies of a model until there are `--models`, model_server restarts, and the workers prepare them. The same model is
rolled ten times again, and for a while there are no requests. All models have ONNX twins.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import psutil
import requests
from processes import processor_seconds, stack
from sklearn.linear_model import LogisticRegression

from changeover import Client
from changeover import stack as described_stack
from changeover.up.restart import restart_service
from object_store.bucket import Bucket
from object_store.settings import StoreSettings
from tests.conftest import wait_until
from tests.processes.copies import copy_model

MODEL = "rolled"
ROLLS = 10
START_SECONDS = 3600.0


def artifact(file: Path, *labels: str) -> Path:
    """A small pipeline that has an ONNX twin."""
    frame = pd.DataFrame(np.random.default_rng(3).normal(size=(300, 4)), columns=list("abcd"))
    joblib.dump(LogisticRegression().fit(frame, np.where(frame["a"] > frame["b"], *labels)), file)
    return file


@dataclass
class Stack:
    """The measured stack."""

    client: Client
    home: Path
    versions: list[str] = field(default_factory=list)

    def processes(self) -> dict[str, list[psutil.Process]]:
        """The processes by service; the first process of predict_api counts to the others."""
        pids = described_stack.read(self.home).pids
        assert pids is not None
        up = psutil.Process(pids.up)
        server = psutil.Process(pids.model_server)
        workers = [psutil.Process(pid) for pid in pids.predict_api[0][1:]]
        named = [server, *server.children(recursive=True), *workers]
        others = [process for process in [up, *up.children(recursive=True)] if process not in named]
        return {"model_server": [server, *server.children(recursive=True)], "workers": workers, "others": others}

    def served(self) -> int:
        """The number of models that both workers serve, as the least of several answers."""
        counts = []
        for _ in range(6):
            listed = requests.get(f"{self.client.stack.predict_urls[0]}/models", timeout=60).json()["models"]
            counts.append(sum(not entry["stale"] for entry in listed))
        return min(counts)

    def rolls(self) -> list[float]:
        """The seconds of each roll of MODEL to the other version, from the call to `committed`."""
        seconds = []
        for number in range(ROLLS):
            began = time.monotonic()
            self.client.roll(self.versions[(number + 1) % 2], model=MODEL)
            seconds.append(time.monotonic() - began)
            time.sleep(0.5)
        return seconds

    def idle(self, seconds: float) -> dict[str, float]:
        """The processor time of each service in per cent of a core, without requests."""
        processes = self.processes()
        began, before = time.monotonic(), {name: processor_seconds(each) for name, each in processes.items()}
        time.sleep(seconds)
        took = time.monotonic() - began
        return {name: 100 * (processor_seconds(each) - before[name]) / took for name, each in processes.items()}

    def threads(self) -> int:
        """The threads of the worker that has most."""
        return max(process.num_threads() for process in self.processes()["workers"])

    def memory_mb(self) -> float:
        """The resident memory of a worker, in MB."""
        return max(process.memory_info().rss for process in self.processes()["workers"]) / 1e6


@dataclass
class Measured:
    """The numbers of one number of models."""

    models: int
    roll: float
    idle: dict[str, float]
    threads: int
    memory: float

    def line(self) -> str:
        """A line of the table."""
        idle = "".join(f"{share:13.2f}" for share in (*self.idle.values(), sum(self.idle.values())))
        return f"{self.models:>7}{self.roll:>10.2f}{idle}{self.threads:>10}{self.memory:>9.0f}"


def measure(running: Stack, models: int, seconds: float) -> Measured:
    """Wait until the workers serve `models`, and measure."""
    wait_until(lambda: running.served() >= models, START_SECONDS, f"{models} models")
    time.sleep(10.0)
    rolls = statistics.median(running.rolls())
    time.sleep(10.0)
    return Measured(models, rolls, running.idle(seconds), running.threads(), running.memory_mb())


def add_models(running: Stack, bucket: Bucket, first: int, last: int) -> float:
    """Add copies of MODEL to the bucket, and restart model_server; the seconds until the workers serve them."""
    copy_model(bucket, MODEL, running.versions[0], [f"model-{number:04d}" for number in range(first, last)])
    began = time.monotonic()
    restart_service(running.home, "model_server", START_SECONDS)
    wait_until(lambda: running.served() >= last, START_SECONDS, f"{last} models")
    return time.monotonic() - began


@contextmanager
def running_stack(folder: Path, workers: int) -> Iterator[tuple[Stack, Bucket]]:
    """A stack with MODEL in two versions, and its bucket."""
    with stack(folder, MODEL, workers=workers) as client:
        running = Stack(client, folder / "home")
        for labels in (("yes", "no"), ("no", "yes")):
            running.versions.append(client.publish(artifact(folder / "m.joblib", *labels), MODEL).version)
        client.roll(running.versions[0], model=MODEL)
        described = client.stack
        settings = {
            "aws_endpoint_url_s3": described.store_url,
            "aws_access_key_id": described.access_key,
            "aws_secret_access_key": described.secret_key,
            "bucket": described.bucket,
        }
        yield running, Bucket(StoreSettings.model_validate(settings))


def main() -> None:
    """Measure few models and many, and print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=int, default=1000)
    parser.add_argument("--few", type=int, default=10)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=30.0, help="the time without requests")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as temporary,
        running_stack(Path(temporary), options.workers) as (running, bucket),
    ):
        add_models(running, bucket, 1, options.few)
        few = measure(running, options.few, options.seconds)
        took = add_models(running, bucket, options.few, options.models)
        many = measure(running, options.models, options.seconds)
    columns = "".join(f"{name:>13}" for name in (*few.idle, "idle: all"))
    print(f"{options.workers} workers; idle in per cent of a core, roll as the median of {ROLLS} in seconds")
    print(f"{'models':>7}{'roll s':>10}{columns}{'threads':>10}{'MB':>9}")
    print(few.line())
    print(many.line())
    print(
        f"{options.models} models prepared in {took:.0f} s; a roll x {many.roll / few.roll:.2f}, "
        f"threads of a worker +{many.threads - few.threads}, idle {sum(many.idle.values()):.2f} % of a core"
    )


if __name__ == "__main__":
    main()
