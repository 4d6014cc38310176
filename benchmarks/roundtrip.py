"""Requests a second and latency of `/predict` on the embedded stack, relative to a bare Flask hello that reads its JSON.

Both are served by granian with the same workers and threads on this machine, and asked by the same client threads over
kept connections in rounds that take turns, so that what else the machine does falls on both. Only the ratios mean
something elsewhere. `make bench BENCH=roundtrip ARGS="--rounds 9 --seconds 5"`.
"""

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path

from asking import Round, ask
from processes import ROOT, free_port, running, wait_for

BODY = ROOT / "examples" / "segmentation" / "data" / "segmentation_single.json"
HELLO = """
from flask import Flask, request
app = Flask(__name__)
@app.post("/predict")
def hello():
    request.get_json()
    return {"hello": "world"}
"""


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
