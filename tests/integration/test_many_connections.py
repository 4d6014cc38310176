"""A fleet keeps its connections to model_server open: they must not keep others out."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.processes.model_server import ModelServer
from tests.processes.store import Store

CONNECTIONS = 1500
PROBE = b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@pytest.fixture
def server(seaweed: Store, tmp_path: Path) -> Iterator[ModelServer]:
    with ModelServer(seaweed, "many-connections", tmp_path) as server:
        yield server


def answered(connection: socket.socket) -> bool:
    """Whether a request over this connection, which stays open, gets a 200."""
    connection.sendall(PROBE)
    return connection.recv(1 << 16).startswith(b"HTTP/1.1 200")


def test_1500_open_connections_are_answered_each_and_a_new_one_too(server: ModelServer) -> None:
    with ExitStack() as stack:
        open_ones = [
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=60))
            for _ in range(CONNECTIONS)
        ]
        assert all(answered(connection) for connection in open_ones)
        assert server.get("/readyz").status_code == 200
