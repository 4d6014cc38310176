"""The HTTP connection to model_server: kept alive, with one total deadline for each call.

The deadline covers name resolution, connect, send and every read together. A peer that sends byte by byte cannot extend
it, as it could extend a timeout for each read. If the peer has closed a kept-alive connection, the call is repeated
once on a new one within the same deadline: all calls here are idempotent. A connection serves one thread.
"""

import http.client
import io
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from changeover.process.clock import now
from predict_api.exceptions import CallFailed
from predict_api.upstream.dns import Lookup

LARGEST_ANSWER: Final = 4 * 1024 * 1024  # bytes, for everything but artifacts
_PIECE: Final = 1024 * 1024  # bytes of each read with `gently`
_LONGEST_REST: Final = 0.005  # seconds after each such read


@dataclass(frozen=True)
class Answer:
    """An HTTP response. Header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class _Socket(socket.socket):
    """A socket whose every operation ends at `deadline`."""

    deadline = float("inf")

    def _hurry(self) -> None:
        left = self.deadline - now()
        if left <= 0:
            raise TimeoutError("the deadline is over")
        self.settimeout(left)

    def recv_into(self, *args, **kwargs):  # type: ignore[no-untyped-def]  # the signature is socket's
        self._hurry()
        return super().recv_into(*args, **kwargs)

    def sendall(self, *args, **kwargs):  # type: ignore[no-untyped-def]  # the signature is socket's
        self._hurry()
        return super().sendall(*args, **kwargs)


class _Http(http.client.HTTPConnection):
    """An HTTP connection whose socket keeps the deadline."""

    def __init__(self, host: str, port: int, lookup: Lookup) -> None:
        super().__init__(host, port)
        self._lookup = lookup
        self.deadline = float("inf")

    def connect(self) -> None:
        fault: OSError = TimeoutError("the deadline is over")
        for family, address in self._lookup.addresses(self.deadline):
            left = self.deadline - now()
            if left <= 0:
                break
            candidate = _Socket(family, socket.SOCK_STREAM)
            try:
                candidate.settimeout(left)
                candidate.connect(address)
                candidate.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except OSError as error:
                candidate.close()
                fault = error
                continue
            candidate.deadline = self.deadline
            self.sock = candidate
            return
        raise fault


class Connection:
    """The connection to one service, for one call at a time."""

    def __init__(self, url: str, lookup: Lookup | None = None) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._path = parts.path.rstrip("/")
        self._http = _Http(self._host, self._port, lookup or Lookup(self._host, self._port))

    def call(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        deadline: float,
        *,
        body: bytes | None = None,
        largest: int = LARGEST_ANSWER,
        gently: bool = False,
    ) -> Answer:
        """The whole response to one request; raises CallFailed if it is not there by `deadline` (of `clock.now`).

        `gently` leaves half of the processor to other threads during a large response over a fast network.
        """
        reused = self._http.sock is not None
        try:
            return self._once(method, path, headers, deadline, body, largest, gently)
        except (ConnectionError, http.client.BadStatusLine) as error:
            self.close()
            if not reused:
                raise self._failed(error) from error
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise self._failed(error) from error
        except CallFailed:
            self.close()
            raise
        try:
            return self._once(method, path, headers, deadline, body, largest, gently)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise self._failed(error) from error

    def close(self) -> None:
        """Close the connection; the next call opens a new one."""
        self._http.close()

    def _once(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        deadline: float,
        body: bytes | None,
        largest: int,
        gently: bool,
    ) -> Answer:
        self._http.deadline = deadline
        if isinstance(self._http.sock, _Socket):
            self._http.sock.deadline = deadline
        self._http.request(method, self._path + path, body=body, headers=dict(headers))
        response = self._http.getresponse()
        promised = response.length
        if promised is not None and promised > largest:
            self.close()
            raise CallFailed("large", f"{path} announces {promised} bytes, at most {largest} were expected")
        if promised is None:
            content = response.read(largest + 1)
        else:
            content = _read_gently(response, promised) if gently else response.read()
        if len(content) > largest:
            self.close()
            raise CallFailed("large", f"{path} sent more than {largest} bytes")
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, content)

    def _failed(self, error: Exception) -> CallFailed:
        where = f"{self._host}:{self._port}"
        if isinstance(error, TimeoutError):
            return CallFailed("timeout", f"no answer from {where} within the deadline")
        if isinstance(error, ConnectionRefusedError):
            return CallFailed("refused", f"nobody listens at {where}")
        if isinstance(error, http.client.IncompleteRead):
            return CallFailed("truncated", f"the answer from {where} was cut off after {len(error.partial)} bytes")
        return CallFailed("broken", f"the call to {where} failed: {error or type(error).__name__}")


def _read_gently(response: http.client.HTTPResponse, size: int) -> bytes:
    """The body of `size` bytes, read in pieces; after each, a pause as long as its read took."""
    body = io.BytesIO()
    while (left := size - body.tell()) > 0:
        began = now()
        piece = response.read(min(left, _PIECE))
        if not piece:
            raise http.client.IncompleteRead(body.getvalue(), left)
        body.write(piece)
        time.sleep(min(now() - began, _LONGEST_REST))
    return body.getvalue()
