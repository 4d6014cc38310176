"""The load of the torture: eight clients that send requests without a break, and the results of their requests.

A client repeats only the requests that a gateway would repeat, and only before the first byte of a response. If a killed
or stopping worker closed a kept-alive connection, the client opens a new one once (`reconnected`). If an instance refuses
or resets a new connection, the client tries the next instance (`moved`). It also repeats a request whose response SIGKILL
cut off, which no server can prevent (`cut`). Each of the three is a failure unless a kill or an end of that instance
explains it. Any other problem is a failed request: another status, a response that is cut off, a timeout.
"""

import contextlib
import http.client
import json
import random
import socket
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from changeover.consistency.records import Answer
from changeover.process.clock import now
from changeover.protocol.wire import MODEL_RUNTIME, MODEL_SEQUENCE, MODEL_STALE, MODEL_VERSION
from tests.torture.models import Reels, rows

CLIENTS: Final = 8
TIMEOUT_S: Final = 60.0  # more than SCORE_TIMEOUT
LONGEST_PAUSE_S: Final = 0.03
LARGEST_BATCH: Final = 40
LONGEST_IDLE_S: Final = 5.0  # the server may close a connection that was idle for longer


Record = Callable[[Answer], None]
Rows = Sequence[Mapping[str, float]]


class Door(Protocol):
    """One instance of predict_api as clients see it."""

    port: int

    def was_away(self, since: float) -> bool:
        """Whether the instance or one of its workers was killed or got SIGTERM at any time from `since` on."""

    def was_killed(self, since: float) -> bool:
        """The same, but for SIGKILL only."""


class ClosedBeforeAnswer(Exception):
    """The connection was refused, reset or closed before the first byte of a response."""


class CutOff(Exception):
    """The connection ended within a response."""


@dataclass
class Tally:
    """The results of all clients; `worst_s` is the longest latency of a request, including its repetitions.

    `computed_by` counts the successful answers of each runtime.
    """

    requests: int = 0
    stale: int = 0
    reconnected: int = 0
    moved: int = 0
    cut: int = 0
    worst_s: float = 0.0
    computed_by: Counter[str] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


_Response = tuple[http.client.HTTPResponse, bytes, float]  # and the time of its request


@dataclass
class _Kept:
    connection: http.client.HTTPConnection
    used_at: float


class Client:
    """A client that sends requests one after another; each answer goes to `record`."""

    def __init__(
        self,
        name: str,
        choices: random.Random,
        model: str,
        doors: Sequence[Door],
        reels: Reels,
        tally: Tally,
        record: Record,
    ) -> None:
        self.name, self._random, self._model, self._doors = name, choices, model, doors
        self._reels, self._tally, self._record = reels, tally, record
        self._kept: dict[int, _Kept] = {}

    def run(self, over: threading.Event) -> None:
        """Send requests until `over`."""
        while not over.wait(self._random.uniform(0, LONGEST_PAUSE_S)):
            self.ask()
        for kept in self._kept.values():
            kept.connection.close()

    def ask(self) -> None:
        """Send one request, and record its answer."""
        single = self._random.random() < 0.6
        asked = rows(self._random, 1 if single else self._random.randint(1, LARGEST_BATCH))
        began = now()
        answer = self._answer(asked, single)
        took = now() - began
        with self._tally.lock:
            self._tally.requests += 1
            self._tally.stale += answer.stale
            self._tally.worst_s = max(self._tally.worst_s, took)
            if not answer.ok:
                self._tally.failed.append(f"{answer.who} at {began:.3f} after {took:.3f} s: {answer.error}")
        self._record(answer)

    def _answer(self, asked: Rows, single: bool) -> Answer:
        body = json.dumps(asked[0] if single else asked).encode()
        doors = self._random.sample(self._doors, len(self._doors))
        keep = self._random.random() < 0.7
        began, fault = now(), ""
        for door in doors:
            try:
                response, content, started = self._at(door, body, keep)
                return self._read(response, content, started, asked, single)
            except (ClosedBeforeAnswer, CutOff) as error:
                fault, cut = f"port {door.port}: {error!r}", isinstance(error, CutOff)
                if not (door.was_killed(began) if cut else door.was_away(began)):
                    return self._failure(began, fault)
                with self._tally.lock:
                    self._tally.moved += not cut
                    self._tally.cut += cut
            except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError) as error:
                return self._failure(began, f"port {door.port}: {error!r}")
        return self._failure(began, f"no instance answered; the last: {fault}")

    def _at(self, door: Door, body: bytes, keep: bool) -> _Response:
        """The response of one instance over a kept connection; without one, or if it was closed, over a new one."""
        kept = self._kept.pop(door.port, None) if keep else None
        if kept is not None and now() - kept.used_at > LONGEST_IDLE_S:
            kept.connection.close()
        elif kept is not None:
            try:
                return self._over(kept.connection, door, body, keep)
            except ClosedBeforeAnswer:
                kept.connection.close()
                if not door.was_away(kept.used_at):
                    raise
                with self._tally.lock:
                    self._tally.reconnected += 1
        return self._over(http.client.HTTPConnection("127.0.0.1", door.port, TIMEOUT_S), door, body, keep)

    def _over(self, connection: http.client.HTTPConnection, door: Door, body: bytes, keep: bool) -> _Response:
        started = now()
        headers = {"Content-Type": "application/json", "Connection": "keep-alive" if keep else "close"}
        with contextlib.ExitStack() as undo:
            undo.callback(connection.close)
            try:
                connection.request("POST", f"/models/{self._model}/predict", body, headers)
                assert isinstance(connection.sock, socket.socket)
                if not connection.sock.recv(1, socket.MSG_PEEK):
                    raise ClosedBeforeAnswer("closed without an answer")
            except ConnectionError as error:
                raise ClosedBeforeAnswer(repr(error)) from error
            try:
                response = connection.getresponse()
                content = response.read()
            except (ConnectionError, http.client.IncompleteRead) as error:
                raise CutOff(repr(error)) from error
            if keep and not response.will_close:
                self._kept[door.port] = _Kept(connection, started)
                undo.pop_all()
        return response, content, started

    def _read(
        self, response: http.client.HTTPResponse, content: bytes, started: float, asked: Rows, single: bool
    ) -> Answer:
        ended = now()
        if response.status != 200:
            return self._failure(started, f"{response.status} {content[:300]!r}", response.status)
        body = json.loads(content)
        predictions = [row["prediction"] for row in ([body] if single else body["predictions"])]
        version, runtime = str(body["model_version"]), response.headers[MODEL_RUNTIME]
        if len(predictions) != len(asked):
            return self._failure(started, f"{len(predictions)} predictions for {len(asked)} rows", response.status)
        if version != response.headers[MODEL_VERSION]:
            return self._failure(started, f"two versions in one answer: {version} and the header's", response.status)
        if runtime == "onnx" and self._reels.runtime_of(version) != runtime:  # scikit-learn may compute any version
            return self._failure(started, f"{version} was computed by a twin, and has none", response.status)
        seen = sorted({self._reels.version_of(*pair) for pair in zip(predictions, asked, strict=True)})
        with self._tally.lock:
            self._tally.computed_by[runtime] += 1
        return Answer(
            model=self._model,
            start=started,
            end=ended,
            ok=True,
            status=200,
            sequence=int(response.headers[MODEL_SEQUENCE]),
            version=version,
            stale=response.headers.get(MODEL_STALE) == "true",
            computed_by=seen[0] if len(seen) == 1 else None,
            versions_seen=tuple(seen),
            who=self.name,
        )

    def _failure(self, started: float, error: str, status: int = 0) -> Answer:
        return Answer(
            model=self._model, start=started, end=now(), ok=False, status=status, who=self.name, error=error[:500]
        )
