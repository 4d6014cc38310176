"""`/predict` on the embedded stack relative to a bare Flask hello on the same server: requests a second, and latency.

Each request has one row of the segmentation example; leases are on. granian serves both with the same number of workers,
and the same load generator (wrk, if it is installed) sends requests over kept connections. Rounds take turns, so that
other work on the machine slows both. Compare the ratios only. `make bench BENCH=roundtrip ARGS="--rounds 9"`.
"""

import argparse
import statistics
import tempfile
from pathlib import Path

import joblib
from processes import Hello, stack

from benchmarks.peers.load import Load, ask, generator
from changeover.demo.bodies import DATA
from changeover.demo.train import build, draft

MODEL = "segmentation"
BODY = DATA / "segmentation_single.json"
CONNECTIONS = {32: "rate", 1: "latency"}
AT_LEAST, AT_MOST = 0.9, 1.35  # of the hello's requests a second over 32 connections, of its p50 over one


def shown(name: str, rounds: list[Load]) -> tuple[float, float]:
    """Print and return the medians over the rounds: requests/s and p50 in ms."""
    rate, p50 = (statistics.median(getattr(one, what) for one in rounds) for what in ("rate", "p50_ms"))
    p99, wrong = statistics.median(one.p99_ms for one in rounds), sum(one.wrong for one in rounds)
    print(f"  {name:<12} {rate:8.0f} req/s   p50 {p50:7.3f} ms   p99 {p99:7.2f} ms   {wrong} failed")
    return rate, p50


def spread(ratios: list[float]) -> str:
    """Median and quartiles."""
    low, middle, high = statistics.quantiles(ratios, n=4)
    return f"x {middle:.2f} (quartiles {low:.2f} to {high:.2f})"


def main() -> None:
    """Start both servers, measure in turns, and print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=2.0, help="of one round")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        trained = build(1)
        joblib.dump(trained.estimator, folder / "model.joblib")
        with Hello(folder, options.workers) as hello, stack(folder, MODEL, workers=options.workers) as client:
            version = client.publish(folder / "model.joblib", MODEL, draft=draft(trained)).version
            client.roll(version, model=MODEL)
            urls = {
                "Flask hello": f"{hello.url}/hello",
                "/predict": f"{client.stack.predict_urls[0]}/predict",
            }
            print(f"load by {generator()}, {options.rounds} rounds of {options.seconds:g} s, {options.workers} workers")
            for connections, what in CONNECTIONS.items():
                taken: dict[str, list[Load]] = {name: [] for name in urls}
                for url in urls.values():  # a round that does not count
                    ask(url, BODY, connections, 1.0)
                for _ in range(options.rounds):
                    for name, url in urls.items():
                        taken[name].append(ask(url, BODY, connections, options.seconds))
                print(f"{connections} connection{'s' if connections > 1 else ''}")
                for name, rounds in taken.items():
                    shown(name, rounds)
                pairs = list(zip(taken["/predict"], taken["Flask hello"], strict=True))
                if what == "rate":
                    print(
                        f"  requests a second {spread([ours.rate / bare.rate for ours, bare in pairs])}, {AT_LEAST} or more"
                    )
                else:
                    print(f"  p50 {spread([ours.p50_ms / bare.p50_ms for ours, bare in pairs])}, {AT_MOST} or less")


if __name__ == "__main__":
    main()
