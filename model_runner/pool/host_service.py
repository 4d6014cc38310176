"""The service of the host to the workers: it grants scorers, and ends what hangs. It never reads an artifact."""

import socket
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from changeover.environments.exceptions import InvalidEnvironment
from changeover.manifest.manifest import DEFAULT_ENVIRONMENT
from changeover.process.clock import now
from changeover.process.log_events import event
from model_runner.messages import Lost, close_all, receive, send
from model_runner.pool.environments import Zygotes
from model_runner.pool.exceptions import NoRunner, NotConfined, NotPrepared, RunnerEnded
from model_runner.pool.host_messages import (
    LONGEST,
    Artifact,
    ArtifactWanted,
    Attach,
    Granted,
    HostSettings,
    Refused,
    ScorerWanted,
    Stuck,
    ToHost,
    Why,
)
from model_runner.pool.processes import ZygoteProcess
from model_runner.pool.versions import Grant, Versions

ZYGOTE_IDLE_SECONDS: Final = 60.0  # without a runner: until then, rows that need one do not wait for its imports
ALONE_SECONDS: Final = 30.0  # for which a new host waits for its first worker
GRACE_SECONDS: Final = 5.0  # for which it waits for another one after the last
FIRST_MESSAGE_SECONDS: Final = 10.0
ARTIFACT_SECONDS: Final = 120.0  # for a worker to download it
_DECODER: Final[msgspec.msgpack.Decoder[ToHost]] = msgspec.msgpack.Decoder(ToHost)


class Host:
    """The host of one instance: a thread for each connection. `run` returns when no worker is left."""

    def __init__(self, listener: socket.socket, settings: HostSettings, early: ZygoteProcess | None = None) -> None:
        """`early` is a zygote of the default environment that was started before the settings were known."""
        directory = Path(settings.environments_dir) if settings.environments_dir else None
        self._zygotes = Zygotes(directory, settings.preload, settings.environments, ZYGOTE_IDLE_SECONDS, early)
        self._listener = listener
        self._versions = Versions(self._zygotes, settings)
        self._lock = threading.Lock()
        self._connections = 0
        self._alone_since = now()
        self._patience = ALONE_SECONDS

    def warm(self) -> None:
        """Start the zygote of the default environment: most versions need it, and its imports take a second."""
        with suppress(OSError, InvalidEnvironment):
            if (zygote := self._zygotes.find(DEFAULT_ENVIRONMENT)) is not None:
                zygote.warm()

    def run(self) -> None:
        """Serve the workers."""
        while True:
            self._listener.settimeout(1.0)
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                self._versions.end_idle(now())
                if self._is_alone(now()):
                    break
                continue
            with self._lock:
                self._connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()
        self._zygotes.kill()

    def _is_alone(self, time: float) -> bool:
        with self._lock:
            return not self._connections and time - self._alone_since > self._patience

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection, suppress(Lost, TimeoutError):
                first, descriptors = _message(connection, now() + FIRST_MESSAGE_SECONDS)
                close_all(descriptors)
                if isinstance(first, Attach):
                    connection.settimeout(None)
                    _message(connection, None)  # it sends nothing more: this waits for its end
                elif isinstance(first, ScorerWanted):
                    self._serve_scorer(connection, first)
        finally:
            with self._lock:
                self._connections -= 1
                self._alone_since, self._patience = now(), GRACE_SECONDS

    def _serve_scorer(self, connection: socket.socket, wanted: ScorerWanted) -> None:
        def artifact() -> tuple[list[int], Artifact]:
            connection.settimeout(ARTIFACT_SECONDS)
            send(connection, ArtifactWanted())
            message, descriptors = _message(connection, now() + ARTIFACT_SECONDS)
            if not isinstance(message, Artifact) or len(descriptors) != (2 if message.twin_size else 1):
                close_all(descriptors)
                raise Lost("an artifact was expected")
            return descriptors, message

        try:
            grant = self._versions.grant(wanted, artifact)
        except NotPrepared as error:
            send(connection, Refused(Why.NOT_PREPARED, str(error)))
            return
        except (RunnerEnded, NoRunner, OSError) as error:
            why = Why.NOT_CONFINED if isinstance(error, NotConfined) else Why.NO_RUNNER
            send(connection, Refused(why, str(error)))
            return
        try:
            self._lend(connection, grant)
        finally:
            self._versions.take_back(grant, now())

    def _lend(self, connection: socket.socket, grant: Grant) -> None:
        with grant.scorer:
            send(connection, Granted(grant.runner.measures), [grant.scorer.fileno()])
        connection.settimeout(None)
        message, descriptors = _message(connection, None)
        close_all(descriptors)
        if isinstance(message, Stuck):
            event("runner.stuck", level="error", key=grant.key, stderr=grant.runner.stderr.text(2000))
            self._versions.end(grant)


def _message(connection: socket.socket, deadline: float | None) -> tuple[ToHost, list[int]]:
    content, descriptors = receive(connection, LONGEST, deadline)
    try:
        return _DECODER.decode(content), descriptors
    except msgspec.MsgspecError as error:
        close_all(descriptors)
        raise Lost(f"a message cannot be read: {error}") from error
