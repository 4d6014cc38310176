"""The gateway in a container: slow requests, and more requests than the replicas can take."""

import csv
import io
import json
import secrets
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
import requests

from tests.conftest import port_that_is_free, wait_until
from tests.processes.compose import why_not
from tests.tree import ROOT

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not() or "")

HEAD = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n"
MAXCONN = 4
READY = ("ready", "BACKEND")


def docker(*arguments: str) -> str:
    """Run `docker ARGUMENTS` and return its output."""
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=True, timeout=120)
    return done.stdout.strip()


def run(opened: ExitStack, *arguments: str) -> str:
    """Start a container that is removed afterwards, and return its id."""
    container = docker("run", "--detach", *arguments)
    opened.callback(docker, "rm", "--force", container)
    return container


def start_gateway(opened: ExitStack, port: int, *arguments: str, queue_seconds: int = 1) -> int:
    """The gateway with the configuration of docker-compose.yml, published on `port`. Returns the port of its figures."""
    figures_port = port_that_is_free()
    settings = {"GATEWAY_SLOTS": 1, "GATEWAY_MAXCONN": MAXCONN, "GATEWAY_QUEUE_SECONDS": queue_seconds}
    environment = [part for name, value in settings.items() for part in ("--env", f"{name}={value}")]
    files = ["--volume", f"{ROOT}/deploy/haproxy:/usr/local/etc/haproxy:ro,z"]
    files += ["--volume", f"{ROOT}/tests/e2e/gateway_figures.cfg:/srv/gateway_figures.cfg:ro,z"]
    published = ["--publish", f"127.0.0.1:{port}:5000", "--publish", f"127.0.0.1:{figures_port}:8405"]
    command = ["haproxy", "-W", "-db", "-f", "/usr/local/etc/haproxy/haproxy.cfg", "-f", "/srv/gateway_figures.cfg"]
    run(opened, "--user", "99:99", *environment, *published, *files, *arguments, "haproxy:3.0", *command)
    return figures_port


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """The port of a gateway that has no replica."""
    port = port_that_is_free()
    with ExitStack() as opened:
        start_gateway(opened, port)
        wait_until(lambda: status(port, HEAD + b"Content-Length: 2\r\n\r\n{}") == 503, 60, "the gateway's own 503")
        yield port


def status(port: int, sent: bytes) -> int | None:
    """The status of the answer to these bytes, when nothing is sent after them."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=40) as caller:
            caller.sendall(sent)
            line = caller.makefile("rb").readline()
    except OSError:
        return None
    return int(line.split()[1]) if line.startswith(b"HTTP/") else None


@pytest.mark.parametrize("sent", [HEAD, HEAD + b"Content-Length: 50\r\n\r\n{"], ids=["head", "body"])
def test_a_request_that_does_not_arrive_in_time_is_a_408_and_reaches_no_replica(port: int, sent: bytes) -> None:
    """Fault 58: the gateway waits for head and body; with no replica, a request that it passed on would be a 503."""
    assert status(port, sent) == 408


@dataclass(frozen=True)
class Busy:
    """A gateway before one replica that answers no request until a test releases it."""

    url: str
    port: int
    replica_url: str
    figures_port: int

    def post(self) -> requests.Response:
        return requests.post(f"{self.url}/predict", json={}, timeout=60)

    def started(self) -> int:
        return int(requests.get(f"{self.replica_url}/started", timeout=30).text)

    def release(self) -> None:
        requests.get(f"{self.replica_url}/release", timeout=30)

    def figure(self, name: str) -> int:
        """One of HAProxy's own figures of the replicas that are ready (section 9.1 of its management guide)."""
        table = requests.get(f"http://127.0.0.1:{self.figures_port}/;csv", timeout=30).text.removeprefix("# ")
        [backend] = [row for row in csv.DictReader(io.StringIO(table)) if (row["pxname"], row["svname"]) == READY]
        return int(backend[name])


@pytest.fixture
def busy(request: pytest.FixtureRequest) -> Iterator[Busy]:
    port, replica_port = port_that_is_free(), port_that_is_free()
    network = f"changeover-test-{secrets.token_hex(4)}"
    with ExitStack() as opened:
        docker("network", "create", network)
        opened.callback(docker, "network", "rm", network)
        program = ("--volume", f"{ROOT}/tests/e2e/busy_replica.py:/srv/busy_replica.py:ro,z")
        reached = (
            "--network",
            network,
            "--network-alias",
            "predict_api",
            "--publish",
            f"127.0.0.1:{replica_port}:5000",
        )
        run(opened, *program, *reached, "python:3.13-slim-trixie", "python3", "/srv/busy_replica.py")
        figures_port = start_gateway(opened, port, "--network", network, queue_seconds=request.param)
        gateway = Busy(f"http://127.0.0.1:{port}", port, f"http://127.0.0.1:{replica_port}", figures_port)
        wait_until(lambda: reaches(gateway.url), 60, "the gateway reaches the replica")
        yield gateway


def reaches(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).status_code == 200
    except requests.ConnectionError:
        return False


def all_busy(busy: Busy, callers: ThreadPoolExecutor) -> list[Future[requests.Response]]:
    """Send as many requests as the replica takes; it has begun them all and answered none."""
    pending = [callers.submit(busy.post) for _ in range(MAXCONN)]
    wait_until(lambda: busy.started() == MAXCONN, what="the replica has begun all requests")
    return pending


@pytest.mark.parametrize("busy", [1], indirect=True, ids=["a queue of 1 s"])
def test_requests_beyond_the_capacity_get_a_503_and_reach_no_replica(busy: Busy) -> None:
    """Fault 68: each request beyond the capacity gets a 503, and the requests that had begun are answered."""
    with ThreadPoolExecutor(4 * MAXCONN) as callers:
        pending = all_busy(busy, callers)
        try:
            shed = [answer.result() for answer in [callers.submit(busy.post) for _ in range(3 * MAXCONN)]]
            assert [(answer.status_code, answer.headers["Retry-After"]) for answer in shed] == [(503, "1")] * (
                3 * MAXCONN
            )
            assert all(json.loads(answer.content)["status"] == 503 for answer in shed)
        finally:
            busy.release()
        assert [answer.result().status_code for answer in pending] == [200] * MAXCONN
        assert busy.started() == MAXCONN
        assert busy.post().status_code == 200  # recovered


@pytest.mark.parametrize("busy", [600], indirect=True, ids=["a queue without end"])
def test_a_request_whose_caller_has_gone_is_not_passed_on(busy: Busy) -> None:
    with ThreadPoolExecutor(MAXCONN) as callers:
        pending = all_busy(busy, callers)
        try:
            with socket.create_connection(("127.0.0.1", busy.port), timeout=30) as caller:
                caller.sendall(HEAD + b"Content-Length: 2\r\n\r\n{}")
                wait_until(lambda: busy.figure("qcur") == 1, what="the request waits")
            wait_until(lambda: busy.figure("qcur") == 0, what="the gateway has dropped the request")
        finally:
            busy.release()
        assert [answer.result().status_code for answer in pending] == [200] * MAXCONN
        assert busy.started() == MAXCONN
