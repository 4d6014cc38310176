"""Load at a fixed rate: each request has its own connection and starts on time, whatever became of the ones before."""

import asyncio
import time
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

GIVE_UP_SECONDS: Final = 5.0
RETRY_AFTER: Final = 1.0  # seconds, which every 503 names


@dataclass(frozen=True)
class Ended:
    """One request: its start and end in seconds, and its status, or the error."""

    start: float
    end: float
    status: str

    @property
    def took(self) -> float:
        """Its seconds."""
        return self.end - self.start


async def exchange(url: str, body: bytes | None = None) -> Ended:
    """Send one request to `url`, a GET without a body, on its own connection."""
    parts = urlsplit(url)
    head = f"{'GET' if body is None else 'POST'} {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body or b'')}\r\nConnection: close\r\n\r\n"
    start, status = time.monotonic(), "gave up"
    try:
        async with asyncio.timeout(GIVE_UP_SECONDS):
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
            try:
                writer.write(head.encode() + (body or b""))
                status = (await reader.readline()).split()[1].decode()
                await reader.read()
            finally:
                writer.close()
    except TimeoutError:
        pass
    except (OSError, IndexError) as error:
        status = type(error).__name__
    return Ended(start, time.monotonic(), status)


async def at_rate(url: str, body: bytes | None, rate: float, seconds: float) -> list[Ended]:
    """Start `rate` requests a second for `seconds`; returns all of them when the last one has ended."""
    start = time.monotonic()
    tasks = []
    for index in range(int(rate * seconds)):
        await asyncio.sleep(max(0.0, start + index / rate - time.monotonic()))
        tasks.append(asyncio.create_task(exchange(url, body)))
    return list(await asyncio.gather(*tasks))


async def one_after_another(url: str, body: bytes, clients: int, seconds: float) -> list[Ended]:
    """Send requests from `clients`, each as soon as its last one has ended, for `seconds`. A 503 is obeyed."""
    end = time.monotonic() + seconds
    ended: list[Ended] = []

    async def send() -> None:
        while time.monotonic() < end:
            ended.append(await exchange(url, body))
            if ended[-1].status == "503":
                await asyncio.sleep(RETRY_AFTER)

    await asyncio.gather(*(send() for _ in range(clients)))
    return ended


def quantile(ended: list[Ended], share: float) -> float:
    """The seconds that `share` of the requests stay within; NaN without any."""
    ordered = sorted(one.took for one in ended)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")
