"""The loop that has a worker's listener take new certificates, without the loss of a request or a connection.

granian reads its certificates once. So each set of them gets a server of its own in the same process: a *generation*.
All generations accept from one listening socket, each by a descriptor of its own. When the files have changed:

1. The next generation begins, with the new certificates.
2. The former one accepts no more: its descriptor is replaced by that of a socket that no caller knows. It goes on with
   its connections, those in the middle of a handshake too. The listening socket stays open, with its queue.
3. Each answer of the former generation ends its connection. granian closes idle ones after `idle_s` by itself.
4. After that time the former generation has no connection left but those of requests under way, and ends.
"""

import os
import socket
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, cast

from granian._granian import SocketHolder, WorkerSignal

from changeover.exceptions import InvalidSetting
from changeover.process.log_events import event
from changeover.process.loop import Loop
from changeover.tls.files import Files

LOOK_EVERY: Final = 1.0
_BACKLOG: Final = 2048
_AFTER_IDLE: Final = 5.0  # seconds beyond the last idle connection


Retire = Callable[[], None]  # has each further answer of a generation end its connection
# Begins a generation: with its socket, granian's arguments for TLS, and the signal that ends it.
Begin = Callable[[tuple[None, SocketHolder], tuple[Any, ...], WorkerSignal], Retire]


@dataclass
class _Generation:
    descriptor: int
    signal: WorkerSignal
    retire: Retire
    digest: bytes
    ends_at: float | None = None  # when it has no more idle connections, once it is retired
    ending: bool = False


class ReloadLoop(Loop):
    """The generations of one worker; `ended` is called when the last of them has ended, after `end`."""

    def __init__(
        self, holder: SocketHolder, files: Files, begin: Begin, idle_s: float, ended: Callable[[], None]
    ) -> None:
        """`holder` has the bound socket. Begins the first generation; raises InvalidSetting for invalid files."""
        super().__init__("certificates")
        self._socket = int(holder.get_fd())
        self._files, self._begin, self._idle_s, self._ended = files, begin, idle_s, ended
        self._lock = threading.Lock()
        self._closed = False
        self._generations: list[_Generation] = []
        self._unknown = _unknown_socket()
        self._reason = ""  # of the last failure that was logged
        self._marks = files.marks()
        self._next_generation()

    def run_once(self, now: float) -> float | None:
        """Begin a generation if the files have changed, and end those that have no more connections."""
        with self._lock:
            if self._closed:
                return None
            marks = self._files.marks()
            if marks != self._marks or self._reason:
                self._reload(now)
                self._marks = marks
            for generation in self._generations:
                if generation.ends_at is not None and now >= generation.ends_at:
                    _end(generation)
        return LOOK_EVERY

    def end(self) -> None:
        """End all generations: they accept no more, and finish the requests under way."""
        self._closed = True  # before the lock: a reload under way begins no generation that is not ended
        threading.Thread(target=self._end_all, name="certificates-end").start()

    def _end_all(self) -> None:
        self.wake.set()
        with self._lock:
            for generation in self._generations:
                _end(generation)

    def _reload(self, now: float) -> None:
        """Begin the next generation; with invalid files the present one stays, and they are tried again."""
        try:
            begun = self._next_generation()
        except (InvalidSetting, OSError) as error:
            if str(error) != self._reason:
                event("tls.not_reloaded", level="error", of="listener", reason=str(error))
            self._reason = str(error)
            return
        self._reason = ""
        if begun:
            former = self._generations[-2]
            os.dup2(self._unknown.fileno(), former.descriptor)
            former.retire()
            former.ends_at = now + self._idle_s + _AFTER_IDLE
            event("tls.reloaded", of="listener")

    def _next_generation(self) -> bool:
        """Begin a generation with the files as they are; False if their content is that of the last one."""
        content = self._files.read()
        if self._generations and self._generations[-1].digest == content.digest:
            return False
        descriptor, signal = os.dup(self._socket), WorkerSignal()
        try:
            with content.as_files() as folder:
                authorities = str(folder / "authorities") if content.authorities else None
                tls: tuple[Any, ...] = (
                    True,
                    str(folder / "certificate"),
                    str(folder / "key"),
                    None,
                    "tls1.2",
                    authorities,
                    [],
                    authorities is not None,
                )
                retire = self._begin((None, _holder_of(descriptor)), tls, signal)
        except BaseException as error:
            os.close(descriptor)
            if type(error).__name__ != "PanicException":  # of granian, for what OpenSSL accepts and rustls does not
                raise
            raise InvalidSetting(
                f"TLS_CERT, TLS_KEY or TLS_CLIENT_CA: the server does not accept their content ({error}); use a "
                "certificate of X.509 version 3 with a key of RSA, P-256, P-384 or Ed25519"
            ) from None
        generation = _Generation(descriptor, signal, retire, content.digest)
        signal.add_cb(lambda: self._one_ended(generation))
        self._generations.append(generation)
        return True

    def _one_ended(self, generation: _Generation) -> None:
        """In a thread of granian, when the last request of a generation is answered."""
        with self._lock:
            self._generations.remove(generation)
            last = not self._generations
        if last:
            self._ended()
        elif not self._closed:
            event("tls.former_listener_ended")


def _end(generation: _Generation) -> None:
    if not generation.ending:
        generation.ending = True
        generation.signal.set()


def _unknown_socket() -> socket.socket:
    """A listening socket that no caller can connect to: its path is removed."""
    with tempfile.TemporaryDirectory(prefix="changeover-") as folder:
        unknown = socket.socket(socket.AF_UNIX)
        unknown.bind(f"{folder}/none")
        unknown.listen(1)
    unknown.setblocking(False)
    return unknown


def _holder_of(descriptor: int) -> SocketHolder:
    holder: Any = SocketHolder  # its stub has no constructor
    more = (_BACKLOG,) if sys.platform == "linux" else ()
    return cast("SocketHolder", holder(descriptor, False, *more))
