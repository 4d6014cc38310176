"""The fleet that one model_server carries: bytes of its calls, calls a second, and the calls of a simulated fleet.

Bytes are those of the product's own calls through a relay, heads included, TCP and IP left out. Freshness checks that find
nothing changed, status reports and a bare Flask hello on one process take turns, each over as many connections as there
are replicas. The calls of each second are those of `tests/simulation/fleet.py`: a roll, then a restart of model_server
and a roll with restarts and a partition. Processor time is that of the process that answers; other work on the machine
distorts it less than the rate.
"""

import argparse
import contextlib
import json
import os
import re
import socket
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from freshness import MODEL, TOKEN, small_model
from processes import Hello, stack, wait_for

from changeover import Client
from changeover.json_types import JsonObject
from changeover.process.clock import now
from changeover.protocol.replica_identity import new_identity
from changeover.protocol.wire import REPLICA_SECRET, Current, ModelStatus, ReplicaReports
from model_server.rollouts.fleet import Fleet as ServerFleet
from predict_api.replica.freshness import RENEW_EVERY
from predict_api.upstream.connection import Connection
from predict_api.upstream.set_check import SetCheck
from tests.simulation.fleet import Fleet
from tests.simulation.server import CHANGED, CHECK, REPORT

DEADLINE = 60.0
USED = 0.7  # of a core: above it, a roll or a restart finds no room


class Relay:
    """A TCP relay to model_server that counts the bytes of both directions, and keeps the last request."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target, self.sent, self.received, self.last = target, 0, 0, b""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            near, _ = self._listener.accept()
            far = socket.create_connection(self._target)
            threading.Thread(target=self._pump, args=(near, far, True), daemon=True).start()
            threading.Thread(target=self._pump, args=(far, near, False), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, out: bool) -> None:
        while piece := source.recv(1 << 16):
            if out:
                self.sent, self.last = self.sent + len(piece), self.last + piece
            else:
                self.received += len(piece)
            sink.sendall(piece)
        sink.close()

    def measure(self, call: Callable[[], object]) -> "Size":
        """The bytes of one call of the product."""
        self.sent, self.received, self.last = 0, 0, b""
        call()
        return Size(self.sent, self.received, self.last)


@dataclass(frozen=True)
class Size:
    """The bytes of one request and its response, and the request itself."""

    sent: int
    received: int
    request: bytes

    @property
    def both(self) -> int:
        """The bytes of both."""
        return self.sent + self.received


def sizes(relay: Relay, version: str) -> dict[str, Size]:
    """The bytes of each kind of call."""
    identity, connection = new_identity(socket.gethostname(), os.getpid()), Connection(relay.url)
    check = SetCheck(connection, identity, TOKEN, DEADLINE, lists=True)
    check.ask(None, [MODEL], lambda _: None)  # this one finds out that there is one call for all models
    news = relay.measure(lambda: check.ask(None, [MODEL], lambda _: None))
    before = check.ask(None, [MODEL], lambda _: None)
    known = relay.measure(lambda: check.ask(before, [MODEL], lambda _: None))
    status = ModelStatus(Current(12, version), frozenset({version, version[::-1]}), {})
    report = ReplicaReports(identity.id, socket.gethostname(), os.getpid(), {MODEL: status})
    headers = {
        "Content-Type": "application/json",
        REPLICA_SECRET: identity.secret,
        "Authorization": f"Bearer {TOKEN}",
    }
    body = json.dumps(report.to_json()).encode()

    def put() -> None:
        path, deadline = f"/replicas/{identity.id}", now() + DEADLINE
        assert connection.call("PUT", path, headers, deadline, body=body).status == 200

    return {CHECK: known, CHANGED: news, REPORT: relay.measure(put)}


@dataclass
class Rounds:
    """The rounds of one kind of request: requests a second, and microseconds of processor time for each."""

    url: str
    request: bytes
    process: psutil.Process
    rates: list[float] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)

    def run(self, folder: Path, connections: int, seconds: int) -> None:
        """One round by wrk; any response but 2xx and 3xx is an error."""
        head, _, body = self.request.partition(b"\r\n\r\n")
        method, path = head.split(b" ", 2)[:2]
        script = folder / "request.lua"
        lines = [f"wrk.method = {method.decode()!r}", f"wrk.body = {body.decode()!r}" if body else ""]
        for line in head.decode().split("\r\n")[1:]:
            name, _, value = line.partition(": ")
            if name.lower() not in {"host", "accept-encoding", "content-length"}:
                lines.append(f"wrk.headers[{name!r}] = {value!r}")
        script.write_text("\n".join(lines))
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "-s", str(script)]
        before = sum(self.process.cpu_times()[:2])
        done = subprocess.run([*command, self.url + path.decode()], capture_output=True, text=True, check=True).stdout
        assert "Non-2xx" not in done, done
        assert "Socket errors" not in done, done
        requests = int(re.search(r"(\d+) requests in", done)[1])  # type: ignore[index]
        self.rates.append(float(re.search(r"Requests/sec: *([\d.]+)", done)[1]))  # type: ignore[index]
        self.costs.append((sum(self.process.cpu_times()[:2]) - before) / requests * 1e6)

    @property
    def rate(self) -> float:
        """Requests a second."""
        return statistics.median(self.rates)

    @property
    def cost(self) -> float:
        """Microseconds of processor time a request."""
        return statistics.median(self.costs)


def answering(master: psutil.Process) -> psutil.Process:
    """The worker process of a server by granian: it has the most threads."""
    threads = {}
    for process in (master, *master.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):  # the process of a model has ended
            threads[process] = process.num_threads()
    return max(threads, key=lambda process: threads[process])


def look_seconds(replicas: int, version: str) -> float:
    """Seconds of one look of a rollout at the reports of a fleet."""
    fleet = ServerFleet()
    for number in range(replicas):
        status: JsonObject = {"held": None, "ready": [version], "failed": {}}
        body: JsonObject = {"replica": f"r{number}", "host": "h", "pid": 1, "models": {MODEL: status}}
        fleet.reported(ReplicaReports.from_json(body)[MODEL], 0.0)
    began = time.process_time()
    for _ in range(20):
        fleet.look(version, 1.0)
    return (time.process_time() - began) / 20


def measure(client: Client, folder: Path, options: argparse.Namespace) -> tuple[dict[str, Size], dict[str, Rounds]]:
    """The sizes of all calls, and the rounds of checks, reports and the bare hello."""
    version = client.publish(small_model(folder / "small.joblib"), MODEL).version
    client.roll(version, model=MODEL)
    url, pids = client.stack.server_url, client.stack.pids
    assert pids is not None
    relay = Relay(("127.0.0.1", int(url.rsplit(":", 1)[1])))
    measured = sizes(relay, version)
    with closing(Hello(folder, 1).start("/hello")) as hello:
        wait_for(f"{hello.url}/hello", b"{}")
        ours = answering(psutil.Process(pids.model_server))
        post = b"POST /hello HTTP/1.1\r\nContent-Type: application/json\r\n\r\n{}"
        rounds = {name: Rounds(url, measured[name].request, ours) for name in (CHECK, REPORT)}
        rounds["hello"] = Rounds(hello.url, post, answering(hello.processes()[0]))
        for number in range(options.rounds):
            for each in list(rounds.values())[:: 1 if number % 2 == 0 else -1]:
                each.run(folder, options.replicas, options.seconds)
    return measured, rounds


def main() -> None:
    """Measure, simulate and print the tables of `docs/scale.md`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replicas", type=int, default=1000)
    parser.add_argument("--simulated", type=int, help="replicas of the simulated fleet; as many without it")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3, help="of one round")
    options = parser.parse_args()
    os.environ["REPORT_TOKEN"] = TOKEN
    with tempfile.TemporaryDirectory() as temporary, stack(Path(temporary), MODEL, workers=1) as client:
        measured, rounds = measure(client, Path(temporary), options)
    print("bytes of a call         request  response")
    for name, size in measured.items():
        print(f"{name:<22} {size.sent:>8} {size.received:>9}")
    hello = rounds["hello"]
    print(f"{options.rounds} rounds of {options.seconds} s, {options.replicas} connections, by wrk")
    for name, each in rounds.items():
        print(
            f"{name:<8} {each.rate:>8.0f} a second (x {each.rate / hello.rate:.2f} of the hello), "
            f"{each.cost:>6.0f} us of processor time (x {each.cost / hello.cost:.2f})"
        )
    per_core = 1e6 / rounds[CHECK].cost
    print(
        f"one core: {per_core:.0f} checks a second, {per_core * RENEW_EVERY:.0f} replicas; {USED:.0%} of it: "
        f"{per_core * RENEW_EVERY * USED:.0f} replicas"
    )
    print(
        f"a look of a rollout at {options.replicas} replicas: {look_seconds(options.replicas, 'f' * 64) * 1e3:.2f} ms"
    )
    fleet = Fleet(options.simulated or options.replicas, 0)
    fleet.run()
    print(f"{options.simulated or options.replicas} replicas simulated: calls and kB a second")
    for second, calls in fleet.traffic().items():
        kilobytes = sum(count * measured[kind].both for kind, count in calls.items()) / 1e3
        counts = "".join(f"{kind}: {calls[kind]:>6}  " for kind in measured)
        print(f"{second:>4}  {counts} {kilobytes:>9.0f} kB")


if __name__ == "__main__":
    main()
