"""Recorded exchanges of a replica with model_server of an earlier release (`tests/wire/`), and a server of them.

Values that differ from run to run are placeholders in braces. `{first}` and `{second}` are versions (with
`{digest of first}`, `{size of first}` and `{bytes of first}`). `{replica}`, `{instance}` and `{token}` are identities.
"""

import contextlib
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from changeover.digest import repr_digest, sha256
from changeover.json_types import Json, JsonObject
from tests.tiny_models import tiny

RECORDED = Path(__file__).parent / "wire"
RELEASE = "v0_1"
FIRST, SECOND = (tiny(number)[0] for number in (1, 2))
REPLICA, INSTANCE, TOKEN = "replica-of-v0-1", "a-life-of-v0-1", "report-token"
WHOLE: dict[str, Json | bytes] = {
    "{bytes of first}": FIRST,
    "{bytes of second}": SECOND,
    "{size of first}": len(FIRST),
    "{size of second}": len(SECOND),
}
WORDS = {"first": sha256(FIRST), "second": sha256(SECOND)}
WORDS |= {f"digest of {name}": repr_digest(version) for name, version in list(WORDS.items())}


@dataclass(frozen=True)
class Exchange:
    """One request and its answer. A body is JSON, or bytes, or None."""

    method: str
    path: str
    sent: dict[str, str]
    told: Json | bytes
    status: int
    headers: dict[str, str]
    body: Json | bytes

    @property
    def key(self) -> tuple[str, str, str]:
        """The key by which requests are found; the replica's name is not part of it."""
        return key(self.method, self.path, self.sent.get("If-None-Match", ""))


def key(method: str, path: str, if_none_match: str) -> tuple[str, str, str]:
    return method, re.sub(r"/replicas/[^/]+$", "/replicas/-", path), if_none_match


def recorded(scene: str, **words: str) -> list[Exchange]:
    """The exchanges of one scene, with `words` in place of the placeholders."""
    known = {**WORDS, "replica": REPLICA, "instance": INSTANCE, "token": TOKEN, **words}

    def filled(value: Json) -> Json | bytes:
        match value:
            case str() if value in WHOLE:
                return WHOLE[value]
            case str():
                return re.sub(r"{([\w ]+)}", lambda found: known[found[1]], value)
            case list():
                return [filled(one) for one in value]
            case dict():
                return {name: filled(one) for name, one in value.items()}
        return value

    exchanges = []
    for one in json.loads((RECORDED / RELEASE / f"{scene}.json").read_text(encoding="utf-8")):
        asked, answered = filled(one["request"]), filled(one["answer"])
        request_body, body = asked.get("body"), answered.get("body")
        exchanges.append(
            Exchange(
                asked["method"],
                asked["path"],
                asked["headers"],
                request_body,
                answered["status"],
                answered["headers"],
                body,
            )
        )
    return exchanges


@dataclass
class RecordedServer:
    """A model_server of an earlier release: it answers as recorded; later scenes replace earlier ones.

    `without` are headers that it omits, `more` are headers that it adds, `members` is added to every JSON body.
    """

    without: frozenset[str] = frozenset()
    more: dict[str, str] = field(default_factory=dict)
    members: JsonObject = field(default_factory=dict)
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    reports: list[JsonObject] = field(default_factory=list)
    _known: dict[tuple[str, str, str], Exchange] = field(default_factory=dict)
    url: str = ""

    def play(self, scene: str) -> None:
        self._known = {**self._known, **{one.key: one for one in recorded(scene)}}

    def checks(self) -> int:
        """The number of freshness checks."""
        return sum(path.endswith("/current") for _, path, _ in list(self.asked))

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        request_body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        if request.command == "PUT":
            self.reports.append(json.loads(request_body))
        asked = key(request.command, request.path, request.headers.get("If-None-Match", ""))
        self.asked.append(asked)
        found = self._known.get(asked)
        if found is None:
            request.send_error(500, f"never recorded: {asked}")
            return
        body = found.body
        if isinstance(body, dict):
            body = {**body, **self.members}
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        request.send_response(found.status)
        for name, value in {**found.headers, **self.more}.items():
            if name not in self.without:
                request.send_header(name, value)
        if found.status not in {204, 304}:
            request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)


@contextlib.contextmanager
def running(server: RecordedServer) -> Iterator[RecordedServer]:
    """`server` on a free port."""

    class Answering(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log_message(self, *args: object) -> None:
            """Quiet."""

        def do_GET(self) -> None:
            server.answer(self)

        def do_PUT(self) -> None:
            server.answer(self)

        def do_DELETE(self) -> None:
            server.answer(self)

    http = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    http.daemon_threads = True
    server.url = f"http://127.0.0.1:{http.server_address[1]}"
    threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
