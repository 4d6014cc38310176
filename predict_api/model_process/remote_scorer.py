"""How a worker answers by a version that a holder has: the same answers as from its own memory, one process away.

Carries *availability*: a scorer or a holder that ends, however it does, is replaced and the question asked again, as
scoring changes nothing. Who waits for the estimator is scored in one call with the others, as in `predict_api/scoring/scorers.py`.
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

SCORERS: Final = 3  # that may end over one question
_ALL_ENDED: Final = "the process that computes answers has ended, and so have its successors"


class ByHolder:
    """The scorers that one worker has of one version."""

    def __init__(self, version: "SharedVersion", names: Sequence[str]) -> None:
        """`names` are the columns in the schema's order."""
        self._version = version
        # a large batch has a scorer of its own, so that single rows do not wait for it; it is forked at first use
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
    """A version that this worker has joined; joined anew when its holder has ended. Safe for threads."""

    def __init__(self, holders: Holders, manifest: Manifest, given: Bytes, again: Bytes) -> None:
        """Join; raises what `Holders.join` does. `again` gives the bytes when what has loaded them has ended."""
        self._holders, self.manifest, self._again = holders, manifest, again
        self._lock = threading.Lock()
        self._membership, self.has_twin = holders.join(manifest, given)

    def scorer(self) -> socket.socket:
        """A connection to a new scorer; raises Lost, or what `Holders.join` does where the holder has to be replaced."""
        with self._lock:
            try:
                return self._holders.scorer(self.manifest)
            except Lost:
                membership, _ = self._holders.join(self.manifest, self._again)
                self._membership.close()
                self._membership = membership
                return self._holders.scorer(self.manifest)

    def close(self) -> None:
        """Use it no longer."""
        self._membership.close()


class Line:
    """One connection to one scorer, and a question on it at a time: a scorer has one thread, as it is a fork."""

    def __init__(self, version: SharedVersion) -> None:
        self._version = version
        self._lock = threading.Lock()
        self._connection: socket.socket | None = None

    def ask(self, question: Ask) -> Message:
        """What is answered, by another scorer if one has ended; raises ScoringFailed if SCORERS end, or none can be had."""
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
        """End the scorer."""
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
