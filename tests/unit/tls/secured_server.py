"""A small HTTPS server in a thread, for clients under test."""

import http.server
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from changeover.tls.certificates import Pair


def server_context(folder: Path, pair: Pair, callers: bytes = b"") -> ssl.SSLContext:
    """The context of a server with this certificate; `callers` (PEM) are the authorities of its callers."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate, key = folder / "server.pem", folder / "server.key"
    certificate.write_bytes(pair.certificate)
    key.write_bytes(pair.key)
    context.load_cert_chain(certificate, key)
    if callers:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=callers.decode())
    return context


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(b'{"models": [], "default": "loan"}')

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 the name is the library's
        """Print nothing."""


class _Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """A refused handshake is no failure of the test."""


@contextmanager
def secured_server(context: ssl.SSLContext) -> Iterator[int]:
    """Yields the port of a server that answers each GET."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()
