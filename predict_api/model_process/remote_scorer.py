"""The remote scorer: a worker's scorer for a version in a model process.

A scorer or a model process that ends is replaced, and the request is sent again: scoring changes nothing. Requests that
wait for the estimator are scored in micro-batches, as in `predict_api/scoring/scorers.py`.
"""

import socket
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from changeover.estimator.scores import Scores
from changeover.exceptions import ChangeoverError, ScoringFailed
from changeover.manifest.manifest import Manifest
from changeover.process.log_events import event
from changeover.schema.cell_parsers import Cell
from predict_api.model_process.client import Bytes, Holders
from predict_api.model_process.messages import Answer, Ask, LeftToModel, Lost, Message, NotScored, receive, send
from predict_api.scoring.batching import MOST_ROWS, Joined
from predict_api.scoring.interfaces import Asked, Computed, Runtime

SCORERS: Final = 3  # that may end during one request
_ALL_ENDED: Final = "the process that computes answers has ended, and so have its successors"


class ByHolder:
    """The scorer of one version for one worker: connections to scorers of its model process."""

    def __init__(self, version: "SharedVersion", names: Sequence[str]) -> None:
        """`names` are the columns in the schema's order."""
        self._version = version
        # large batches have a second scorer, so that single rows do not wait for them; it is forked at its first use
        small, large = Line(version), Line(version)
        self._ask = ask = _by_size(small, large)
        self._names = names

        def by_estimator(columns: Mapping[str, Sequence[Cell]], rows: int) -> Scores:
            return _scores(ask(Ask(by_twin=False, rows=rows, columns=_cells(columns, names))))

        self._joined = Joined(by_estimator)
        weakref.finalize(self, _close, small, large, version)

    def score(self, asked: Asked) -> Computed:
        """The scores of typed rows; raises ScoringFailed."""
        columns, rows = asked.columns, asked.rows
        if self._version.has_twin:
            answer = self._ask(Ask(by_twin=True, rows=rows, columns=_cells(columns, self._names)))
            if not isinstance(answer, LeftToModel):
                return Computed(_scores(answer), Runtime.ONNX)
        return Computed(self._joined.score(columns, rows), Runtime.SKLEARN)


class SharedVersion:
    """A version that this worker has joined; it joins again when the model process has ended. Thread-safe."""

    def __init__(self, holders: Holders, manifest: Manifest, given: Bytes, again: Bytes) -> None:
        """Join; raises the errors of `Holders.join`. `again` has the bytes for a replacement of the model process."""
        self._holders, self.manifest, self._again = holders, manifest, again
        self._lock = threading.Lock()
        self._membership, self.has_twin = holders.join(manifest, given)

    def scorer(self) -> socket.socket:
        """A connection to a new scorer, of a new model process if need be; raises Lost or errors of `Holders.join`."""
        with self._lock:
            try:
                return self._holders.scorer(self.manifest)
            except Lost:
                membership, _ = self._holders.join(self.manifest, self._again)
                self._membership.close()
                self._membership = membership
                return self._holders.scorer(self.manifest)

    def close(self) -> None:
        """Close the connection to the model process."""
        self._membership.close()


class Line:
    """The connection to one scorer, for one request at a time: a scorer is a fork with a single thread."""

    def __init__(self, version: SharedVersion) -> None:
        self._version = version
        self._lock = threading.Lock()
        self._connection: socket.socket | None = None

    def ask(self, question: Ask) -> Message:
        """The response of a scorer, or of its replacement; raises ScoringFailed if SCORERS end or none can start."""
        with self._lock:
            for left in reversed(range(SCORERS)):
                try:
                    return self._once(question)
                except Lost as error:
                    self._note("scorer.replaced" if left else "scorer.lost", "warning" if left else "error", error)
                    if not left:
                        raise ScoringFailed(_ALL_ENDED) from error
                except (OSError, ChangeoverError) as error:
                    if left == SCORERS - 1:
                        raise
                    self._note("scorer.lost", "error", error)
                    raise ScoringFailed(_ALL_ENDED) from error
        raise AssertionError("the last one is answered by or raises")

    def close(self) -> None:
        """Close the connection, which ends the scorer."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _once(self, question: Ask) -> Message:
        if self._connection is None:
            self._connection = self._version.scorer()
        try:
            send(self._connection, question)
            return receive(self._connection)
        except BaseException:
            self.close()
            raise

    def _note(self, name: str, level: str, error: Exception) -> None:
        manifest = self._version.manifest
        event(name, level=level, model=manifest.model, version=manifest.version, reason=str(error))


def _by_size(small: Line, large: Line) -> Callable[[Ask], Message]:
    def ask(question: Ask) -> Message:
        return (large if question.rows > MOST_ROWS else small).ask(question)

    return ask


def _scores(answer: Message) -> Scores:
    if isinstance(answer, Answer):
        return Scores(answer.labels, answer.probabilities, answer.classes)
    if isinstance(answer, NotScored):
        failed = ScoringFailed if answer.by_model else ChangeoverError
        raise failed(answer.reason) from RuntimeError(answer.cause)
    raise ChangeoverError(f"a scorer does not say {type(answer).__name__}")


def _cells(columns: Mapping[str, Sequence[Cell]], names: Sequence[str]) -> list[Sequence[Cell]]:
    return [columns[name] for name in names]


def _close(small: Line, large: Line, version: SharedVersion) -> None:
    for one in (small, large, version):
        one.close()
