"""Latency of small requests while other clients send large batches, relative to small requests alone.

The wine model on the embedded stack. Some clients send one row a request, in rounds alone and in rounds beside clients
that send batches of 10,000 rows. `--threads` is THREADS of predict_api. Other work on the machine slows both kinds of
round, so compare the ratios only. `make bench BENCH=fairness ARGS="--rounds 3 --seconds 5"`.
"""

import argparse
import json
import statistics
import tempfile
import urllib.request
from pathlib import Path

import joblib
from asking import JSON, Answer, Load, quantile_ms
from processes import stack  # before the imports below: it adds the project's folder to sys.path

from benchmarks.peers.models import wine

NAMES = ("p50", "p90", "p99", "worst")
SHARES = (0.5, 0.9, 0.99, 1.0)


def quantiles(answers: list[Answer]) -> list[float]:
    """The quantiles in ms; ends the benchmark if a request failed."""
    if failed := [one.error for one in answers if one.error]:
        raise SystemExit(f"{len(failed)} of {len(answers)} requests failed, the first with {failed[0]}")
    return [quantile_ms(answers, share) for share in SHARES]


def main() -> None:
    """Run the rounds in turns, and print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0, help="of one round")
    parser.add_argument("--small", type=int, default=4, help="clients that ask for one row, with a rest after each")
    parser.add_argument("--large", type=int, default=4, help="clients that send batches without a rest")
    parser.add_argument("--rows", type=int, default=10_000, help="of a batch")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--threads", type=int, default=4)
    options = parser.parse_args()
    trained = wine()
    single = json.dumps(trained.raw[0]).encode()
    batch = json.dumps([trained.raw[index % len(trained.raw)] for index in range(options.rows)]).encode()
    alone, beside, batches = list[list[float]](), list[list[float]](), list[int]()
    with tempfile.TemporaryDirectory() as temporary:
        file = Path(temporary) / "wine.joblib"
        joblib.dump(trained.estimator, file)
        settings = {"THREADS": str(options.threads), "LOG_LEVEL": "warning"}
        with stack(Path(temporary), "wine", workers=options.workers, **settings) as client:
            client.publish(file, "wine", draft=trained.said, roll=True)
            url = f"{client.stack.predict_urls[0]}/predict"
            for body in (single, batch):  # once, uncounted
                urllib.request.urlopen(urllib.request.Request(url, body, JSON), timeout=60).close()
            for _ in range(options.rounds):
                with Load(url, single, options.small, 0.01) as small:
                    alone.append(quantiles(small.during(*small.rest(options.seconds))))
                with Load(url, batch, options.large, 0.0) as large, Load(url, single, options.small, 0.01) as small:
                    between = small.rest(options.seconds)
                beside.append(quantiles(small.during(*between)))
                quantiles(large.during())
                batches.append(len(large.during(*between)))
    print(
        f"medians of {options.rounds} rounds of {options.seconds:g} s: {options.small} clients of one row, {options.large} of"
    )
    print(f"{options.rows} rows ({len(batch) / 2**20:.1f} MiB), {options.workers} workers of {options.threads} threads")
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
