"""Overload of predict_api without a gateway: three times its capacity, batches beside single rows, stalled senders.

The segmentation example on the embedded stack. Each part prints ratios, for the model by its ONNX twin and by the
estimator (`--runtime` for one of them):

1. Batches at three times the rate that clients get which send one after another. Answered ones in relation to that
   rate, also in a second of the processor, as the sender takes its part of the cores; their p99 beyond QUEUE_SECONDS, in times of one batch alone; refusals within 50 ms; memory; recovery.
2. 32 clients with batches beside single rows: `/livez`, and the single rows' p99 in relation to single rows alone.
3. 500 connections that stall in head or body: the single rows' p99 in relation to before.

A process of its own sends the batches: in one process, the probes and the single rows would wait for them before they are sent.
Other work on the machine slows every part, so compare the ratios only. `make bench BENCH=overload`.
"""

import argparse
import asyncio
import contextlib
import functools
import json
import socket
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import joblib
import psutil
from open_loop import Ended, at_rate, exchange, one_after_another, quantile
from processes import processor_seconds, resident, stack, tree  # first: it adds the project's folder to sys.path

from changeover.client.client import Client
from changeover.demo.bodies import body_rows
from changeover.demo.train import build, draft

MODEL = "segmentation"
QUEUE_SECONDS = 1.0
REFUSED_WITHIN = 0.05  # seconds
PROBES_A_SECOND = 10
CLIENTS = 32
STALLED = 500
SETTLE_SECONDS = 2.0  # of an overload, before answers are counted


def of_predict_api(client: Client) -> list[psutil.Process]:
    """All processes of predict_api, without those of its models."""
    return [psutil.Process(pid) for pids in client.stack.pids.predict_api for pid in pids]


def run(send: Callable[..., Coroutine[None, None, list[Ended]]], *arguments: object) -> list[Ended]:
    """Send requests in this process."""
    return asyncio.run(send(*arguments))


async def apart(send: Callable[..., Coroutine[None, None, list[Ended]]], *arguments: object) -> list[Ended]:
    """Send requests in a process of their own."""
    with ProcessPoolExecutor(1) as process:
        return await asyncio.get_running_loop().run_in_executor(process, functools.partial(run, send, *arguments))


def answered(ended: list[Ended]) -> list[Ended]:
    """The requests that were answered with 200."""
    return [one for one in ended if one.status == "200"]


async def overload(client: Client, url: str, body: bytes, seconds: float, times: float) -> None:
    """The first part."""
    await one_after_another(url, body, 4, 2.0)  # a round that does not count
    alone = quantile(await one_after_another(url, body, 1, 3.0), 0.5)
    took = [processor_seconds(tree(*of_predict_api(client)))]
    closed_seconds = max(4.0, seconds / 4)
    closed = answered(await apart(one_after_another, url, body, 8, closed_seconds))
    took.append(processor_seconds(tree(*of_predict_api(client))))
    capacity = len(closed) / (max(one.end for one in closed) - min(one.start for one in closed))
    before = resident(of_predict_api(client))
    load, probes = await asyncio.gather(
        apart(at_rate, url, body, times * capacity, seconds),
        at_rate(url.replace("/predict", "/livez"), None, PROBES_A_SECOND, seconds),
    )
    took.append(processor_seconds(tree(*of_predict_api(client))))
    over = max(one.start for one in load)  # processes have one clock
    recovered = float("nan")
    while time.monotonic() < over + 10:
        one = await exchange(url, body)
        if one.status == "200" and one.took < 3 * alone:
            recovered = one.end - over
            break
    start = min(one.start for one in load)
    counted = [one for one in load if SETTLE_SECONDS <= one.end - start < seconds]
    rate = len(answered(counted)) / (seconds - SETTLE_SECONDS)
    p99 = quantile(answered(counted), 0.99)
    refused = [one for one in counted if one.status == "503"]
    within = sum(one.took <= REFUSED_WITHIN for one in refused) / max(1, len(refused))
    print(
        f"  capacity {capacity:.1f}/s, one alone {1000 * alone:.0f} ms; ends {dict(Counter(one.status for one in load))}"
    )
    print(f"  answered x {rate / capacity:.2f} of the capacity (aim 0.9)")
    of_a_second = len(answered(load)) / (took[2] - took[1])
    print(
        f"  answered in a second of the processor: x {of_a_second * (took[1] - took[0]) / len(closed):.2f} of the capacity's;"
        f" predict_api had {(took[2] - took[1]) / seconds:.2f} cores, {(took[1] - took[0]) / closed_seconds:.2f} before"
    )
    print(f"  p99 of the answered: QUEUE_SECONDS and x {(p99 - QUEUE_SECONDS) / alone:.2f} of one (aim 2)")
    print(f"  refused within 50 ms: {within:.3f}, p99 {1000 * quantile(refused, 0.99):.0f} ms")
    print(
        f"  /livez p99 {1000 * quantile(probes, 0.99):.0f} ms (aim 100); memory x {resident(of_predict_api(client)) / before:.2f}"
    )
    print(f"  recovered after {recovered:.2f} s (aim 2)")


async def batches(url: str, single: bytes, batch: bytes, seconds: float) -> None:
    """The second part."""
    alone = await one_after_another(url, single, 1, seconds)
    _, beside, probes = await asyncio.gather(
        apart(one_after_another, url, batch, CLIENTS, seconds),
        one_after_another(url, single, 1, seconds),
        at_rate(url.replace("/predict", "/livez"), None, PROBES_A_SECOND, seconds),
    )
    ratio = quantile(answered(beside), 0.99) / quantile(answered(alone), 0.99)
    print(
        f"  single rows beside batches: p99 x {ratio:.1f} of alone (aim 10), {dict(Counter(one.status for one in beside))}"
    )
    print(f"  /livez beside batches: p99 {1000 * quantile(probes, 0.99):.0f} ms (aim 100)")


@contextlib.contextmanager
def stalled(url: str, count: int) -> Iterator[None]:
    """`count` connections within, half of which stall in the head, and half in the body."""
    parts = urlsplit(url)
    head = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    with contextlib.ExitStack() as opened:
        for index in range(count):
            connection = opened.enter_context(socket.create_connection((parts.hostname or "", parts.port or 0)))
            connection.sendall(head if index % 2 else head + b"Content-Length: 100\r\n\r\n{")
        yield


async def stalls(url: str, single: bytes, seconds: float) -> None:
    """The third part."""
    before = await one_after_another(url, single, 4, seconds)
    with stalled(url, STALLED):
        beside = await one_after_another(url, single, 4, seconds)
    ratio = quantile(answered(beside), 0.99) / quantile(answered(before), 0.99)
    print(f"  beside {STALLED} stalled connections: p99 x {ratio:.2f} of before (aim 1.5), ", end="")
    print(f"{dict(Counter(one.status for one in beside))}")


def main() -> None:
    """Run the parts for each runtime."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1200, help="of a batch")
    parser.add_argument("--seconds", type=float, default=60.0, help="of the overload; the other parts take a quarter")
    parser.add_argument("--times", type=float, default=3.0, help="the capacity")
    parser.add_argument("--runtime", choices=["onnx", "sklearn"], action="append", help="onnx: by the twin")
    options = parser.parse_args()
    rows = body_rows()
    single = json.dumps(rows[0]).encode()
    batch = json.dumps([rows[index % len(rows)] for index in range(options.rows)]).encode()
    trained = build(1)
    for runtime in options.runtime or ["onnx", "sklearn"]:
        with tempfile.TemporaryDirectory() as temporary:
            file = Path(temporary) / "model.joblib"
            joblib.dump(trained.estimator, file)
            with stack(Path(temporary), MODEL, RUNTIME=runtime, LOG_LEVEL="error") as client:
                client.publish(file, MODEL, draft=draft(trained), roll=True)
                url = f"{client.stack.predict_urls[0]}/predict"
                print(f"RUNTIME={runtime}, batches of {options.rows} rows ({len(batch) / 2**20:.1f} MiB)")
                asyncio.run(overload(client, url, batch, options.seconds, options.times))
                asyncio.run(batches(url, single, batch, options.seconds / 4))
                asyncio.run(stalls(url, single, options.seconds / 4))


if __name__ == "__main__":
    main()
