"""The workers' client of their instance's host: it starts the host, requests scorers, and scores by them.

The host listens in a directory that only this user can enter. If none listens, the worker starts one, under a lock, so
that an instance has one. A worker has threads, so a fork of it would not be safe: it starts a new interpreter.
"""

import json
import select
import socket
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
from filelock import FileLock

from changeover.estimator.scores import PLAIN, Options, Scores
from changeover.exceptions import ChangeoverError, ScoringFailed
from changeover.manifest.manifest import Manifest
from changeover.process.clock import now
from changeover.schema.cell_parsers import Cell
from model_runner.memory_file import sealed
from model_runner.messages import (
    Cause,
    FromScorer,
    Lost,
    Ready,
    RowErrors,
    ScoreRequest,
    ScoringError,
    close_all,
    encoded,
    receive,
    send,
)
from model_runner.pool.exceptions import (
    ModelCrashed,
    ModelOutOfMemory,
    ModelTimeout,
    NoRunner,
    NotConfined,
    NotPrepared,
)
from model_runner.pool.host_messages import (
    LONGEST,
    Artifact,
    ArtifactWanted,
    Attach,
    FromHost,
    HostSettings,
    Refused,
    ScorerWanted,
    Stuck,
    Why,
)
from model_runner.pool.processes import HOST_SOCKET, HostProcess
from model_runner.pool.scores_check import checked, checked_errors

LOCK_SECONDS: Final = 60.0
GRACE_SECONDS: Final = 0.25  # after its deadline, in which a scorer should have been ended by its own timer
_SHORTEST: Final = 0.01
_OF_HOST: Final[msgspec.msgpack.Decoder[FromHost]] = msgspec.msgpack.Decoder(FromHost)
_REFUSALS: Final = {Why.NOT_PREPARED: NotPrepared, Why.NO_RUNNER: NoRunner, Why.NOT_CONFINED: NotConfined}
_OF_SCORER: Final[msgspec.msgpack.Decoder[FromScorer]] = msgspec.msgpack.Decoder(FromScorer)


@dataclass(frozen=True)
class VersionSource:
    """A version: its manifest, and a function that returns its verified bytes, called only if they are needed.

    `twin` returns the bytes of an ONNX twin that the scorers use, empty if there is none at present.
    """

    manifest: Manifest
    artifact: Callable[[], bytes]
    twin: Callable[[], bytes] | None = None


class HostClient:
    """The client of the host; all workers of an instance share `directory`. Thread-safe."""

    def __init__(self, directory: Path, settings: HostSettings) -> None:
        self.path, self._settings = directory / HOST_SOCKET, settings
        self._starter = ThreadPoolExecutor(1, "host-starter")
        self._lock = threading.Lock()
        self._attached: socket.socket | None = None

    def begin(self, host: HostProcess | None = None) -> None:
        """Start the thread that starts the host, which inherits its priority: call this before lowering any.

        `host` has been started in this client's folder already, and waits for its settings.
        """
        if host is not None:
            host.configure(msgspec.json.encode(self._settings))
        else:
            self._starter.submit(self.path.parent.mkdir, mode=0o700, exist_ok=True).result()
        threading.Thread(target=self._warm, name="host-warm", daemon=True).start()

    def _warm(self) -> None:
        """Start the host before its first scorer is wanted; a failure is reported when one is."""
        with suppress(Lost, OSError):
            self._connect().close()

    def scorer(self, source: VersionSource, seconds: float | None = None, *, gently: bool = False) -> "Scorer":
        """A new scorer of the version, which is loaded and replayed first if no runner has it, within `seconds`.

        `gently`: no request waits for it, and others have priority.

        Raises NotPrepared, NoRunner, NotConfined, and the errors of `source.artifact`. If the host has ended, another is started.
        """
        deadline = None if seconds is None else now() + seconds
        try:
            try:
                return self._scorer(source, deadline, gently=gently)
            except (Lost, ConnectionError):
                return self._scorer(source, deadline, gently=gently)
        except TimeoutError as error:
            raise NoRunner("the model's process did not start in time; try again later") from error
        except (Lost, OSError) as error:
            raise NoRunner(f"the process that runs models cannot be reached: {error}") from error

    def _scorer(self, source: VersionSource, deadline: float | None, *, gently: bool) -> "Scorer":
        manifest, body = source.manifest, json.dumps(source.manifest.to_json()).encode()
        wanted = ScorerWanted(f"{manifest.model}/{manifest.version}", manifest.runner_environment, body, gently)
        lease = self._connect()
        try:
            send(lease, wanted)
            scorer = self._granted(lease, source, deadline, gently=gently)
        except BaseException:
            lease.close()
            raise
        lease.settimeout(None)
        return scorer

    def _granted(
        self, lease: socket.socket, source: VersionSource, deadline: float | None, *, gently: bool
    ) -> "Scorer":
        while True:
            content, descriptors = receive(lease, LONGEST, deadline)
            message = _OF_HOST.decode(content)
            if isinstance(message, ArtifactWanted):
                _send_artifact(lease, source, gently=gently)
            elif isinstance(message, Refused):
                raise _REFUSALS[message.why](message.reason)
            else:
                connection = socket.socket(fileno=descriptors[0])
                return Scorer(connection, lease, message.measures, twin=source.twin is not None)

    def _connect(self) -> socket.socket:
        """A connection to the host, of which another one of this worker is attached."""
        with self._lock:
            try:
                connection = _connected(self.path)
            except (FileNotFoundError, ConnectionRefusedError):
                self._start()
                connection = _connected(self.path)
                self._attached = None
            if self._attached is None:
                self._attached = _connected(self.path)
                send(self._attached, Attach())
        return connection

    def _start(self) -> None:
        with FileLock(self.path.with_suffix(".lock"), timeout=LOCK_SECONDS):
            with suppress(FileNotFoundError, ConnectionRefusedError):
                _connected(self.path).close()
                return
            self.path.unlink(missing_ok=True)  # the socket of a host that has ended
            host = self._starter.submit(HostProcess, self.path.parent).result()
            host.configure(msgspec.json.encode(self._settings))


class Scorer:
    """One scorer process of a version, for one request at a time: a scorer has a single thread.

    After a ModelTimeout, ModelCrashed or Lost it is closed, and the caller takes another one.
    """

    def __init__(
        self, connection: socket.socket, lease: socket.socket, measures: dict[str, bool], *, twin: bool = False
    ) -> None:
        self._connection, self._lease, self.measures, self._twin = connection, lease, measures, twin
        self._begun = False

    def score(self, columns: Sequence[Sequence[Cell]], rows: int, seconds: float, options: Options = PLAIN) -> Scores:
        """The scores of `rows` rows, a list of cells for each column in the schema's order, within `seconds`.

        Raises ModelTimeout, ModelCrashed or ModelOutOfMemory, after which this scorer is closed, RowsNotAnswered,
        ScoringFailed, and ChangeoverError for an error of ours.
        """
        began = now()
        try:
            request = ScoreRequest(rows, max(_SHORTEST, seconds), columns, options)
            response = self._exchange(request, began + seconds)
            if isinstance(response, Scores):
                return checked(response, rows, options, twin=self._twin)
            error_of_rows = checked_errors(response, rows) if isinstance(response, RowErrors) else None
        except TimeoutError as error:
            with suppress(Lost, OSError):  # its timer did not end it: the host does
                send(self._lease, Stuck())
            self.close()
            raise ModelTimeout(_too_long(seconds)) from error
        except Lost as error:
            self.close()
            if now() - began >= seconds:
                raise ModelTimeout(_too_long(seconds)) from error
            raise ModelCrashed("the model's process ended while it computed the answer") from error
        if error_of_rows is not None:
            raise error_of_rows
        assert isinstance(response, ScoringError)
        if response.cause is Cause.MEMORY:
            self.close()  # after such an error its state is unknown
            raise ModelOutOfMemory(response.reason) from RuntimeError(response.details)
        failed = ScoringFailed if response.cause is Cause.MODEL else ChangeoverError
        raise failed(response.reason) from RuntimeError(response.details)

    def is_alive(self) -> bool:
        """Whether the scorer has not ended, and is not closed here."""
        if self._connection.fileno() < 0:
            return False
        end = select.poll()
        end.register(self._connection, 0)  # its end is reported without being requested
        return not end.poll(0)

    def close(self) -> None:
        """Close the connections, which ends the scorer."""
        self._connection.close()
        self._lease.close()

    def _exchange(self, request: ScoreRequest, deadline: float) -> Scores | ScoringError | RowErrors:
        """Send the request and receive the response; raises Lost, or TimeoutError after the deadline."""
        content = encoded(request)
        until = deadline + GRACE_SECONDS
        try:
            self._connection.settimeout(max(_SHORTEST, until - now()))
            self._connection.sendall(content)
        except TimeoutError:
            raise
        except OSError as error:
            raise Lost(str(error)) from error
        most = (1 << 24) + request.rows * (1 << 14)
        while True:
            received, _ = receive(self._connection, most, until)
            try:
                response: Any = _OF_SCORER.decode(received)
            except (msgspec.MsgspecError, RecursionError) as error:
                raise Lost(f"a scorer sent what cannot be read: {error}") from error
            if not isinstance(response, Ready):
                return response  # type: ignore[no-any-return]
            if self._begun:
                raise Lost("a scorer began twice")
            self._begun = True


def _send_artifact(lease: socket.socket, source: VersionSource, *, gently: bool) -> None:
    """Send the artifact, and the ONNX twin if there is one; raises the errors of `source`."""
    files = [source.artifact(), source.twin() if source.twin is not None else b""]
    descriptors: list[int] = []
    try:
        descriptors.extend(sealed(content, gently=gently) for content in files if content)
        send(lease, Artifact(*map(len, files)), descriptors)
    finally:
        close_all(descriptors)


def memory_file(content: bytes) -> int:
    """A descriptor of a sealed memory file with `content`, which the caller closes. Raises OSError."""
    return sealed(content)


def _too_long(seconds: float) -> str:
    return f"the model took longer than {seconds:g} s for the answer (SCORE_TIMEOUT), and its process was ended"


def _connected(path: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(str(path))
    except BaseException:
        connection.close()
        raise
    return connection
