"""A holder: the process that has one large version loaded for all workers of an instance, and forks their scorers.

Carries *safety*: the bytes come from a worker, are hashed here, and that very buffer is loaded. It lives for as long as a
worker is connected, whoever started it, and so ends with the instance; signals that end the instance are the workers' to
obey, who finish their requests first. A thread loads while the first one watches the connections; it has ended before
anything is forked.
"""

import ctypes
import gc
import os
import queue
import select
import signal
import socket
import threading
from contextlib import suppress
from typing import Final

from changeover.manifest.manifest import Manifest
from changeover.process.log_events import configure, event
from predict_api.exceptions import ArtifactRefused, ArtifactUnavailable
from predict_api.model_process import scorer_fork
from predict_api.model_process.messages import (
    Failed,
    Fork,
    Give,
    Given,
    Join,
    Lost,
    NotGiven,
    Ready,
    receive,
    receive_bytes,
    send,
)
from predict_api.scoring.loading import Assembly, Loaded, reason_of

ALONE_SECONDS: Final = 30.0  # for which a new holder waits for the worker that started it
HELLO_SECONDS: Final = 10.0  # in which who connects has to say what for
LOAD_NICE: Final = 5  # requests come first, as in `predict_api/preparation/prepare_loop.py`
_ENDS: Final = (signal.SIGTERM, signal.SIGINT)


class Holder:
    """One version, its workers, and the thread that loads it. `run` returns when no worker is left."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._workers: dict[int, socket.socket] = {}
        self._suppliers: queue.SimpleQueue[tuple[socket.socket, Join]] = queue.SimpleQueue()
        self._told, self._tell = socket.socketpair()  # the thread has an outcome
        self._outcome: Loaded | Failed | None = None
        self._loading = threading.Thread(target=self._load, name="load", daemon=True)
        self._poll = select.poll()

    def run(self) -> None:
        """Load, then fork a scorer for whoever asks."""
        for number in _ENDS:
            signal.signal(number, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for scorers that have ended
        self._poll.register(self._listener, select.POLLIN)
        self._poll.register(self._told, select.POLLIN)
        self._loading.start()
        waited: float | None = ALONE_SECONDS
        while True:
            ready = self._poll.poll(None if waited is None else waited * 1000)
            for descriptor, _ in ready:
                if descriptor == self._listener.fileno():
                    self._accept()
                elif descriptor == self._told.fileno():
                    self._loaded()
                else:
                    self._forget(descriptor)
            if self._workers:
                waited = None
            elif waited is None or not ready:
                return
            if isinstance(self._outcome, Failed):
                return

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        connection.settimeout(HELLO_SECONDS)
        try:
            hello = receive(connection)
        except Lost:
            connection.close()
            return
        connection.settimeout(None)
        if isinstance(hello, Join):
            self._workers[connection.fileno()] = connection
            self._poll.register(connection, 0)  # its end, and nothing else: the thread may be reading from it
            if self._outcome is None:
                self._suppliers.put((connection, hello))
            else:
                self._say_outcome(connection)
        elif isinstance(hello, Fork) and isinstance(self._outcome, Loaded):
            self._fork(connection, self._outcome)
        else:
            connection.close()

    def _loaded(self) -> None:
        self._poll.unregister(self._told)
        self._loading.join()
        _settle_memory()
        for connection in list(self._workers.values()):
            self._say_outcome(connection)

    def _say_outcome(self, connection: socket.socket) -> None:
        with suppress(Lost):  # noticed by its end
            if isinstance(self._outcome, Failed):
                send(connection, self._outcome)
            elif self._outcome is not None:
                send(connection, Ready(self._outcome.twin is not None))

    def _forget(self, descriptor: int) -> None:
        connection = self._workers.pop(descriptor)
        self._poll.unregister(descriptor)
        with suppress(OSError):  # who is reading from it is told
            connection.shutdown(socket.SHUT_RDWR)
        connection.close()

    def _fork(self, connection: socket.socket, loaded: Loaded) -> None:
        """Only the thread that runs this is in a fork, and no lock is held by another: there is none but the log's."""
        try:
            child = os.fork()
        except OSError as error:  # no memory, or too many processes: the worker tries again
            event("scorer.not_started", level="error", reason=str(error))
            connection.close()
            return
        if child == 0:
            for other in (self._listener, self._told, self._tell, *self._workers.values()):
                other.close()
            scorer_fork.run_and_exit(connection, loaded)
        connection.close()

    def _load(self) -> None:
        """In a thread of its own: whatever the model's own code raises or does, the connections are watched."""
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LOAD_NICE)
        while self._outcome is None:
            connection, join = self._suppliers.get()
            try:
                self._outcome = _load_from(connection, join)
            except Lost:
                continue  # that worker has ended; another one that joined is asked
            except Exception as error:  # noqa: BLE001 a model's own code may raise anything while it loads or predicts
                self._outcome = Failed(reason_of(error))
        self._tell.send(b".")


def _load_from(connection: socket.socket, join: Join) -> Loaded:
    """The version that `join` asks for, from bytes that its worker sends; raises Lost, or what is wrong with it."""
    configure("predict_api", join.log_level)

    def twin_of(_: Manifest, expected: str) -> bytes:
        send(connection, Give(expected))
        said = receive(connection)
        if isinstance(said, NotGiven):
            raise (ArtifactRefused if said.refused else ArtifactUnavailable)(said.reason)
        return bytes(receive_bytes(connection))

    send(connection, Give(None))
    if not isinstance(receive(connection), Given):
        raise Lost("no artifact was given")
    return Assembly(twin_of, join.rules).loaded(bytes(receive_bytes(connection)), join.described)


def _settle_memory() -> None:
    """What is loaded stays as it is from here on: no collection writes to it, and nothing freed is kept."""
    gc.collect()
    gc.freeze()
    with suppress(OSError, AttributeError):  # only glibc has it
        ctypes.CDLL(None).malloc_trim(0)
