"""A receiver of webhooks on the loopback interface, in this process, which may fail."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple


class Request(NamedTuple):
    """One request: its path, headers and body."""

    path: str
    headers: Any
    body: bytes

    @property
    def id(self) -> str:
        """The id of its event."""
        return str(self.headers["webhook-id"])


@dataclass
class Receiver:
    """The requests that came, and how each is answered: a status, or None for an end without an answer."""

    url: str
    requests: list[Request]
    answer: Callable[[Request], int | None]
    more_head: bytes = b""  # lines that each answer begins its headers with, right or not


@contextmanager
def receiving(answer: Callable[[Request], int | None] = lambda _: 204) -> Iterator[Receiver]:
    """A receiver that runs until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = Request(self.path, self.headers, self.rfile.read(int(self.headers["Content-Length"])))
            receiver.requests.append(request)
            status = receiver.answer(request)
            if status is None:
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.flush_headers()
            self.wfile.write(receiver.more_head)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver = Receiver(f"http://127.0.0.1:{server.server_port}", [], answer)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield receiver
        server.shutdown()
