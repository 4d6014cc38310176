"""The worker's client of model processes: it connects to one or starts it, sends the bytes, and requests scorers.

Each version has a socket in a directory that only this user can enter. If no process listens on it, the worker starts a
model process, under a lock, so that an instance has one for each version. A worker has threads, so a fork of it would
not be safe: it starts a new interpreter.
"""

import json
import queue
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from filelock import FileLock

from changeover import digest
from changeover.exceptions import ChangeoverError
from changeover.manifest.manifest import Manifest
from changeover.process.log_events import event
from predict_api.exceptions import ArtifactRefused, ArtifactUnavailable
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
    send,
    send_bytes,
)
from predict_api.scoring.loading import Rules

TRIES: Final = 3  # a model process without workers may end between the connect and the first message
LOCK_SECONDS: Final = 60.0


class NotStarted(OSError):
    """A model process that cannot be started here."""


class NotPrepared(ChangeoverError):
    """A version that a model process could not prepare; the message is the one that a worker would report."""


class Silent(Lost):
    """A model process that ended before its first message."""


@dataclass(frozen=True)
class Bytes:
    """The sources of a version's verified bytes, read only if the model process needs the bytes of this worker."""

    artifact: Callable[[], bytes]
    twin: Callable[[str], bytes]  # by its SHA-256


class Holders:
    """The model processes that this worker uses or starts; all workers of an instance share `directory`."""

    def __init__(self, directory: Path, rules: Rules, log_level: str) -> None:
        self._directory, self._rules, self._log_level = directory, rules, log_level
        self._orders: queue.SimpleQueue[tuple[socket.socket, queue.SimpleQueue[OSError | None]]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._starter: threading.Thread | None = None

    def begin(self) -> None:
        """Start the thread that starts model processes. They inherit its priority, so call this before lowering any."""
        with self._lock:
            if self._starter is None:
                self._directory.mkdir(mode=0o700, exist_ok=True)
                self._starter = threading.Thread(target=self._run, name="holders", daemon=True)
                self._starter.start()

    def join(self, manifest: Manifest, given: Bytes) -> tuple[socket.socket, bool]:
        """A connection to the model process with the version, and whether the version has an ONNX twin.

        The model process ends with the connection. Raises NotPrepared, also if it ends TRIES times while it
        loads, and any error of `given`; OSError if it cannot be started.
        """
        hello = Join(
            json.dumps(manifest.to_json()).encode(),
            self._rules.extra_globals,
            self._rules.allow_version_skew,
            self._rules.runtime.value,
            self._log_level,
        )
        for rest in reversed(range(TRIES)):
            connection = self._reach(manifest)
            try:
                return connection, _joined(connection, hello, given)
            except Lost as error:
                connection.close()
                event("holder.lost", level="warning", model=manifest.model, version=manifest.version, reason=str(error))
                if not rest:
                    raise _given_up(error) from error
            except BaseException:
                connection.close()
                raise
        raise AssertionError("the last try returns or raises")

    def scorer(self, manifest: Manifest) -> socket.socket:
        """A connection to a new scorer of the version; `join` comes first. Raises Lost."""
        try:
            connection = _connect(self._path(manifest))
        except OSError as error:
            raise Lost(f"nobody holds the version: {error}") from error
        try:
            send(connection, Fork())
            if not isinstance(receive(connection), Ready):
                raise Lost("the holder has no scorer to give")
        except BaseException:
            connection.close()
            raise
        return connection

    def _reach(self, manifest: Manifest) -> socket.socket:
        path = self._path(manifest)
        with FileLock(path.with_suffix(".lock"), timeout=LOCK_SECONDS):
            try:
                return _connect(path)
            except (FileNotFoundError, ConnectionRefusedError):
                path.unlink(missing_ok=True)  # the socket of a process that has ended
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(str(path))
                listener.listen(64)
                said: queue.SimpleQueue[OSError | None] = queue.SimpleQueue()
                self._orders.put((listener, said))
                failed = said.get()
            if failed is not None:
                raise failed
            return _connect(path)

    def _path(self, manifest: Manifest) -> Path:
        """The path of the version's socket: short, since 107 bytes is the limit of Unix sockets.

        The model is part of it: two models may have the same bytes and different schemas.
        """
        return self._directory / f"{digest.sha256(f'{manifest.model}/{manifest.version}'.encode())[:20]}.sock"

    def _run(self) -> None:
        while True:
            listener, said = self._orders.get()
            try:
                started = subprocess.Popen(  # noqa: S603 our own interpreter and module, with a number
                    [sys.executable, "-m", "predict_api.model_process", str(listener.fileno())],
                    stdin=subprocess.DEVNULL,
                    pass_fds=(listener.fileno(),),
                )
            except OSError as error:
                said.put(error)
                continue
            said.put(None)
            threading.Thread(target=started.wait, name=f"holder-{started.pid}", daemon=True).start()


def _connect(path: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(str(path))
    except BaseException:
        connection.close()
        raise
    return connection


def _given_up(error: Lost) -> Exception:
    if isinstance(error, Silent):
        return NotStarted(f"holders do not start: {error}")
    return NotPrepared("the process that loads the version has ended each time: is there memory for it?")


def _joined(connection: socket.socket, hello: Join, given: Bytes) -> bool:
    """Wait until the version is ready, and send the bytes that the model process requests; whether it has a twin."""
    try:
        send(connection, hello)
        said = receive(connection)
    except Lost as error:
        raise Silent(str(error)) from error
    while True:
        if isinstance(said, Ready):
            return said.twin
        if isinstance(said, Failed):
            raise NotPrepared(said.reason)
        if not isinstance(said, Give):
            raise Lost(f"a holder does not say {type(said).__name__}")
        if said.twin is None:
            _give(connection, given.artifact())
        else:
            _give_twin(connection, given, said.twin)
        said = receive(connection)


def _give_twin(connection: socket.socket, given: Bytes, expected: str) -> None:
    try:
        twin = given.twin(expected)
    except (ArtifactUnavailable, ArtifactRefused) as error:
        send(connection, NotGiven(str(error), isinstance(error, ArtifactRefused)))
    else:
        _give(connection, twin)


def _give(connection: socket.socket, content: bytes) -> None:
    send(connection, Given())
    send_bytes(connection, content)
