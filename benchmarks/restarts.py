"""Restarts of model_server under load: their effect on callers of predict_api.

Each restart is a `changeover restart model_server`, or with `--compose` a `docker compose restart model_server` of a
separate stack, whose predict_api reaches model_server over an internal network only. The next restart starts as soon as
model_server is ready. The table has requests, failures, the share of stale answers, and latencies.
"""

import argparse
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from asking import Load, quantile_ms
from freshness import BODY, MODEL, small_model
from processes import stack

from changeover import Client
from changeover.up.restart import restart_service
from tests.processes.compose import ComposeStack, why_not

Restart = Callable[[], object]


@contextmanager
def embedded(folder: Path, replicas: int) -> Iterator[tuple[Client, Restart]]:
    """A stack of `changeover up`, and the function that restarts its model_server."""
    with stack(folder, MODEL, replicas) as client:
        yield client, lambda: restart_service(folder / "home", "model_server", 60)


@contextmanager
def composed(folder: Path, replicas: int) -> Iterator[tuple[Client, Restart]]:
    """A stack of docker-compose.yml, and the function that restarts its model_server."""
    reason = why_not()
    if reason is not None:
        raise SystemExit(f"no compose here: {reason}")
    compose = ComposeStack(folder, DEFAULT_MODEL=MODEL)
    try:
        compose.up("--scale", f"predict_api={replicas}")
        compose.credentials()
        yield Client(home=folder), lambda: compose.compose("restart", "model_server")
    finally:
        compose.forget()


def wait_until_ready(url: str, seconds: float = 30.0) -> None:
    """Wait until /readyz is answered with 200."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=5):
                return
        except OSError:
            time.sleep(0.02)
    raise SystemExit(f"{url} is not ready")


def main() -> None:
    """Restart model_server repeatedly, and print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--restarts", type=int, default=30)
    parser.add_argument("--replicas", type=int, default=2)
    parser.add_argument("--compose", action="store_true", help="with Docker instead of the embedded store")
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--pause", type=float, default=0.02, help="seconds a client rests between two requests")
    options = parser.parse_args()
    start = composed if options.compose else embedded
    with tempfile.TemporaryDirectory() as temporary, start(Path(temporary), options.replicas) as (client, restart):
        version = client.publish(small_model(Path(temporary) / "small.joblib"), MODEL).version
        client.roll(version, model=MODEL)
        took = []
        with Load(f"{client.stack.predict_urls[0]}/predict", BODY, options.clients, options.pause) as load:
            steady = load.during(*load.rest(3.0))
            first = time.monotonic()
            for _ in range(options.restarts):
                begin = time.monotonic()
                restart()
                wait_until_ready(client.stack.server_url)
                took.append(time.monotonic() - begin)
            last = time.monotonic()
            load.rest(2.0)
            under = load.during(first, last)
            after = load.during(last + 1.5)
    failed = [one.error for one in under if one.error]
    print(f"{options.restarts} restarts of model_server in {last - first:.0f} s, {options.clients} clients")
    print(f"{'':<16}{'requests':>9}{'failed':>8}{'stale':>8}{'p50 ms':>9}{'p99 ms':>9}{'slowest ms':>12}")
    for name, answers in (("before", steady), ("while restarting", under), ("after", after)):
        bad, stale = sum(bool(one.error) for one in answers), sum(one.stale for one in answers) / max(1, len(answers))
        numbers = "".join(f"{quantile_ms(answers, share):9.1f}" for share in (0.5, 0.99))
        print(f"{name:<16}{len(answers):9}{bad:8}{stale:8.1%}{numbers}{quantile_ms(answers, 1.0):12.1f}")
    print(
        f"a restart until ready: {min(took):.1f} to {max(took):.1f} s" + (f"; failed: {failed[:3]}" if failed else "")
    )


if __name__ == "__main__":
    main()
