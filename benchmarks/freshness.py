"""The cost of the freshness check: requests a second with leases on, against a predict_api that never checks.

Both instances serve the same small model of the same model_server. Short rounds take turns in the order a, b, b, a, so
that other work on the machine slows both. A small model is the hard case: the cheaper a prediction is, the more a check
weighs. The output also has the workers' processor time a request, which other work distorts less. Compare the ratios only.
"""

import argparse
import json
import os
import statistics
import tempfile
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import psutil
from processes import NeverChecks, stack, wait_for
from sklearn.linear_model import LogisticRegression

from benchmarks.peers.load import Load, ask, generator

MODEL = "small"
TOKEN = "of the benchmark alone"
COLUMNS = ["a", "b", "c"]
BODY = json.dumps(dict.fromkeys(COLUMNS, 0.5)).encode()


def small_model(file: Path) -> Path:
    """A logistic regression over three columns."""
    frame = pd.DataFrame(np.random.default_rng(1).normal(size=(200, 3)), columns=COLUMNS)
    joblib.dump(LogisticRegression().fit(frame, frame["a"] > 0), file)
    return file


def processor_time(master: int) -> float:
    """Seconds of processor time that the workers of an instance took so far."""
    return sum(sum(worker.cpu_times()[:2]) for worker in psutil.Process(master).children(recursive=True))


def main() -> None:
    """Start both instances, measure them in turns, and print rates and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=14)
    parser.add_argument("--seconds", type=int, default=2, help="of one round")
    parser.add_argument("--clients", type=int, default=32)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        body_file = folder / "row.json"
        body_file.write_bytes(BODY)
        os.environ["REPORT_TOKEN"] = TOKEN  # the second predict_api also reads from the stack's model_server
        with stack(folder, MODEL) as client:
            client.roll(client.publish(small_model(folder / "small.joblib"), MODEL).version, model=MODEL)
            settings = {"DEFAULT_MODEL": MODEL, "REPORT_TOKEN": TOKEN, "WORKERS": "2"}
            one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
            os.environ.update(one_thread)
            with NeverChecks(client.stack.server_url, folder, **settings) as never:
                urls = [f"{client.stack.predict_urls[0]}/predict", f"{never.url}/predict"]
                for url in urls:
                    wait_for(url, BODY)
                    ask(url, body_file, options.clients, 1.0)  # a round that does not count
                pids = client.stack.pids
                masters = [pids.predict_api[0][0] if pids else 0, never.processes()[0].pid]
                leased: list[Load] = []
                bare: list[Load] = []
                spent: list[list[float]] = [[], []]  # seconds of processor time a request
                for pair in range(options.pairs):
                    turns = [(leased, 0), (bare, 1)]
                    for kept, which in turns if pair % 2 == 0 else reversed(turns):
                        before = processor_time(masters[which])
                        kept.append(ask(urls[which], body_file, options.clients, options.seconds))
                        spent[which].append(
                            (processor_time(masters[which]) - before) / (kept[-1].rate * options.seconds)
                        )
    ratios = sorted(ours.rate / theirs.rate for ours, theirs in zip(leased, bare, strict=True))
    quarters = statistics.quantiles(ratios, n=4)
    print(
        f"{options.pairs} pairs of rounds of {options.seconds} s, {options.clients} connections, 2 workers, load by {generator()}"
    )
    for name, rounds in (("leases on", leased), ("never checks", bare)):
        rate, failed = statistics.median(one.rate for one in rounds), sum(one.wrong for one in rounds)
        p99 = statistics.median(one.p99_ms for one in rounds)
        print(f"{name:<13} {rate:8.0f} req/s   p99 {p99:7.2f} ms   {failed} failed")
    print(
        f"throughput with leases on x {statistics.median(ratios):.3f} of never checking "
        f"(quartiles {quarters[0]:.3f} to {quarters[2]:.3f}, all {ratios[0]:.3f} to {ratios[-1]:.3f})"
    )
    cost = [statistics.median(one) * 1e6 for one in spent]
    print(f"processor time a request: {cost[0]:.0f} and {cost[1]:.0f} microseconds, x {cost[0] / cost[1]:.3f}")


if __name__ == "__main__":
    main()
