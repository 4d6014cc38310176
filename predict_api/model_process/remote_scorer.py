"""The remote scorer: a worker's scorer for a version in a model process.

A scorer or a model process that ends is replaced, and the request is sent again: scoring changes nothing. Requests that
wait for the estimator are scored in micro-batches, as in `predict_api/scoring/scorers.py`.
"""

import socket
import threading
import weakref
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from changeover.estimator.scores import Scores
from changeover.exceptions import AskOriginal, ChangeoverError, ScoringFailed
from changeover.manifest.manifest import Manifest
from changeover.process.log_events import event
from changeover.schema.cell_parsers import Cell
from changeover.schema.schema import Schema
from predict_api.model_process.client import ModelProcesses, VersionBytes
from predict_api.model_process.messages import Lost, Message, ScoreRequest, ScoringError, Unsupported, receive, send
from predict_api.scoring.batching import MOST_ROWS, Batcher
from predict_api.scoring.interfaces import RequestRows

SCORERS: Final = 3  # that may end during one request


class RemoteScorer:
    """The scorer of one version for one worker: connections to scorers of its model process."""

    def __init__(self, version: "SharedVersion", schema: Schema) -> None:
        names = [column.name for column in schema.columns]
        # large batches have a second scorer, so that single rows do not wait for them; it is forked at its first use
        small, large = ScorerConnection(version), ScorerConnection(version)

        def score(columns: Mapping[str, Sequence[Cell]], rows: int, *, by_twin: bool) -> Scores:
            request = ScoreRequest(by_twin=by_twin, rows=rows, columns=[columns[name] for name in names])
            return _scores((large if rows > MOST_ROWS else small).ask(request))

        self._by_twin = partial(score, by_twin=True) if version.has_twin else None
        self._batcher = Batcher(partial(score, by_twin=False))
        weakref.finalize(self, _close, small, large, version)

    def score(self, rows: RequestRows) -> Scores:
        """The scores of typed rows; raises ScoringFailed."""
        if self._by_twin is not None:
            try:
                return self._by_twin(rows.columns, rows.rows)
            except AskOriginal:
                pass
        return self._batcher.score(rows.columns, rows.rows)


class SharedVersion:
    """A version that this worker has joined; it joins again when the model process has ended. Thread-safe."""

    def __init__(
        self, processes: ModelProcesses, manifest: Manifest, version_bytes: VersionBytes, again: VersionBytes
    ) -> None:
        """Join; raises the errors of `ModelProcesses.join`. `again` has the bytes for a replacement of the process."""
        self._processes, self.manifest, self._again = processes, manifest, again
        self._lock = threading.Lock()
        self._connection, self.has_twin = processes.join(manifest, version_bytes)

    def scorer(self) -> socket.socket:
        """A connection to a new scorer, of a new model process if necessary.

        Raises Lost or the errors of `ModelProcesses.join`.
        """
        with self._lock:
            try:
                return self._processes.scorer(self.manifest)
            except Lost:
                connection, _ = self._processes.join(self.manifest, self._again)
                self._connection.close()
                self._connection = connection
                return self._processes.scorer(self.manifest)

    def close(self) -> None:
        """Close the connection to the model process."""
        self._connection.close()


class ScorerConnection:
    """The connection to one scorer, for one request at a time: a scorer is a fork with a single thread."""

    def __init__(self, version: SharedVersion) -> None:
        self._version = version
        self._lock = threading.Lock()
        self._connection: socket.socket | None = None

    def ask(self, request: ScoreRequest) -> Message:
        """The response of a scorer, or of its replacement; raises ScoringFailed if SCORERS end or none can start."""
        failure: Exception = Lost()
        with self._lock:
            for left in reversed(range(SCORERS)):
                try:
                    return self._once(request)
                except Lost as error:
                    failure = error
                    if left:
                        self._note("scorer.replaced", "warning", error)
                except (OSError, ChangeoverError) as error:
                    failure = error
                    break
            self._note("scorer.lost", "error", failure)
        raise ScoringFailed("the process that computes answers has ended, and so have its successors") from failure

    def close(self) -> None:
        """Close the connection, which ends the scorer."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _once(self, request: ScoreRequest) -> Message:
        if self._connection is None:
            self._connection = self._version.scorer()
        try:
            send(self._connection, request)
            return receive(self._connection)
        except BaseException:
            self.close()
            raise

    def _note(self, name: str, level: str, error: Exception) -> None:
        manifest = self._version.manifest
        event(name, level=level, model=manifest.model, version=manifest.version, reason=str(error))


def _scores(response: Message) -> Scores:
    """The scores in the response of a scorer; raises AskOriginal, ScoringFailed, or ChangeoverError."""
    if isinstance(response, Scores):
        return response
    if isinstance(response, Unsupported):
        raise AskOriginal("the twin does not support these rows")
    if isinstance(response, ScoringError):
        failed = ScoringFailed if response.by_model else ChangeoverError
        raise failed(response.reason) from RuntimeError(response.cause)
    raise ChangeoverError(f"a scorer does not send {type(response).__name__}")


def _close(small: ScorerConnection, large: ScorerConnection, version: SharedVersion) -> None:
    for part in (small, large, version):
        part.close()
