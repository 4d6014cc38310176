"""The WSGI environment (PEP 3333) of a request, from the scope that granian gives (RSGI) and its body."""

import io
import sys
from functools import lru_cache
from typing import Any, Final, Protocol
from wsgiref.types import WSGIEnvironment


class Headers(Protocol):
    """The headers of a request; names are in lower case, and a repeated one comes several times."""

    def items(self) -> list[tuple[str, str]]:
        """All headers, in order."""


class Scope(Protocol):
    """What granian knows of a request before its body: `granian.rsgi.Scope`."""

    proto: str
    http_version: str
    server: str
    client: str
    scheme: str
    method: str
    path: str
    query_string: str
    authority: str | None
    headers: Headers


_BASE: Final[dict[str, Any]] = {
    "SCRIPT_NAME": "",
    "SERVER_SOFTWARE": "Granian",
    "wsgi.errors": sys.stderr,
    "wsgi.input_terminated": True,
    "wsgi.multiprocess": False,
    "wsgi.multithread": True,
    "wsgi.run_once": False,
    "wsgi.version": (1, 0),
}
_names: dict[str, str] = {"content-type": "CONTENT_TYPE", "content-length": "CONTENT_LENGTH"}
_MOST_NAMES: Final = 1000


def environ_of(scope: Scope, body: bytes = b"") -> WSGIEnvironment:
    """The environment of a request with this body."""
    environ = _of_the_server(scope.server, scope.http_version, scope.scheme).copy()
    client, _, environ["REMOTE_PORT"] = scope.client.rpartition(":")
    environ["REMOTE_ADDR"] = client.strip("[]")
    environ["REQUEST_METHOD"] = scope.method
    path = scope.path
    environ["PATH_INFO"] = path if path.isascii() else path.encode().decode("latin-1")
    environ["QUERY_STRING"] = scope.query_string
    environ["wsgi.input"] = io.BytesIO(body)
    for name, value in scope.headers.items():
        key = _names.get(name) or _key(name)
        environ[key] = f"{environ[key]},{value}" if key in environ else value
    if "HTTP_HOST" not in environ:
        environ["HTTP_HOST"] = scope.authority or ""
    return environ


@lru_cache(maxsize=64)
def _of_the_server(server: str, version: str, scheme: str) -> WSGIEnvironment:
    name, _, port = server.rpartition(":")
    protocol = {"SERVER_PROTOCOL": f"HTTP/{version}", "SERVER_NAME": name, "SERVER_PORT": port}
    return {**_BASE, **protocol, "wsgi.url_scheme": scheme}


def _key(name: str) -> str:
    key = "HTTP_" + name.replace("-", "_").upper()
    if len(_names) < _MOST_NAMES:
        _names[name] = key
    return key
