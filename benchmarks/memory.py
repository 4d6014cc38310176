"""The memory of a large forest: an instance of predict_api with one worker, and with two.

The output is the sum of the proportional set sizes (private memory and a share of shared memory) of all processes, and
the memory that the second worker adds in relation to the first.
"""

import argparse
import json
import re
import tempfile
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from processes import PredictApi, wait_for
from sklearn.ensemble import RandomForestClassifier

from changeover.estimator.infer_schema import infer_schema
from tests.tiny_models import CREATED_AT
from tests.wire_stub import running_stub

MODEL = "default"
ROW = {"a": 0.5, "b": -0.5}
MEGABYTE = 1024 * 1024
ASKED = 50  # times, so that every worker has answered


def forest(megabytes: int) -> tuple[bytes, dict[str, object]]:
    """A forest of about that size, fitted on noise: its artifact and its manifest."""
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.normal(size=(4000, 2)), columns=["a", "b"])
    labels = random.integers(0, 2, 4000)
    size, trees = 0, 20
    while True:
        model = RandomForestClassifier(trees, random_state=0).fit(frame, labels)
        with tempfile.TemporaryFile() as file:
            joblib.dump(model, file)
            size = file.tell()
            if size >= 0.95 * megabytes * MEGABYTE:
                file.seek(0)
                content = file.read()
                break
        trees = round(trees * megabytes * MEGABYTE / size)
    schema = infer_schema(model, frame).to_json()
    estimator = {"type": "RandomForestClassifier", "kind": "classifier", "predict_proba": True}
    return content, {"created_at": CREATED_AT, "schema": schema, "estimator": estimator, "classes": [0, 1]}


def proportional(pid: int) -> int:
    """The proportional set size of one process in bytes; 0 once it has ended."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    except OSError:
        return 0
    found = re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def instance(folder: Path, server_url: str, workers: int) -> dict[str, int]:
    """The memory of an instance that serves, by the kind of process."""
    found = {"first process": 0, "workers": 0, "host, zygote, runners, scorers": 0}
    with PredictApi(server_url, folder, WORKERS=str(workers)) as api:
        wait_for(f"{api.url}/predict", json.dumps(ROW).encode())
        for _ in range(ASKED):
            api.predict(ROW).raise_for_status()
        first, *_ = api.processes()
        found["first process"] = proportional(first.pid)
        for worker in api.workers():
            found["workers"] += proportional(worker.pid)
            below = worker.children(recursive=True)
            found["host, zygote, runners, scorers"] += sum(proportional(process.pid) for process in below)
    return found


def main() -> None:
    """Start both instances, one after the other, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=200, help="the size of the forest's artifact")
    options = parser.parse_args()
    content, manifest = forest(options.megabytes)
    with tempfile.TemporaryDirectory() as temporary, running_stub() as stub:
        stub.roll(MODEL, stub.publish(MODEL, content, manifest))  # type: ignore[arg-type]
        size = len(content)
        one, two = (instance(Path(temporary), stub.url, workers) for workers in (1, 2))
    print(f"a forest of {size / MEGABYTE:.0f} MB; proportional set size, MB")
    print(f"{'':<32}{'1 worker':>12}{'2 workers':>12}")
    for name in one:
        print(f"{name:<32}{one[name] / MEGABYTE:12.0f}{two[name] / MEGABYTE:12.0f}")
    first, both = sum(one.values()), sum(two.values())
    print(f"{'together':<32}{first / MEGABYTE:12.0f}{both / MEGABYTE:12.0f}")
    print(f"the second worker adds {(both - first) / first:.0%} of the first")


if __name__ == "__main__":
    main()
