"""Overload of the stack of docker-compose.yml: the rate of answered requests at three times the capacity.

The segmentation example with scikit-learn, in batches. The first part measures the capacity: clients send one request
after another. In the second part requests start at a fixed rate, each on its own connection, and time out after 5 s. The
ratio of the two rates is the result; the gateway should answer the rest with 503 immediately. Needs Docker.
`--unbounded` sets the gateway's limits so high that they have no effect. `make bench BENCH=overload`.
"""

import argparse
import asyncio
import json
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import joblib
from asking import ask
from processes import ROOT  # before the imports below: it adds the project's folder to sys.path

from changeover.client.client import Client
from changeover.demo.bodies import body_rows
from changeover.demo.train import build, draft
from tests.processes.compose import ComposeStack, why_not

MODEL: Final = "segmentation"
GIVE_UP_SECONDS: Final = 5.0
SETTLE_SECONDS: Final = 2.0  # of the overload, before answers are counted
UNBOUNDED: Final = {"GATEWAY_MAXCONN": "100000", "GATEWAY_QUEUE_SECONDS": "60"}


async def post(host: str, port: int, body: bytes) -> tuple[float, str]:
    """Send one request on its own connection; the time of its end, and its status or the error."""
    head = f"POST /predict HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
    head += f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    status = "gave up"
    try:
        async with asyncio.timeout(GIVE_UP_SECONDS):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(head.encode() + body)
                status = (await reader.readline()).split()[1].decode()
                await reader.read()
            finally:
                writer.close()
    except TimeoutError:
        pass
    except (OSError, IndexError) as error:
        status = type(error).__name__
    return time.monotonic(), status


async def overload(url: str, body: bytes, rate: float, seconds: float) -> tuple[float, Counter[str]]:
    """Start `rate` requests a second; the rate of answered ones after SETTLE_SECONDS, and a count of all results."""
    parts = urlsplit(url)
    assert parts.hostname
    assert parts.port
    start = time.monotonic()
    tasks = []
    for index in range(int(rate * seconds)):
        await asyncio.sleep(max(0.0, start + index / rate - time.monotonic()))
        tasks.append(asyncio.create_task(post(parts.hostname, parts.port, body)))
    ends = await asyncio.gather(*tasks)
    counted = [status for end, status in ends if SETTLE_SECONDS <= end - start < seconds]
    return counted.count("200") / (seconds - SETTLE_SECONDS), Counter(status for _, status in ends)


def main() -> None:
    """Measure the capacity, the overload, and the capacity again."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=200, help="of a batch")
    parser.add_argument("--seconds", type=float, default=15.0, help="of the overload")
    parser.add_argument("--times", type=float, default=3.0, help="the capacity")
    parser.add_argument("--unbounded", action="store_true", help="as if the gateway had no bounds")
    options = parser.parse_args()
    if reason := why_not():
        raise SystemExit(f"Docker is needed: {reason}")
    rows = body_rows()
    body = json.dumps([rows[index % len(rows)] for index in range(options.rows)]).encode()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        settings = {"DEFAULT_MODEL": MODEL, "RUNTIME": "sklearn", "LOG_LEVEL": "warning"}
        compose = ComposeStack(folder, **settings, **(UNBOUNDED if options.unbounded else {}))
        try:
            compose.up()
            compose.credentials()
            client = Client(home=folder)
            trained = build(1)
            joblib.dump(trained.estimator, folder / "model.joblib")
            client.publish(folder / "model.joblib", MODEL, draft=draft(trained), roll=True)
            url = f"{client.stack.predict_urls[0]}/predict"
            ask(url, body, 8, 2.0)  # a round that does not count
            capacity = ask(url, body, 8, 8.0).rate
            print(f"capacity {capacity:.1f}/s of {options.rows} rows each, overload {options.times:g} times that")
            answered, ends = asyncio.run(overload(url, body, options.times * capacity, options.seconds))
            print(f"answered {answered:.1f}/s, {answered / capacity:.2f} of the capacity; ends: {dict(ends)}")
            after = ask(url, body, 8, 4.0).rate
            print(f"afterwards {after:.1f}/s, {after / capacity:.2f} of the capacity")
        finally:
            compose.forget()


if __name__ == "__main__":
    assert ROOT
    main()
