"""The console with many versions: milliseconds of each page, of the live part, and the bytes of a first load.

A model gets `--versions` versions and `--rollouts` entries of its ledger, written into the bucket as copies of a version
that was published. model_server restarts, reads them into its indexes, and then answers each page `--requests` times
over one connection. The bytes are those of the compressed page with everything that it loads.
"""

import argparse
import json
import re
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import requests

from changeover.process.clock import rfc3339
from object_store import keys
from object_store.bucket import Bucket
from tests.conftest import wait_until
from tests.integration.artifacts import a_model
from tests.processes.model_server import PUBLISH_TOKEN, ModelServer
from tests.processes.store import Store

MODEL = "loan"
COLUMNS = 20
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
START_SECONDS = 3600.0


def fill(bucket: Bucket, version: str, versions: int, rollouts: int) -> list[str]:
    """Copy `version` until there are `versions`, and roll between the first ten; returns those ten."""
    manifest = json.loads(bucket.read(keys.manifest_key(MODEL, version, 0), 2**24))
    names = [f"{number:064x}" for number in range(1, versions)]

    def copy(number: int) -> None:
        figures = {"f1": 0.8 + number % 97 / 1000, "auc": 0.9 - number % 89 / 1000}
        at = rfc3339(BEGAN + timedelta(minutes=number))
        body = {**manifest, "version": names[number], "created_at": at, "metrics": figures}
        bucket.create(keys.manifest_key(MODEL, names[number], 0), json.dumps(body).encode())

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(copy, range(len(names))))
    for sequence in range(1, rollouts + 1):
        at = rfc3339(BEGAN + timedelta(hours=sequence))
        entry = {
            "sequence": sequence,
            "version": names[sequence % 10],
            "previous": names[(sequence - 1) % 10],
            "rolled_at": at,
            "by": "ann",
            "reason": f"the weekly retrain {sequence}",
        }
        bucket.create(keys.rollout_key(MODEL, sequence), json.dumps(entry).encode())
    bucket.write(keys.current_key(MODEL), json.dumps({"sequence": rollouts, "lease_ms": 0}).encode())
    return names[:10]


def addresses(named: list[str]) -> dict[str, str]:
    """The pages by name."""
    model = f"/ui/models/{MODEL}"
    return {
        "all models": "/ui/",
        "one model": model,
        "its 500th page of the ledger": f"{model}?before=2026-01-02",
        "what was live at": f"{model}?at=2026-01-20T00:00:00Z",
        "older versions": f"{model}?older={named[-1]}",
        "one version": f"{model}/versions/{named[0]}",
        "compare": f"{model}/compare?a={named[0]}&b={named[1]}",
        "roll": f"{model}/roll?version={named[3]}",
        "refused": "/ui/rejected",
        "audit": "/ui/audit",
        "live part": f"{model}/live",
        "one model as JSON": f"{model}.json",
    }


def milliseconds(session: requests.Session, address: str, count: int) -> list[float]:
    """The time of each request, without its first."""
    taken = []
    for _ in range(count + 1):
        began = time.perf_counter()
        answer = session.get(address, timeout=60)
        taken.append((time.perf_counter() - began) * 1000)
        answer.raise_for_status()
    return taken[1:]


def first_load(session: requests.Session, url: str, path: str) -> dict[str, int]:
    """The compressed bytes of a page and of each file that it loads."""
    page = session.get(f"{url}{path}", timeout=60)
    files = re.findall(r'(?:src|href)="(/ui/static/[^"]+)"', page.text)
    answers = {"page": page} | {file.rpartition("/")[2]: session.get(f"{url}{file}", timeout=60) for file in files}
    return {name: int(answer.headers["Content-Length"]) for name, answer in answers.items()}


def main() -> None:
    """Measure, and print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--versions", type=int, default=10_000)
    parser.add_argument("--rollouts", type=int, default=1_000)
    parser.add_argument("--requests", type=int, default=50)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary, Store("seaweed", Path(temporary) / "store") as store:
        server = ModelServer(store, "models", Path(temporary))
        with server:
            published = server.publish(a_model(1, COLUMNS), MODEL)
            published.raise_for_status()
        named = fill(store.bucket(bucket="models"), published.json()["version"], options.versions, options.rollouts)
        with server:
            measure(server, named, options)


def measure(server: ModelServer, named: list[str], options: argparse.Namespace) -> None:
    """Wait until the indexes are complete, and print the table."""
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {PUBLISH_TOKEN}"
    began, model = time.monotonic(), f"{server.url}/ui/models/{MODEL}.json"
    wait_until(lambda: session.get(model, timeout=60).json()["versions"]["complete"], START_SECONDS)
    print(
        f"{options.versions} versions, {options.rollouts} entries: indexed {time.monotonic() - began:.0f} s after start"
    )
    print(f"{'ms':<32}{'median':>8}{'p95':>8}{'most':>8}")
    for name, path in addresses(named).items():
        taken = sorted(milliseconds(session, f"{server.url}{path}", options.requests))
        p95 = taken[int(len(taken) * 0.95)]
        print(f"{name:<32}{statistics.median(taken):>8.1f}{p95:>8.1f}{taken[-1]:>8.1f}")
    loaded = first_load(session, server.url, f"/ui/models/{MODEL}")
    parts = ", ".join(f"{name} {size}" for name, size in loaded.items())
    print(f"first load of a model's page: {sum(loaded.values())} bytes ({parts})")


if __name__ == "__main__":
    main()
