"""The edge of a worker of predict_api: probes, stalled senders, the bounded queue, callers that have gone."""

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from predict_api.edge.heads import can_be_watched
from predict_api.edge.queue import threads_of_a_worker
from tests.conftest import port_that_is_free, wait_until
from tests.processes.service import ServiceProcess

PLACES = threads_of_a_worker(1)
HEAD = b"POST /any HTTP/1.1\r\nHost: x\r\n"


class Edge(ServiceProcess):
    """A worker without models; `release` ends requests to `/wait`."""

    def __init__(self, folder: Path, **settings: str) -> None:
        fifo = folder / "fifo"
        os.mkfifo(fifo)
        self._fifo = os.open(fifo, os.O_RDWR)
        self._command = [sys.executable, "-m", "tests.integration.edge_server", str(fifo)]
        port = port_that_is_free()
        super().__init__(folder / "edge.log", {"PREDICT_PORT": str(port), "WORKERS": "1", **settings}, port)

    def command(self) -> list[str]:
        """The command line."""
        return self._command

    def close(self) -> None:
        """Let every request end, then the process."""
        self.release(1000)
        super().close()
        os.close(self._fifo)

    def release(self, count: int) -> None:
        """Answer this many of the requests that wait, or will."""
        os.write(self._fifo, b"." * count)

    def begun(self) -> int:
        """The number of POSTs that the application began; asked as a probe, which needs no place."""
        return int(requests.get(f"{self.url}/readyz", timeout=30).json()["begun"])

    def connect(self, sent: bytes) -> socket.socket:
        """A connection on which these bytes were sent."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        connection.sendall(sent)
        return connection

    def ask(self, path: str, body: bytes = b"x") -> socket.socket:
        """A connection with one request."""
        return self.connect(
            b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (path.encode(), len(body)) + body
        )


def answer(connection: socket.socket) -> bytes:
    """All bytes until the answer is complete, or the connection is closed."""
    received = b""
    while b"\r\n\r\n" not in received and (piece := connection.recv(65_536)):
        received += piece
    return received


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    settings = {"THREADS": "1", "BODY_SECONDS": "2", "QUEUE_SECONDS": "2", "IDLE_SECONDS": "60"}
    with Edge(tmp_path_factory.mktemp("edge"), **settings) as edge:
        yield edge


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def fill(edge: Edge, opened: ExitStack, path: str = "/wait") -> list[socket.socket]:
    """Requests in all places for small ones, none of which ends."""
    before = edge.begun()
    waiting = [opened.enter_context(edge.ask(path)) for _ in range(PLACES)]
    wait_until(lambda: edge.begun() == before + PLACES, what="all places are taken")
    return waiting


def test_probes_are_answered_while_every_place_is_taken_and_senders_stall(edge: Edge, opened: ExitStack) -> None:
    """Fault 67: 200 senders stall, half of them in the head, while no place is free."""
    waiting = fill(edge, opened)
    for _ in range(100):
        opened.enter_context(edge.connect(HEAD))
        opened.enter_context(edge.connect(HEAD + b"Content-Length: 9\r\n\r\n{"))
    statuses = [requests.get(f"{edge.url}{path}", timeout=30).status_code for path in ("/livez", "/readyz", "/metrics")]
    assert statuses == [200] * 3
    edge.release(PLACES)
    assert all(answer(connection).startswith(b"HTTP/1.1 200") for connection in waiting)


@pytest.mark.parametrize("framing", [b"Content-Length: 9\r\n\r\n{", b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"])
def test_a_body_that_does_not_come_gets_a_408_and_its_connection_is_closed(
    edge: Edge, opened: ExitStack, framing: bytes
) -> None:
    """Faults 58 and 67: with either framing."""
    connection = opened.enter_context(edge.connect(HEAD + framing))
    received = b""
    while piece := connection.recv(65_536):
        received += piece
    assert received.startswith(b"HTTP/1.1 408 ")
    assert b"BODY_SECONDS" in received


@pytest.mark.skipif(not can_be_watched(), reason="this system does not show the traffic of connections")
def test_a_head_that_does_not_come_is_not_waited_for_as_long_as_an_idle_connection_is(
    edge: Edge, opened: ExitStack
) -> None:
    """Fault 67: a head that comes byte by byte ends at BODY_SECONDS too; IDLE_SECONDS is for what waits between requests."""
    idle = opened.enter_context(edge.ask("/any"))
    assert answer(idle).startswith(b"HTTP/1.1 200")
    used = opened.enter_context(edge.ask("/any"))
    assert answer(used).startswith(b"HTTP/1.1 200")
    dripping = opened.enter_context(edge.connect(HEAD))
    dripping.settimeout(0.2)
    closed, used_again = b"?", False
    while closed:
        try:
            closed = dripping.recv(65_536)
        except TimeoutError:
            dripping.sendall(b"X")
            used.sendall(b"" if used_again else HEAD)
            used_again = True
        except ConnectionResetError:
            break
    assert used.recv(65_536) == b""
    idle.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer(idle).startswith(b"HTTP/1.1 200")


def test_a_request_that_cannot_begin_in_time_gets_a_503_and_is_not_begun(edge: Edge, opened: ExitStack) -> None:
    """Fault 68: what waits for QUEUE_SECONDS is refused; what was begun is answered."""
    waiting = fill(edge, opened)
    begun = edge.begun()
    late = answer(opened.enter_context(edge.ask("/late")))
    assert late.startswith(b"HTTP/1.1 503 ")
    assert b"retry-after: 1" in late.lower()
    edge.release(PLACES)
    assert all(answer(connection).startswith(b"HTTP/1.1 200") for connection in waiting)
    assert edge.begun() == begun


def test_a_request_whose_caller_has_gone_is_not_begun(edge: Edge, opened: ExitStack) -> None:
    """Fault 57: it waits in the queue when its caller closes the connection."""
    waiting = fill(edge, opened)
    begun = edge.begun()
    connection = edge.ask("/gone")
    port = connection.getsockname()[1]
    connection.close()
    (worker,) = edge.workers()
    wait_until(
        lambda: port not in {peer.raddr.port for peer in worker.net_connections() if peer.raddr}, what="it is noticed"
    )
    assert edge.answers("/livez")  # by the thread that has learnt of it before
    edge.release(PLACES)
    assert all(answer(connection).startswith(b"HTTP/1.1 200") for connection in waiting)
    assert answer(opened.enter_context(edge.ask("/any"))).startswith(b"HTTP/1.1 200")
    assert edge.begun() == begun + 1


def test_bodies_of_every_framing_reach_the_application(edge: Edge, opened: ExitStack) -> None:
    chunked = HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    for sent in (HEAD + b"Content-Length: 5\r\n\r\nabcde", chunked):
        connection = opened.enter_context(edge.connect(sent.replace(b"Host: x", b"Host: x\r\nConnection: close")))
        received = b""
        while piece := connection.recv(65_536):
            received += piece
        assert received.startswith(b"HTTP/1.1 200 ")
        assert received.endswith(b"\r\n\r\n5")
