"""A stand-in for predict_api in a container: an HTTP server that answers only after a signal.

It answers a `POST` after `GET /release`, `GET /started` with the number of requests begun, and any other `GET` with 200.
"""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

released = threading.Event()
counting = threading.Lock()
started = 0


class Replica(BaseHTTPRequestHandler):
    """One connection of the gateway or of the test."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/release":
            released.set()
        self._answer(str(started).encode())

    def do_POST(self) -> None:
        global started
        self.rfile.read(int(self.headers["Content-Length"]))
        with counting:
            started += 1
        released.wait()
        self._answer(b"{}")

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 the name is the library's
        """Log nothing."""


if __name__ == "__main__":
    ThreadingHTTPServer(("0.0.0.0", 5000), Replica).serve_forever()
