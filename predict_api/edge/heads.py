"""The deadline of request heads: a connection whose head does not come within BODY_SECONDS is closed.

granian has one timeout for an idle connection and for an incomplete head. A connection may be idle for long, so that a
gateway can keep it. Linux tells them apart: `tcp_info` has the bytes that came and the bytes that were sent. A connection
with bytes that came after the last response, and without a request under way, has an incomplete head. Linux counts
milliseconds: bytes in the millisecond of the response are noticed when further ones follow.

What is not noticed, here or on another system, is closed after IDLE_SECONDS. It holds no thread in either case.
"""

import os
import socket
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_DESCRIPTORS: Final = Path("/proc/self/fd")
_TCP_INFO: Final = getattr(socket, "TCP_INFO", None)
_SIZE: Final = 208  # of the members of `struct tcp_info` (linux/tcp.h) as far as they are read
_TIMES: Final = struct.Struct("=I4xI")  # milliseconds since data was sent, and since it came
_TIMES_AT: Final = 44
_RECEIVED_AT: Final = 128
_SENT_AT: Final = 200


@dataclass(frozen=True)
class Traffic:
    """What went over a connection: bytes each way, and the seconds since the last of them."""

    sent: int
    received: int
    since_sent: float
    since_received: float


@dataclass
class _Seen:
    sent: int
    began: float | None  # when the first byte after the last response came
    late: bool = False  # since the look before: a response may be on its way


class Heads:
    """The heads that are expected in this worker. `begin` and `end` are for the thread that gets the requests."""

    def __init__(self, port: int, seconds: float, clock: Callable[[], float]) -> None:
        """`port` is that of the listener, `seconds` BODY_SECONDS."""
        self._port, self._seconds, self._clock = port, seconds, clock
        self._under_way: set[str] = set()
        self._seen: dict[str, _Seen] = {}

    def begin(self, peer: str) -> float:
        """Note a complete head of `peer`; returns the time at which it began, as far as that is known."""
        self._under_way.add(peer)
        seen = self._seen.get(peer)
        return self._clock() if seen is None or seen.began is None else seen.began

    def end(self, peer: str) -> None:
        """Note the end of the request of `peer`."""
        self._under_way.discard(peer)

    def end_late(self) -> None:
        """Close the connections whose heads have not come in time."""
        seen, self._seen = self._seen, {}
        now = self._clock()
        for connection, peer in _accepted(self._port):
            with connection:
                entry = self._looked_at(seen.get(peer), _traffic(connection), now)
                self._seen[peer] = entry
                late = entry.began is not None and now - entry.began >= self._seconds and peer not in self._under_way
                if late and entry.late:
                    _shut(connection)
                entry.late = late

    @staticmethod
    def _looked_at(before: _Seen | None, traffic: Traffic, now: float) -> _Seen:
        if before is not None and before.began is not None and before.sent == traffic.sent:
            return before
        waits = traffic.received > 0 and (traffic.sent == 0 or traffic.since_received < traffic.since_sent)
        return _Seen(traffic.sent, now - traffic.since_received if waits else None)


def can_be_watched() -> bool:
    """Whether this system shows the traffic of connections."""
    return _TCP_INFO is not None and _DESCRIPTORS.is_dir()


def _accepted(port: int) -> Iterator[tuple[socket.socket, str]]:
    """The open connections to `port`, as duplicates, with the address of their peer as granian writes it."""
    for name in os.listdir(_DESCRIPTORS):  # noqa: PTH208 a Path for each of thousands costs more than the rest
        try:
            if not os.readlink(f"{_DESCRIPTORS}/{name}").startswith("socket:"):  # noqa: PTH115 as above
                continue
            connection = socket.socket(fileno=os.dup(int(name)))
        except OSError:  # closed meanwhile
            continue
        try:
            if connection.family in (socket.AF_INET, socket.AF_INET6) and connection.getsockname()[1] == port:
                host, its_port = connection.getpeername()[:2]
                yield connection, f"[{host}]:{its_port}" if ":" in host else f"{host}:{its_port}"
                continue
        except OSError:  # the listener, or one that has just been closed
            pass
        connection.close()


def _traffic(connection: socket.socket) -> Traffic:
    assert _TCP_INFO is not None
    info = connection.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, _SIZE).ljust(_SIZE, b"\0")
    since_sent, since_received = _TIMES.unpack_from(info, _TIMES_AT)
    (received,) = struct.unpack_from("=Q", info, _RECEIVED_AT)
    (sent,) = struct.unpack_from("=Q", info, _SENT_AT)
    return Traffic(sent, received, since_sent / 1000, since_received / 1000)


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:  # the peer has closed it meanwhile
        return
