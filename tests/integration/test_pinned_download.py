"""The download of `MODEL_URI` over HTTP: one deadline for all of it, and no credentials in its errors."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from model_server.intake.pinned import download
from tests import wire_stub

BODY = bytes(range(256)) * 10_000


class Shelf(BaseHTTPRequestHandler):
    """A server of files: one whole, one that redirects, two that never end."""

    def log_message(self, *args) -> None:
        """Log nothing."""

    def do_GET(self) -> None:
        match self.path:
            case "/model.joblib":
                self.send_response(200)
                self.send_header("Content-Length", str(len(BODY)))
                self.end_headers()
                self.wfile.write(BODY)
            case "/moved":
                self.send_response(302)
                self.send_header("Location", "/model.joblib")
                self.end_headers()
            case "/silent" | "/dripping":
                getattr(wire_stub, self.path[1:])(self)
            case _:
                self.send_error(404)


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), Shelf) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def downloaded(uri: str, seconds: float = 30.0) -> bytes:
    with download(uri, seconds) as chunks:
        return b"".join(chunks)


@pytest.mark.parametrize("path", ["model.joblib", "moved"])
def test_the_body_arrives_whole_also_from_where_it_moved(port: int, path: str) -> None:
    assert downloaded(f"http://127.0.0.1:{port}/{path}") == BODY


@pytest.mark.parametrize("path", ["silent", "dripping"])
def test_a_download_ends_at_its_deadline_whatever_the_peer_does(port: int, path: str) -> None:
    with pytest.raises(OSError, match=r"not complete after 0\.3 s"):
        downloaded(f"http://127.0.0.1:{port}/{path}", 0.3)


def test_an_error_does_not_show_the_credentials_of_the_address(port: int) -> None:
    with pytest.raises(OSError, match="its server answered HTTP 404") as missing:
        downloaded(f"http://user:s3cret@127.0.0.1:{port}/x?signature=s3cret")
    with pytest.raises(OSError, match="refused") as unreachable:
        downloaded("http://user:s3cret@127.0.0.1:1/x?signature=s3cret")
    assert "s3cret" not in f"{missing.value} {unreachable.value}"
