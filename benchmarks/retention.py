"""The removal of old versions from a registry with many, while two workers of predict_api answer.

The store gets `--versions` versions, copies of one that was published. Callers send one row after another; the times of
their requests are taken before the removal and during it, in which all versions but `--keep` lose their bytes. With
`--home`, the store stays in that folder, and another run goes on with it.
"""

import argparse
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from changeover import Client
from tests.conftest import wait_until
from tests.integration.many_versions import fill
from tests.processes.model_server import PUBLISH_TOKEN, REPORT_TOKEN, ModelServer
from tests.processes.predict_api import PredictApi
from tests.processes.store import Store
from tests.tiny_models import ROW, tiny

MODEL = "loan"
START_SECONDS = 3600.0


class Timed:
    """A caller that sends one row after another, with a pause after each answer."""

    def __init__(self, url: str) -> None:
        self.taken: list[float] = []  # milliseconds
        self.failed = self.stale = 0
        self._url, self._stop = url, threading.Event()

    def run(self) -> None:
        """Send until the end."""
        session = requests.Session()
        while not self._stop.wait(0.01):
            began = time.perf_counter()
            answer = session.post(f"{self._url}/predict", json=ROW, timeout=30)
            self.taken.append((time.perf_counter() - began) * 1000)
            self.failed += answer.status_code != 200
            self.stale += answer.headers.get("Model-Stale") == "true"

    def stop(self) -> None:
        """End it."""
        self._stop.set()


@contextmanager
def timed(name: str, url: str) -> Iterator[None]:
    """Send during the block, and print a line about it."""
    callers = [Timed(url) for _ in range(3)]
    threads = [threading.Thread(target=caller.run) for caller in callers]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for caller in callers:
            caller.stop()
        for thread in threads:
            thread.join()
    taken = sorted(each for caller in callers for each in caller.taken)
    failed, stale = sum(caller.failed for caller in callers), sum(caller.stale for caller in callers)
    middle, p99 = taken[len(taken) // 2], taken[int(len(taken) * 0.99)]
    print(f"{name:<10}{len(taken):>9}{failed:>8}{stale:>8}{middle:>10.1f}{p99:>8.1f}{taken[-1]:>8.1f}", flush=True)


def measure(store: Store, folder: Path, options: argparse.Namespace) -> None:
    """Fill the registry, and print the table."""
    server = ModelServer(store, "models", folder)
    with server:
        version = server.publish(tiny(1)[0]).json()["version"]
        server.roll(version)
    began = time.monotonic()
    fill(store.bucket(bucket="models"), MODEL, version, options.versions)
    print(f"{options.versions} versions written in {time.monotonic() - began:.0f} s", flush=True)
    settings = {"REPORT_TOKEN": REPORT_TOKEN, "DEFAULT_MODEL": MODEL}
    with server, PredictApi(server.url, folder, **settings) as api:
        began, page = time.monotonic(), f"/ui/models/{MODEL}.json"
        wait_until(lambda: server.get(page).json()["versions"]["complete"], START_SECONDS)
        print(f"read {time.monotonic() - began:.0f} s after the start", flush=True)
        print(f"{'':<10}{'requests':>9}{'failed':>8}{'stale':>8}{'median ms':>10}{'p99':>8}{'most':>8}", flush=True)
        client, pause = Client(server.url, token=PUBLISH_TOKEN), threading.Event()
        with timed("before", api.url):
            pause.wait(options.seconds)
        began = time.monotonic()
        with timed("during", api.url):
            removed = client.gc(MODEL, keep=options.keep, keep_days=0.0)
        took = time.monotonic() - began
        print(f"{len(removed.versions)} versions removed in {took:.0f} s, {len(removed.versions) / took:.0f} a second")


def main() -> None:
    """Measure, and print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--versions", type=int, default=10_000)
    parser.add_argument("--keep", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=10.0, help="of the requests before the removal")
    parser.add_argument("--home", type=Path, help="the folder of the store")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as temporary,
        Store("seaweed", options.home or Path(temporary) / "store") as store,
    ):
        measure(store, Path(temporary), options)


if __name__ == "__main__":
    main()
