"""The worker's client of model processes: it connects to one or starts it, sends the bytes, and requests scorers.

Each version has a socket in a directory that only this user can enter. If no process listens on it, the worker starts a
model process, under a lock, so that an instance has one for each version. A worker has threads, so a fork of it would
not be safe: it starts a new interpreter.
"""

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
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
    BytesRequest,
    BytesResponse,
    Failed,
    Fork,
    Join,
    Lost,
    Message,
    Ready,
    receive,
    send,
    send_bytes,
)
from predict_api.scoring.loading import LoadSettings

TRIES: Final = 3  # a model process without workers may end between the connect and the first message
LOCK_SECONDS: Final = 60.0


class NotPrepared(ChangeoverError):
    """A version that a model process could not prepare; the message is the one that a worker would report."""


class NoResponse(Lost):
    """A model process that ended before its first message."""


@dataclass(frozen=True)
class VersionBytes:
    """The sources of a version's verified bytes, read only if the model process needs the bytes of this worker."""

    artifact: Callable[[], bytes]
    twin: Callable[[str], bytes]  # by its SHA-256


class ModelProcesses:
    """The model processes that this worker uses or starts; all workers of an instance share `directory`."""

    def __init__(self, directory: Path, settings: LoadSettings, log_level: str) -> None:
        self._directory, self._settings, self._log_level = directory, settings, log_level
        self._starter = ThreadPoolExecutor(1, "model-process-starter")

    def begin(self) -> None:
        """Start the thread that starts model processes. They inherit its priority, so call this before lowering any."""
        self._starter.submit(self._directory.mkdir, mode=0o700, exist_ok=True).result()

    def join(self, manifest: Manifest, version_bytes: VersionBytes) -> tuple[socket.socket, bool]:
        """A connection to the model process with the version, and whether the version has an ONNX twin.

        The model process ends with the connection. Raises NotPrepared, also if it ends TRIES times while it loads, and
        any error of `version_bytes`; OSError if it cannot be started.
        """
        first = Join(json.dumps(manifest.to_json()).encode(), self._settings, self._log_level)
        failure = Lost()
        for _ in range(TRIES):
            connection = self._connect_or_start(manifest)
            try:
                return connection, _load(connection, first, version_bytes)
            except Lost as error:
                connection.close()
                event(
                    "model_process.lost",
                    level="warning",
                    model=manifest.model,
                    version=manifest.version,
                    reason=str(error),
                )
                failure = error
            except BaseException:
                connection.close()
                raise
        if isinstance(failure, NoResponse):
            raise ChildProcessError(f"model processes do not start: {failure}") from failure
        raise NotPrepared(
            "the process that loads the version has ended each time: is there memory for it?"
        ) from failure

    def scorer(self, manifest: Manifest) -> socket.socket:
        """A connection to a new scorer of the version; `join` comes first. Raises Lost."""
        try:
            connection = _connect(self._path(manifest))
        except OSError as error:
            raise Lost(f"no process has the version: {error}") from error
        try:
            send(connection, Fork())
            if not isinstance(receive(connection), Ready):
                raise Lost("the model process did not fork a scorer")
        except BaseException:
            connection.close()
            raise
        return connection

    def _connect_or_start(self, manifest: Manifest) -> socket.socket:
        path = self._path(manifest)
        with FileLock(path.with_suffix(".lock"), timeout=LOCK_SECONDS):
            try:
                return _connect(path)
            except (FileNotFoundError, ConnectionRefusedError):
                path.unlink(missing_ok=True)  # the socket of a process that has ended
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(str(path))
                listener.listen(64)
                process = self._starter.submit(
                    subprocess.Popen,
                    [sys.executable, "-m", "predict_api.model_process", str(listener.fileno())],
                    stdin=subprocess.DEVNULL,
                    pass_fds=(listener.fileno(),),
                ).result()
            threading.Thread(target=process.wait, name=f"model-process-{process.pid}", daemon=True).start()
            return _connect(path)

    def _path(self, manifest: Manifest) -> Path:
        """The path of the version's socket: short, since 107 bytes is the limit of Unix sockets.

        The model is part of it: two models may have the same bytes and different schemas.
        """
        return self._directory / f"{digest.sha256(f'{manifest.model}/{manifest.version}'.encode())[:20]}.sock"


def _connect(path: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(str(path))
    except BaseException:
        connection.close()
        raise
    return connection


def _load(connection: socket.socket, first: Join, version_bytes: VersionBytes) -> bool:
    """Wait until the version is ready, and send the bytes that the model process requests; whether it has a twin."""
    try:
        send(connection, first)
        message: Message = receive(connection)
    except Lost as error:
        raise NoResponse(str(error)) from error
    while isinstance(message, BytesRequest):
        _send_version(connection, version_bytes, message.twin)
        message = receive(connection)
    if isinstance(message, Failed):
        raise NotPrepared(message.reason)
    if not isinstance(message, Ready):
        raise Lost(f"a model process does not send {type(message).__name__}")
    return message.twin


def _send_version(connection: socket.socket, version_bytes: VersionBytes, twin: str | None) -> None:
    """Send the artifact, whose errors propagate, or the ONNX twin, without which the version can be loaded."""
    try:
        content = version_bytes.artifact() if twin is None else version_bytes.twin(twin)
    except (ArtifactUnavailable, ArtifactRefused) as error:
        if twin is None:
            raise
        send(connection, BytesResponse(str(error), isinstance(error, ArtifactRefused)))
    else:
        send(connection, BytesResponse())
        send_bytes(connection, content)
