"""An HTTP proxy between two services that rewrites answers: a man in the middle."""

import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import requests

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server", "host"}


@dataclass(frozen=True)
class Passing:
    """An answer on its way: the path that was asked for, its status, its headers and its body."""

    path: str
    status: int
    headers: dict[str, str]
    body: bytes

    def with_body(self, body: bytes) -> "Passing":
        """The same with another body, and another ETag if it has one."""
        etag = {"ETag": f'"{secrets.token_hex(32)}"'} if "ETag" in self.headers and self.path == "/current" else {}
        return replace(self, body=body, headers={**self.headers, **etag})


class RewritingProxy:
    """Passes requests on to `upstream`, and their answers through `rewrite`. It asks for whole answers, never for 304."""

    def __init__(self, upstream: str) -> None:
        self.upstream = upstream
        self.rewrite: Callable[[Passing], Passing] = lambda answer: answer
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _exchange(self))
        self.server.daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"


@contextmanager
def running_proxy(upstream: str) -> Iterator[RewritingProxy]:
    """A proxy in a thread, ended after the block."""
    proxy = RewritingProxy(upstream)
    thread = threading.Thread(target=proxy.server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield proxy
    finally:
        proxy.server.shutdown()
        proxy.server.server_close()
        thread.join()


def _exchange(proxy: RewritingProxy) -> type[BaseHTTPRequestHandler]:
    class Exchange(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP}
            headers.pop("If-None-Match", None)
            headers["Host"] = urlsplit(proxy.upstream).netloc
            address = f"{proxy.upstream}{self.path}"
            try:
                response = requests.request(self.command, address, headers=headers, data=body, timeout=30)
            except requests.RequestException:
                self.close_connection = True
                return
            kept = {name: value for name, value in response.headers.items() if name.lower() not in _HOP_BY_HOP}
            answer = proxy.rewrite(Passing(urlsplit(self.path).path, response.status_code, kept, response.content))
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        do_GET = do_PUT = do_DELETE = do_POST = _pass_on  # noqa: N815 the names are the library's

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 the name is the library's
            """Log nothing."""

    return Exchange
