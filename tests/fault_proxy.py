"""A TCP proxy that injects the failures of networks and stores.

    with FaultProxy(("127.0.0.1", 9000)) as proxy:
        client_of(proxy.url)
        proxy.answers = Fault(drip=1.0)          # for every connection made from now on
        proxy.requests = Fault(cut_at=1000)

`answers` is the direction from the server to the client, `requests` the other. A fault counts the bytes of one
connection, headers included. A change applies to new connections, and `break_off` ends those that are open.
"""

import contextlib
import socket
import struct
import threading
from dataclasses import dataclass
from typing import Final, Self

_BLOCK: Final = 65_536
_RESET: Final = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 s: close sends RST


@dataclass(frozen=True)
class Fault:
    """The faults of one direction of one connection; none by default.

    delay: seconds before the first byte passes. lag: seconds by which each block of bytes is late.
    drip: seconds between single bytes, from byte `drip_from` on.
    cut_at: closed by FIN after so many bytes. reset_at: closed by RST after so many.
    flip_at: the lowest bit of that byte is flipped. hang_at: no byte passes from that one on, and nothing is closed.
    """

    delay: float = 0.0
    lag: float = 0.0
    drip: float = 0.0
    drip_from: int = 0
    cut_at: int | None = None
    reset_at: int | None = None
    flip_at: int | None = None
    hang_at: int | None = None


NONE: Final = Fault()
BLACK_HOLE: Final = Fault(hang_at=0)


class FaultProxy:
    """Listens on a free port of the loopback interface and passes on to `upstream` (host, port)."""

    def __init__(self, upstream: tuple[str, int]) -> None:
        self.upstream = upstream
        self.answers = NONE
        self.requests = NONE
        self.refuse = False  # reset every new connection immediately
        self.connections = 0  # the number of all connections so far
        self._open: set[socket.socket] = set()
        self._half: set[tuple[socket.socket, socket.socket]] = set()  # directions that ended before the other one
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads: list[threading.Thread] = []
        self._start(self._accept)

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def heal(self) -> None:
        """Remove all faults, and end all open connections."""
        self.answers = self.requests = NONE
        self.refuse = False
        self.break_off()

    def break_off(self) -> None:
        """End all open connections by RST."""
        with self._lock:
            ended, self._open = self._open, set()
        for each in ended:
            _reset(each)

    def close(self) -> None:
        self._ended.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.break_off()
        for thread in self._threads:
            thread.join(10)

    def _start(self, target: object, *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True, name="fault-proxy")  # type: ignore[arg-type]
        with self._lock:
            self._threads = [each for each in self._threads if each.is_alive() or each.ident is None] + [thread]
        thread.start()

    def _accept(self) -> None:
        while not self._ended.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            if self.refuse:
                _reset(client)
                continue
            try:
                server = socket.create_connection(self.upstream, timeout=5)
            except OSError:
                _reset(client)
                continue
            server.settimeout(None)
            with self._lock:
                self._open |= {client, server}
            self._start(self._pass_on, client, server, self.requests)
            self._start(self._pass_on, server, client, self.answers)

    def _pass_on(self, source: socket.socket, target: socket.socket, fault: Fault) -> None:
        passed = 0
        stop = min((at for at in (fault.cut_at, fault.reset_at, fault.hang_at) if at is not None), default=None)
        try:
            self._ended.wait(fault.delay)
            while stop is None or passed < stop:
                data = bytearray(source.recv(_BLOCK if stop is None else min(_BLOCK, stop - passed)))
                if not data:
                    target.shutdown(socket.SHUT_WR)
                    self._ended_well(source, target)
                    return
                if fault.flip_at is not None and passed <= fault.flip_at < passed + len(data):
                    data[fault.flip_at - passed] ^= 1
                self._send(target, bytes(data), passed, fault)
                passed += len(data)
            if stop == fault.hang_at:
                self._swallow(source)
            elif stop == fault.reset_at:
                self._end(source, target, reset=True)
            else:
                self._end(source, target, reset=False)
        except OSError:
            self._end(source, target, reset=True)

    def _ended_well(self, source: socket.socket, target: socket.socket) -> None:
        """Close both ends of a connection when both directions have ended: a descriptor must not outlive its use."""
        with self._lock:
            if (target, source) not in self._half:
                self._half.add((source, target))
                return
            self._half.remove((target, source))
        self._end(source, target, reset=False)

    def _send(self, target: socket.socket, data: bytes, passed: int, fault: Fault) -> None:
        if fault.lag:
            self._ended.wait(fault.lag)
        if not fault.drip:
            target.sendall(data)
            return
        undelayed = max(0, min(len(data), fault.drip_from - passed))
        target.sendall(data[:undelayed])
        for byte in data[undelayed:]:
            if self._ended.wait(fault.drip):
                return
            target.sendall(bytes([byte]))

    def _swallow(self, source: socket.socket) -> None:
        while source.recv(_BLOCK):
            pass

    def _end(self, *ends: socket.socket, reset: bool) -> None:
        with self._lock:
            self._open -= set(ends)
            self._half = {each for each in self._half if not set(each) & set(ends)}
        for each in ends:
            if reset:
                _reset(each)
            else:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
                each.close()


def _reset(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    # a thread may be in recv on the socket: close alone would not wake it
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RD)
    with contextlib.suppress(OSError):
        end.close()
