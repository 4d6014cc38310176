"""The load of the benchmarks: rounds without a pause between requests, and a paced load that keeps every response."""

import http.client
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Round:
    """One round: seconds of each answered request, how long the round took, how many were not answered with 200."""

    latencies: list[float]
    took: float
    failed: int

    @property
    def rate(self) -> float:
        """Answered requests a second."""
        return len(self.latencies) / self.took

    def quantile(self, share: float) -> float:
        """The latency that `share` of the requests stay within, in ms."""
        ordered = sorted(self.latencies)
        if not ordered:
            raise SystemExit(f"not one request of a round was answered, {self.failed} failed")
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def ask(url: str, body: bytes, clients: int, seconds: float) -> Round:
    """Send requests from `clients` threads, each over its own connection, for `seconds`."""
    parts = urlsplit(url)
    latencies: list[float] = []
    failed: list[int] = []
    end = time.monotonic() + seconds

    def send_requests() -> None:
        connection = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port, timeout=10)
        took: list[float] = []
        while (start := time.monotonic()) < end:
            try:
                connection.request("POST", "/predict", body, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException):
                connection.close()  # the next request opens it again
                failed.append(0)
                continue
            if answer.status == 200:
                took.append(time.monotonic() - start)
            else:
                failed.append(answer.status)
        connection.close()
        latencies.extend(took)

    start = time.monotonic()
    threads = [threading.Thread(target=send_requests) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Round(latencies, time.monotonic() - start, len(failed))


@dataclass(frozen=True)
class Answer:
    """One response: the time of its request, its latency (both in seconds), and its error, if any."""

    start: float
    took: float
    stale: bool
    version: str
    error: str


class Load:
    """`with Load(url, body, clients, pause) as load:` threads that send a request, pause for `pause` seconds, and repeat."""

    def __init__(self, url: str, body: bytes, clients: int, pause: float) -> None:
        self._url, self._body, self._pause = urlsplit(url), body, pause
        self._over = threading.Event()
        self._kept: list[list[Answer]] = [[] for _ in range(clients)]
        self._threads = [threading.Thread(target=self._run, args=(kept,)) for kept in self._kept]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def during(self, start: float = float("-inf"), end: float = float("inf")) -> list[Answer]:
        """The responses to requests that were sent between two times of `time.monotonic`."""
        return [one for kept in self._kept for one in list(kept) if start <= one.start < end]

    def rest(self, seconds: float) -> tuple[float, float]:
        """Let the load run for `seconds`, and return the start and the end of that time."""
        start = time.monotonic()
        self._over.wait(seconds)
        return start, time.monotonic()

    def _run(self, kept: list[Answer]) -> None:
        connection = http.client.HTTPConnection(self._url.hostname or "127.0.0.1", self._url.port, timeout=30)
        while not self._over.wait(self._pause):
            start = time.monotonic()
            stale, version, error = False, "", ""
            try:
                connection.request("POST", self._url.path, self._body, JSON)
                answer = connection.getresponse()
                text = answer.read()
                stale, version = answer.headers.get("Model-Stale") == "true", answer.headers.get("Model-Version", "")
                if answer.status != 200:
                    error = f"{answer.status} {text[:100]!r}"
            except (OSError, http.client.HTTPException) as fault:
                connection.close()
                error = repr(fault)
            kept.append(Answer(start, time.monotonic() - start, stale, version, error))
        connection.close()


def quantile_ms(answers: Iterable[Answer], share: float) -> float:
    """The latency that `share` of the successful responses stay within, in ms; NaN if there is none."""
    ordered = sorted(one.took for one in answers if not one.error)
    return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")
