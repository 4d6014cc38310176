"""Latency of small requests beside clients that send nothing but large batches, relative to small requests alone.

The wine model on the embedded stack: clients that ask for one row at a time, in rounds alone and beside clients that
send batches of 10,000 rows one after the other; `--threads` is THREADS of predict_api. What else the machine does falls
on both; only the ratios mean something elsewhere. `make bench BENCH=fairness ARGS="--rounds 3 --seconds 5"`.
"""

import argparse
import json
import statistics
import tempfile
import urllib.request
from pathlib import Path

import joblib
from asking import JSON, Answer, Load, quantile_ms
from processes import stack  # before what follows: it makes the project's folder known

from benchmarks.peers.models import wine

NAMES = ("p50", "p90", "p99", "worst")
SHARES = (0.5, 0.9, 0.99, 1.0)


def told(answers: list[Answer]) -> list[float]:
    """The quantiles in ms; ends the benchmark if a request failed."""
    if failed := [one.error for one in answers if one.error]:
        raise SystemExit(f"{len(failed)} of {len(answers)} requests failed, the first with {failed[0]}")
    return [quantile_ms(answers, share) for share in SHARES]


def main() -> None:
    """Rounds that take turns; medians and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0, help="of one round")
    parser.add_argument("--small", type=int, default=4, help="clients that ask for one row, with a rest after each")
    parser.add_argument("--large", type=int, default=4, help="clients that send batches without a rest")
    parser.add_argument("--rows", type=int, default=10_000, help="of a batch")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--threads", type=int, default=4)
    given = parser.parse_args()
    trained = wine()
    single = json.dumps(trained.raw[0]).encode()
    batch = json.dumps([trained.raw[place % len(trained.raw)] for place in range(given.rows)]).encode()
    alone, beside, batches = list[list[float]](), list[list[float]](), list[int]()
    with tempfile.TemporaryDirectory() as temporary:
        file = Path(temporary) / "wine.joblib"
        joblib.dump(trained.estimator, file)
        settings = {"THREADS": str(given.threads), "LOG_LEVEL": "warning"}
        with stack(Path(temporary), "wine", workers=given.workers, **settings) as client:
            client.publish(file, "wine", draft=trained.said, roll=True)
            url = f"{client.stack.predict_urls[0]}/predict"
            for body in (single, batch):  # once, uncounted
                urllib.request.urlopen(urllib.request.Request(url, body, JSON), timeout=60).close()
            for _ in range(given.rounds):
                with Load(url, single, given.small, 0.01) as small:
                    alone.append(told(small.during(*small.rest(given.seconds))))
                with Load(url, batch, given.large, 0.0) as large, Load(url, single, given.small, 0.01) as small:
                    between = small.rest(given.seconds)
                beside.append(told(small.during(*between)))
                told(large.during())
                batches.append(len(large.during(*between)))
    print(
        f"medians of {given.rounds} rounds of {given.seconds:g} s: {given.small} clients of one row, {given.large} of"
    )
    print(f"{given.rows} rows ({len(batch) / 2**20:.1f} MiB), {given.workers} workers of {given.threads} threads")
    table = {"alone": alone, "beside": beside}
    medians = {
        name: [statistics.median(column) for column in zip(*rounds, strict=True)] for name, rounds in table.items()
    }
    for name, row in medians.items():
        print(f"{name:<8}" + "".join(f"   {what} {value:8.2f} ms" for what, value in zip(NAMES, row, strict=True)))
    ratios = [there / here for here, there in zip(*medians.values(), strict=True)]
    print(f"{'ratio':<8}" + "".join(f"   {what} {value:8.2f}   " for what, value in zip(NAMES, ratios, strict=True)))
    print(f"batches answered in a round: {statistics.median(batches):g}")


if __name__ == "__main__":
    main()
