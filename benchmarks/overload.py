"""Three times as many requests as the stack of docker-compose.yml can answer: how many are still answered in time.

The segmentation example by its estimator, in batches. First clients that ask one after the other, which is the capacity;
then requests that begin at a fixed rate, each on a connection of its own, whose callers give up after 5 s. The ratio of
the two rates is what counts; the rest is to be told 503 at once. Needs Docker. `--unbounded` sets the gateway's bounds so
high that they do not matter. `make bench BENCH=overload`.
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
from processes import ROOT  # before what follows: it makes the project's folder known

from changeover.client.client import Client
from changeover.demo.bodies import body_rows
from changeover.demo.train import build, draft
from tests.processes.compose import ComposeStack, why_not

MODEL: Final = "segmentation"
GIVE_UP_SECONDS: Final = 5.0
SETTLE_SECONDS: Final = 2.0  # of the overload, before answers are counted
UNBOUNDED: Final = {"GATEWAY_MAXCONN": "100000", "GATEWAY_QUEUE_SECONDS": "60"}


async def post(host: str, port: int, body: bytes) -> tuple[float, str]:
    """One request on a connection of its own: when it ended, and its status or why there is none."""
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
    """Requests that begin at `rate` a second; answered requests a second after SETTLE_SECONDS, and all ends counted."""
    parts = urlsplit(url)
    assert parts.hostname
    assert parts.port
    start = time.monotonic()
    asked = []
    for place in range(int(rate * seconds)):
        await asyncio.sleep(max(0.0, start + place / rate - time.monotonic()))
        asked.append(asyncio.create_task(post(parts.hostname, parts.port, body)))
    ends = await asyncio.gather(*asked)
    counted = [status for end, status in ends if SETTLE_SECONDS <= end - start < seconds]
    return counted.count("200") / (seconds - SETTLE_SECONDS), Counter(status for _, status in ends)


def main() -> None:
    """Capacity, overload, capacity again."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=200, help="of a batch")
    parser.add_argument("--seconds", type=float, default=15.0, help="of the overload")
    parser.add_argument("--times", type=float, default=3.0, help="the capacity")
    parser.add_argument("--unbounded", action="store_true", help="as if the gateway had no bounds")
    given = parser.parse_args()
    if reason := why_not():
        raise SystemExit(f"Docker is needed: {reason}")
    rows = body_rows()
    body = json.dumps([rows[place % len(rows)] for place in range(given.rows)]).encode()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        settings = {"DEFAULT_MODEL": MODEL, "RUNTIME": "sklearn", "LOG_LEVEL": "warning"}
        compose = ComposeStack(folder, **settings, **(UNBOUNDED if given.unbounded else {}))
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
            print(f"capacity {capacity:.1f}/s of {given.rows} rows each, overload {given.times:g} times that")
            answered, ends = asyncio.run(overload(url, body, given.times * capacity, given.seconds))
            print(f"answered {answered:.1f}/s, {answered / capacity:.2f} of the capacity; ends: {dict(ends)}")
            after = ask(url, body, 8, 4.0).rate
            print(f"afterwards {after:.1f}/s, {after / capacity:.2f} of the capacity")
        finally:
            compose.forget()


if __name__ == "__main__":
    assert ROOT
    main()
