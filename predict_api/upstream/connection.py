"""The HTTP connection to model_server: kept alive, with one total deadline for each call.

The deadline covers name resolution, connect, send and every read together. If the peer has closed a kept-alive
connection, the call is repeated once on a new one within the same deadline: all calls here are idempotent. A connection
serves one thread.

It uses `http.client`, because a freshness check may precede every request: a 304 over a kept connection takes 71 us of
processor time here, 139 us with urllib3's pool and 363 us with requests.
"""

import http.client
import io
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

from changeover.process import tracing
from changeover.process.clock import now
from changeover.process.gentle_pieces import PIECE, pause
from changeover.process.timed_socket import TimedSocket, seconds_until
from changeover.protocol.wire import LARGEST_BODY, TRACEPARENT
from changeover.tls.calls import shake_hands
from predict_api.exceptions import CallFailed
from predict_api.upstream.dns import Lookup


@dataclass(frozen=True)
class Response:
    """An HTTP response. Header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class _Http(http.client.HTTPConnection):
    """An HTTP connection whose socket keeps the deadline; with TLS if the lookup has contexts for it."""

    def __init__(self, host: str, port: int, lookup: Lookup) -> None:
        super().__init__(host, port)
        self._lookup = lookup
        self._deadline = float("inf")

    def keep(self, deadline: float) -> None:
        """Set the deadline of the next call."""
        self._deadline = deadline
        if isinstance(self.sock, TimedSocket):
            self.sock.deadline = deadline

    def connect(self) -> None:
        failure: OSError | None = None
        for family, address in self._lookup.addresses(self._deadline):
            connecting = socket.socket(family, socket.SOCK_STREAM)
            try:
                connecting.settimeout(seconds_until(self._deadline))
                connecting.connect(address)
                connecting.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if self._lookup.tls is not None:
                    connecting = shake_hands(connecting, self._lookup.tls.current(), self.host, self._deadline)
            except OSError as error:
                connecting.close()
                failure = error
            else:
                self.sock = cast("socket.socket", TimedSocket(connecting, self._deadline))
                return
        raise failure or TimeoutError("the host has no address")


class Connection:
    """The connection to one service, for one call at a time."""

    def __init__(self, url: str, lookup: Lookup | None = None) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", port_of(url)
        self._path = parts.path.rstrip("/")
        lookup = lookup or Lookup(self._host, self._port)
        self._secured = lookup.tls is not None
        if self._secured != (parts.scheme == "https"):
            raise ValueError(f"{url}: a connection has contexts of TLS for https, and for https alone")
        self._http = _Http(self._host, self._port, lookup)

    def call(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        deadline: float,
        *,
        body: bytes | None = None,
        largest: int = LARGEST_BODY,
        gently: bool = False,
    ) -> Response:
        """The whole response to one request; raises CallFailed if it is not there by `deadline` (of `clock.now`).

        `gently` leaves half of the processor to other threads during a large response over a fast network.
        """
        self._http.keep(deadline)
        while True:
            reused = self._http.sock is not None
            try:
                self._http.request(method, self._path + path, body, _with_trace(headers))
                response = self._http.getresponse()
                content = _read(response, path, largest, gently=gently)
            except CallFailed:
                self.close()
                raise
            except (OSError, http.client.HTTPException) as error:
                self.close()
                if not reused or not isinstance(error, ConnectionError | http.client.BadStatusLine):
                    raise self._failed(error) from error
            else:
                fields = {name.lower(): value for name, value in response.headers.items()}
                return Response(response.status, fields, content)

    def close(self) -> None:
        """Close the connection; the next call opens a new one."""
        self._http.close()

    def _failed(self, error: Exception) -> CallFailed:
        address = f"{self._host}:{self._port}"
        if isinstance(error, ssl.SSLCertVerificationError):
            return CallFailed(
                "broken",
                f"the certificate of {address} is not trusted ({error.verify_message}): set TLS_CA to the authority that "
                "issued it, and MODEL_SERVER_URL to a name that it has",
            )
        if isinstance(error, ssl.SSLError):
            return CallFailed(
                "broken",
                f"TLS with {address} failed ({error.reason or error}): does it speak HTTPS, and does its TLS_CLIENT_CA "
                "accept TLS_CERT of this service?",
            )
        if isinstance(error, TimeoutError):
            return CallFailed("timeout", f"no answer from {address} within the deadline")
        if isinstance(error, ConnectionRefusedError):
            return CallFailed("refused", f"no process listens at {address}")
        if isinstance(error, http.client.IncompleteRead):
            return CallFailed("truncated", f"the answer from {address} was cut off after {len(error.partial)} bytes")
        plain = not self._secured and isinstance(error, http.client.HTTPException)
        hint = "; does it speak HTTPS alone?" if plain else ""
        return CallFailed("broken", f"the call to {address} failed: {error or type(error).__name__}{hint}")


def port_of(url: str) -> int:
    """The port of an HTTP address; without one in it, that of its scheme."""
    parts = urlsplit(url)
    return parts.port or (443 if parts.scheme == "https" else 80)


def _with_trace(headers: Mapping[str, str]) -> Mapping[str, str]:
    """The headers, with the trace context of this thread."""
    traceparent = tracing.outgoing()
    return headers if traceparent is None else {**headers, TRACEPARENT: traceparent}


def _read(response: http.client.HTTPResponse, path: str, largest: int, *, gently: bool) -> bytes:
    """The body; raises CallFailed if it has more than `largest` bytes."""
    announced = response.length
    if announced is not None and announced > largest:
        raise CallFailed("large", f"{path} announces {announced} bytes, at most {largest} were expected")
    if announced is not None:
        return _read_gently(response, announced) if gently else response.read()
    content = response.read(largest + 1)
    if len(content) > largest:
        raise CallFailed("large", f"{path} sent more than {largest} bytes")
    return content


def _read_gently(response: http.client.HTTPResponse, size: int) -> bytes:
    """The body of `size` bytes, read in pieces; after each, a pause as long as its read took."""
    body = io.BytesIO()
    while (left := size - body.tell()) > 0:
        began = now()
        piece = response.read(min(left, PIECE))
        if not piece:
            raise http.client.IncompleteRead(body.getvalue(), left)
        body.write(piece)
        pause(began)
    return body.getvalue()
