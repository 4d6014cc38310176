"""HTTP/1 as the only protocol of both services: a client that begins in HTTP/2 holds no thread of a worker."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest

from tests.conftest import wait_until
from tests.processes.model_server import ModelServer
from tests.processes.predict_api import PredictApi
from tests.processes.store import Store
from tests.tiny_models import ROW, tiny
from tests.wire_stub import running_stub

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
UPGRADE = (
    b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\n"
    b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n"
)
WEB_SOCKET = (
    b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
STREAMS = 40


def stalled_stream(number: int, path: bytes) -> bytes:
    """The frame of a POST that announces a body and sends none (RFC 9113, RFC 7541 without Huffman)."""
    head = b"\x83\x86" + b"\x04" + bytes([len(path)]) + path + b"\x01\x09localhost"
    head += b"\x0f\x0d\x03100" + b"\x0f\x10\x10application/json"
    return len(head).to_bytes(3) + b"\x01\x04" + number.to_bytes(4) + head


def exchange(address: tuple[str, int], *sent: bytes) -> tuple[socket.socket, bytes]:
    """The connection, and the first bytes that come back on it: none if it was closed."""
    connection = socket.create_connection(address, timeout=30)
    try:
        connection.sendall(b"".join(sent))
        return connection, connection.recv(65_536)
    except ConnectionError:
        return connection, b""


def address_of(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    assert parts.hostname
    assert parts.port
    return parts.hostname, parts.port


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PredictApi]:
    with running_stub() as stub:
        stub.roll("default", stub.publish("default", *tiny(1)))
        with PredictApi(stub.url, tmp_path_factory.mktemp("predict"), WORKERS="1", THREADS="1") as api:
            yield api


@pytest.fixture(scope="module")
def server(seaweed: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelServer]:
    with ModelServer(seaweed, "http1only", tmp_path_factory.mktemp("server")) as server:
        yield server


def test_streams_that_announce_a_body_hold_no_thread_of_predict_api(api: PredictApi) -> None:
    """Fault 66: a worker with a single thread."""
    streams = [stalled_stream(2 * index + 1, b"/predict") for index in range(STREAMS)]
    with ExitStack() as opened:
        connection, answer = exchange(address_of(api.url), PREFACE, SETTINGS, *streams)
        opened.enter_context(connection)
        assert answer == b"" or answer.startswith(b"HTTP/1.1 4"), answer[:40]
        assert api.predict(ROW).status_code == 200
        assert api.get("/livez").status_code == 200


def test_streams_that_announce_a_body_hold_no_thread_of_model_server(server: ModelServer) -> None:
    """Fault 66: nearly as many streams as model_server has threads."""
    streams = [stalled_stream(2 * index + 1, b"/models/loan/versions") for index in range(STREAMS)]
    connection, answer = exchange(address_of(server.url), PREFACE, SETTINGS, *streams)
    with connection:
        assert answer == b"" or answer.startswith(b"HTTP/1.1 4"), answer[:40]
        wait_until(lambda: server.answers("/readyz"), what="model_server answers")


@pytest.mark.parametrize("request_", [UPGRADE, WEB_SOCKET], ids=["h2c", "websocket"])
def test_a_protocol_upgrade_is_ignored(api: PredictApi, server: ModelServer, request_: bytes) -> None:
    for url in (api.url, server.url):
        connection, answer = exchange(address_of(url), request_)
        connection.close()
        assert answer.startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 400 ")), answer[:60]
