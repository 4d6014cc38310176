"""An HTTP server that speaks the protocol of model_server and misbehaves on demand.

It serves the versions, artifacts and manifests of a test, and the current and the next version. Tests use it instead of
the real model_server if they need wrong, late or missing responses.
"""

import contextlib
import json
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from changeover import digest
from changeover.json_types import JsonObject
from changeover.protocol.wire import (
    LEASE_MS,
    NEXT_VERSION,
    REPLICA_ID,
    REPR_DIGEST,
    SERVER_INSTANCE,
    TRACEPARENT,
    Current,
    ReplicaReport,
)

Misbehaviour = Callable[["Exchange"], bool]  # True: the response was sent or withheld


CUT_OFF_AFTER = 1_500_000  # bytes that `cut_off` sends: more than one read takes


class WireStub:
    """One model_server under the control of a test; stop and start keep the port."""

    def __init__(self) -> None:
        self.traces: list[str] = []  # the headers `traceparent` of checks
        self.currents: dict[str, Current] = {}
        self.nexts: dict[str, str] = {}
        self.manifests: dict[tuple[str, str], JsonObject] = {}
        self.artifacts: dict[tuple[str, str], bytes] = {}
        self.reports: dict[str, ReplicaReport] = {}
        self.left: list[str] = []
        self.calls: Counter[str] = Counter()
        self.instance = "first"
        self.on_check: Misbehaviour | None = None
        self.on_artifact: Misbehaviour | None = None
        self._server: _Server | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._server = _Server(("127.0.0.1", self.port), Exchange)
        self._server.stub = self
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """Close the listener and every connection immediately, as SIGKILL would."""
        if self._server is not None:
            self._server.shutdown()
            self._server.cut_off()
            self._server.server_close()
            self._server = None

    def publish(self, model: str, buffer: bytes, manifest: JsonObject) -> str:
        version = digest.sha256(buffer)
        self.artifacts[model, version] = buffer
        self.manifests[model, version] = {**manifest, "model": model, "version": version, "size": len(buffer)}
        return version

    def roll(self, model: str, version: str) -> Current:
        """Make `version` current immediately, prepared or not."""
        before = self.currents.get(model)
        self.currents[model] = Current(before.sequence + 1 if before else 1, version)
        self.nexts.pop(model, None)
        return self.currents[model]

    def ready(self, version: str) -> set[str]:
        """The replicas that reported `version` as ready."""
        return {name for name, report in list(self.reports.items()) if version in report.ready}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 512  # with the default, 5, many models that check at the same time time out
    stub: WireStub

    def __init__(self, *args, **kwargs) -> None:
        self._open: set[socket.socket] = set()
        super().__init__(*args, **kwargs)

    def process_request(self, request, client_address) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request, client_address) -> None:
        """Ignore errors of clients that close their connections."""

    def cut_off(self) -> None:
        for one in list(self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


class Exchange(BaseHTTPRequestHandler):
    """One request and its answer."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, *args) -> None:
        """Quiet."""

    @property
    def stub(self) -> WireStub:
        return self.server.stub

    def do_GET(self) -> None:
        parts = self.path.strip("/").split("/")
        self.stub.calls[parts[-1] if len(parts) > 2 else parts[0]] += 1
        if parts[-1] != "current" and self.headers.get("Authorization") != "Bearer report-token":
            self.problem(401)
            return
        match parts:
            case ["models"]:
                listed = [
                    {"model": name, "current": {"sequence": one.sequence, "version": one.version}}
                    for name, one in list(self.stub.currents.items())
                ]
                self.json(200, {"models": listed, "default": "default"})
            case ["models", model, "current"]:
                self._check(model)
            case ["models", model, "versions", version]:
                manifest = self.stub.manifests.get((model, version))
                self.json(200, {**manifest, "state": "admitted"}) if manifest else self.problem(404)
            case ["models", model, "versions", version, "artifact"]:
                self._artifact(model, version)
            case _:
                self.problem(404)

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        report = ReplicaReport.from_json(json.loads(body))
        if self.headers.get("Authorization") != "Bearer report-token":
            self.problem(401)
            return
        self.stub.reports[report.replica] = report
        self.answer(204, b"", {})

    def do_DELETE(self) -> None:
        name = self.path.rsplit("/", 1)[1]
        self.stub.reports.pop(name, None)
        self.stub.left.append(name)
        self.answer(204, b"", {})

    def _check(self, model: str) -> None:
        assert self.headers[REPLICA_ID]
        if TRACEPARENT in self.headers:
            self.stub.traces.append(self.headers[TRACEPARENT])
        if self.stub.on_check is not None and self.stub.on_check(self):
            return
        current = self.stub.currents.get(model)
        headers = {LEASE_MS: "0", SERVER_INSTANCE: self.stub.instance, "Cache-Control": "no-store"}
        if model in self.stub.nexts:
            headers[NEXT_VERSION] = self.stub.nexts[model]
        if current is None:
            self.problem(404, headers)
            return
        headers["ETag"] = current.etag
        if self.headers.get("If-None-Match") == current.etag:
            self.answer(304, b"", headers)
        else:
            self.json(200, current.to_json(model), headers)

    def _artifact(self, model: str, version: str) -> None:
        if self.stub.on_artifact is not None and self.stub.on_artifact(self):
            return
        buffer = self.stub.artifacts.get((model, version))
        if buffer is None:
            self.problem(404)
        else:
            headers = {"Content-Type": "application/octet-stream", REPR_DIGEST: digest.repr_digest(version)}
            self.answer(200, buffer, headers)

    def json(self, status: int, body: object, headers: dict[str, str] | None = None) -> None:
        self.answer(status, json.dumps(body).encode(), {"Content-Type": "application/json", **(headers or {})})

    def problem(self, status: int, headers: dict[str, str] | None = None) -> None:
        kind = {"Content-Type": "application/problem+json", **(headers or {})}
        self.answer(status, json.dumps({"title": "no", "status": status}).encode(), kind)

    def answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status not in {204, 304}:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if status not in {204, 304}:
            self.wfile.write(body)


def html(exchange: Exchange) -> bool:
    exchange.answer(200, b"<html>It works</html>", {"Content-Type": "text/html", "ETag": '"1"'})
    return True


def failing(exchange: Exchange) -> bool:
    exchange.answer(500, b"<html>sorry</html>", {"Content-Type": "text/html"})
    return True


def wrong_json(exchange: Exchange) -> bool:
    current = next(iter(exchange.stub.currents.values()))
    exchange.json(200, {"hello": "world"}, {"ETag": current.etag})
    return True


def etag_of_another(exchange: Exchange) -> bool:
    current = next(iter(exchange.stub.currents.values()))
    other = Current(current.sequence + 1, "f" * 64)
    exchange.json(200, current.to_json("default"), {"ETag": other.etag})
    return True


def not_modified_for_nothing(exchange: Exchange) -> bool:
    exchange.answer(304, b"", {"ETag": Current(99, "e" * 64).etag})
    return True


def silent(exchange: Exchange) -> bool:
    """A black hole: the request is read, and no response is sent."""
    with contextlib.suppress(OSError):
        exchange.rfile.read(1)
    exchange.close_connection = True
    return True


def dripping(exchange: Exchange) -> bool:
    """One byte every 50 ms: each read is in time, but the response never completes."""
    never = threading.Event()
    with contextlib.suppress(OSError):
        for byte in b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n" + b" " * 1000:
            exchange.wfile.write(bytes([byte]))
            never.wait(0.05)
    exchange.close_connection = True
    return True


def cut_off(exchange: Exchange) -> bool:
    """A third of the announced body, and then the end of the connection."""
    exchange.send_response(200)
    exchange.send_header("Content-Length", str(3 * CUT_OFF_AFTER))
    exchange.end_headers()
    exchange.wfile.write(b"a" * CUT_OFF_AFTER)
    exchange.close_connection = True
    return True


@contextlib.contextmanager
def running_stub() -> Iterator[WireStub]:
    stub = WireStub()
    stub.start()
    try:
        yield stub
    finally:
        stub.stop()
