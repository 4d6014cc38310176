"""Requests a second and latency of `/predict` on the embedded stack, relative to a bare Flask hello that reads its JSON.

Both are served by granian with the same workers and threads on this machine, and asked by the same client threads over
kept connections in rounds that take turns, so that what else the machine does falls on both. Only the ratios mean
something elsewhere. `make bench`, or `make bench ARGS="--rounds 9 --seconds 5"`.
"""

import argparse
import http.client
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent
BODY = ROOT / "examples" / "segmentation" / "data" / "segmentation_single.json"
HELLO = """
from flask import Flask, request
app = Flask(__name__)
@app.post("/predict")
def hello():
    request.get_json()
    return {"hello": "world"}
"""


@dataclass(frozen=True)
class Round:
    """One round: seconds of each answered request, how long the round took, how many were not answered with 200."""

    latencies: list[float]
    took: float
    failed: int

    @property
    def rate(self) -> float:
        """Answered requests a second."""
        return len(self.latencies) / self.took

    def quantile(self, share: float) -> float:
        """The latency that `share` of the requests stay within, in ms."""
        ordered = sorted(self.latencies)
        if not ordered:
            raise SystemExit(f"not one request of a round was answered, {self.failed} failed")
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def ask(url: str, body: bytes, clients: int, seconds: float) -> Round:
    """Ask from `clients` threads, each over a connection of its own, for `seconds`."""
    parts = urlsplit(url)
    latencies: list[float] = []
    failed: list[int] = []
    end = time.monotonic() + seconds

    def one() -> None:
        connection = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port, timeout=10)
        mine: list[float] = []
        while (start := time.monotonic()) < end:
            try:
                connection.request("POST", "/predict", body, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException):
                connection.close()  # the next request opens it anew
                failed.append(0)
                continue
            if answer.status == 200:
                mine.append(time.monotonic() - start)
            else:
                failed.append(answer.status)
        connection.close()
        latencies.extend(mine)

    start = time.monotonic()
    threads = [threading.Thread(target=one) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Round(latencies, time.monotonic() - start, len(failed))


def free_port() -> int:
    """A port of the loopback interface that is free at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


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


def report(name: str, rounds: list[Round]) -> tuple[float, float, float]:
    """Print and return the medians over the rounds: requests/s, p50 and p99 in ms."""
    rate = statistics.median(one.rate for one in rounds)
    p50 = statistics.median(one.quantile(0.5) for one in rounds)
    p99 = statistics.median(one.quantile(0.99) for one in rounds)
    requests, failed = sum(len(one.latencies) for one in rounds), sum(one.failed for one in rounds)
    print(
        f"{name:<12} {rate:8.0f} req/s   p50 {p50:7.2f} ms   p99 {p99:7.2f} ms   {requests} answered, {failed} failed"
    )
    return rate, p50, p99


def main() -> None:
    """Start both, take turns, print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0, help="of one round")
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--threads", type=int, default=8)
    given = parser.parse_args()
    body = json.dumps(json.loads(BODY.read_bytes())).encode()
    hello_port, predict_port = free_port(), free_port()
    size = {"WORKERS": str(given.workers), "THREADS": str(given.threads)}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "hello.py").write_text(HELLO)
        granian = ["-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(hello_port)]
        granian += ["--workers", str(given.workers), "--blocking-threads", str(given.threads), "--no-ws", "hello:app"]
        demo = [str(ROOT / "examples/segmentation/demo.py"), "--home", str(folder / "home"), "--server-port", "0"]
        demo += ["--predict-port", str(predict_port)]
        with (
            running([sys.executable, *granian], folder) as hello,
            running([sys.executable, *demo], folder, **size) as stack,
        ):
            urls = {
                "hello": f"http://127.0.0.1:{hello_port}/predict",
                "predict": f"http://127.0.0.1:{predict_port}/predict",
            }
            wait_for(urls["hello"], body, hello)
            wait_for(urls["predict"], body, stack)
            for url in urls.values():  # a round that does not count
                ask(url, body, given.clients, 1.0)
            rounds: dict[str, list[Round]] = {name: [] for name in urls}
            for _ in range(given.rounds):
                for name, url in urls.items():
                    rounds[name].append(ask(url, body, given.clients, given.seconds))
    print(f"medians of {given.rounds} rounds of {given.seconds:g} s, {given.clients} clients, {given.workers} workers")
    hello_numbers, predict_numbers = report("Flask hello", rounds["hello"]), report("/predict", rounds["predict"])
    names = ("req/s", "p50", "p99")
    ratios = (
        f"{name} x {ours / bare:.2f}" for name, ours, bare in zip(names, predict_numbers, hello_numbers, strict=True)
    )
    print("/predict relative to the bare Flask hello: " + ", ".join(ratios))


if __name__ == "__main__":
    main()
