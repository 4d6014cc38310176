"""The model process: it has one large version loaded for all workers of an instance, and forks their scorers.

A worker sends the bytes. This process checks their hash and loads that same buffer. It runs while a worker is
connected, so it ends with the instance. It ignores SIGTERM and SIGINT: the workers obey them, and finish their requests
first. A second thread loads while the main thread watches the connections; it ends before the first fork.
"""

import ctypes
import gc
import json
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
    BytesRequest,
    BytesResponse,
    Failed,
    Fork,
    Join,
    Lost,
    Ready,
    receive,
    receive_bytes,
    send,
)
from predict_api.scoring.loading import LoadedVersion, Loader, reason_of

ALONE_SECONDS: Final = 30.0  # for which a new model process waits for its first worker
FIRST_MESSAGE_SECONDS: Final = 10.0  # for the first message on a connection
LOAD_NICE: Final = 5  # requests have priority, as in `predict_api/preparation/prepare_loop.py`
_STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


class ModelProcess:
    """The model process of one version. `run` returns when no worker is left."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._workers: dict[int, socket.socket] = {}
        self._joined: queue.SimpleQueue[tuple[socket.socket, Join]] = queue.SimpleQueue()
        self._loaded, self._notify = socket.socketpair()  # the loading thread writes a byte when it has an outcome
        self._outcome: LoadedVersion | Failed | None = None
        self._loading = threading.Thread(target=self._load, name="load", daemon=True)
        self._poll = select.poll()

    def run(self) -> None:
        """Load the version, then fork a scorer for each worker that requests one."""
        for number in _STOP_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps scorers that have ended
        self._poll.register(self._listener, select.POLLIN)
        self._poll.register(self._loaded, select.POLLIN)
        self._loading.start()
        waited: float | None = ALONE_SECONDS
        while True:
            ready = self._poll.poll(None if waited is None else waited * 1000)
            for descriptor, _ in ready:
                if descriptor == self._listener.fileno():
                    self._accept()
                elif descriptor == self._loaded.fileno():
                    self._end_loading()
                else:
                    self._remove_worker(descriptor)
            if self._workers:
                waited = None
            elif waited is None or not ready:
                return
            if isinstance(self._outcome, Failed):
                return

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        connection.settimeout(FIRST_MESSAGE_SECONDS)
        try:
            first = receive(connection)
        except Lost:
            connection.close()
            return
        connection.settimeout(None)
        if isinstance(first, Join):
            self._workers[connection.fileno()] = connection
            self._poll.register(connection, 0)  # only its end: the loading thread may be reading from it
            if self._outcome is None:
                self._joined.put((connection, first))
            else:
                self._send_outcome(connection)
        elif isinstance(first, Fork) and isinstance(self._outcome, LoadedVersion):
            self._fork(connection, self._outcome)
        else:
            connection.close()

    def _end_loading(self) -> None:
        self._poll.unregister(self._loaded)
        self._loading.join()
        _settle_memory()
        for connection in list(self._workers.values()):
            self._send_outcome(connection)

    def _send_outcome(self, connection: socket.socket) -> None:
        with suppress(Lost):  # the poll reports its end
            if isinstance(self._outcome, Failed):
                send(connection, self._outcome)
            elif self._outcome is not None:
                send(connection, Ready(self._outcome.twin is not None))

    def _remove_worker(self, descriptor: int) -> None:
        connection = self._workers.pop(descriptor)
        self._poll.unregister(descriptor)
        with suppress(OSError):  # ends a read of the loading thread
            connection.shutdown(socket.SHUT_RDWR)
        connection.close()

    def _fork(self, connection: socket.socket, version: LoadedVersion) -> None:
        """Fork a scorer. It is safe here: the loading thread has ended, and the only other thread is the log's."""
        try:
            child = os.fork()
        except OSError as error:  # no memory, or too many processes: the worker tries again
            event("scorer.not_started", level="error", reason=str(error))
            connection.close()
            return
        if child == 0:
            for other in (self._listener, self._loaded, self._notify, *self._workers.values()):
                other.close()
            scorer_fork.run_and_exit(connection, version)
        connection.close()

    def _load(self) -> None:
        """Load in the second thread, so that the main thread watches the connections whatever the model's code does."""
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LOAD_NICE)
        while self._outcome is None:
            connection, join = self._joined.get()
            try:
                self._outcome = _load_from(connection, join)
            except Lost:
                continue  # that worker has ended; the next one that joined sends the bytes
            except Exception as error:  # noqa: BLE001 a model's own code may raise anything while it loads or predicts
                self._outcome = Failed(reason_of(error))
        self._notify.send(b".")


def _load_from(connection: socket.socket, join: Join) -> LoadedVersion:
    """The version of `join`, from the bytes that its worker sends; raises Lost, or any error of the version."""
    configure("predict_api", join.log_level)

    def request_bytes(twin: str | None) -> bytes:
        send(connection, BytesRequest(twin))
        response = receive(connection)
        if not isinstance(response, BytesResponse):
            raise Lost(f"bytes were requested, not {type(response).__name__}")
        if response.error is not None:
            raise (ArtifactRefused if response.refused else ArtifactUnavailable)(response.error)
        return bytes(receive_bytes(connection))

    artifact = request_bytes(None)
    manifest = Manifest.from_json(json.loads(join.manifest))
    return Loader(lambda _, twin: request_bytes(twin), join.settings).loaded(artifact, manifest)


def _settle_memory() -> None:
    """Freeze the loaded objects, so that no collection writes to shared pages; return freed memory to the system."""
    gc.collect()
    gc.freeze()
    with suppress(OSError, AttributeError):  # only glibc has this function
        ctypes.CDLL(None).malloc_trim(0)
