"""The use of `CHANGEOVER_TOKEN`: it is sent only to servers that the caller named."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.tree import ROOT

TOKEN = "the-token-of-another-server"


class Listener(BaseHTTPRequestHandler):
    """A handler that answers every call with an empty object, and keeps each request."""

    received: list[str] = []  # noqa: RUF012 one list for all connections of a server

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.received.append(f"{self.command} {self.path}\n{self.headers}\n{body!r}")
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    do_GET = do_POST = _answer  # noqa: N815 the names are the library's

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 the name is the library's
        """Log nothing."""


@pytest.fixture
def listener() -> Iterator[tuple[str, list[str]]]:
    """The address of a server, and the requests that it received."""
    received: list[str] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Listening", (Listener,), {"received": received}))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", received
    server.shutdown()
    server.server_close()
    thread.join()


def run(folder: Path, *words: str, **settings: str) -> None:
    """Run the command line in `folder`; its exit code does not matter here."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CHANGEOVER_")}
    environment = {**kept, "PYTHONPATH": str(ROOT), "CHANGEOVER_TOKEN": TOKEN, **settings}
    command = [sys.executable, "-m", "changeover", *words]
    subprocess.run(command, cwd=folder, env=environment, capture_output=True, timeout=120, check=False)


@pytest.fixture
def folder(tmp_path: Path, listener: tuple[str, list[str]]) -> Path:
    """A foreign folder whose up.json names a server of its own."""
    url, _ = listener
    described = {
        "predict_urls": [url],
        "server_url": url,
        "store_url": url,
        "bucket": "models",
        "token": "of-the-folder",
    }
    (tmp_path / ".changeover").mkdir()
    (tmp_path / ".changeover" / "up.json").write_text(json.dumps(described), encoding="utf-8")
    (tmp_path / "model.joblib").write_bytes(b"no model")
    (tmp_path / "row.json").write_text("{}", encoding="utf-8")
    return tmp_path


VERBS = ["list", "show", "history", "doctor", "roll", "rollback", "push model.joblib", "predict row.json", "verify"]


@pytest.mark.parametrize("verb", VERBS)
def test_a_server_that_only_the_folder_names_does_not_get_the_token(
    folder: Path, listener: tuple[str, list[str]], verb: str
) -> None:
    _, received = listener
    run(folder, *verb.split(), "--json")
    assert received
    assert [request for request in received if TOKEN in request] == []


def test_a_server_that_the_caller_names_gets_the_token(folder: Path, listener: tuple[str, list[str]]) -> None:
    url, received = listener
    run(folder, "list", "--server-url", url)
    run(folder, "list", CHANGEOVER_SERVER_URL=url)
    assert len([request for request in received if f"Bearer {TOKEN}" in request]) >= 2
