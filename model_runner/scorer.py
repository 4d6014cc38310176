"""The scorer: a fork of a runner that scores for one connection until it closes.

It shares the pages of the loaded model (copy on write): scoring writes to hardly any of them. An interval timer kills
it at the deadline of a request, whatever the model's code does.
"""

import errno
import signal
import socket
import traceback
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Final

import msgspec
from joblib import parallel_config

from changeover.estimator.failed_rows import answered
from changeover.estimator.inputs import Feed, feeding
from changeover.estimator.libraries.find import adapted
from changeover.estimator.scores import Scores
from changeover.estimator.scoring import score
from changeover.exceptions import AskOriginal, RowsNotAnswered, ScoringFailed
from changeover.onnx_twin.scoring import score_by_twin
from changeover.onnx_twin.session import TwinRunner
from changeover.process.clock import now
from changeover.schema.cell_parsers import Cell
from changeover.schema.schema import Schema
from model_runner.confinement.confine import forbid_forks
from model_runner.messages import (
    LONGEST_REQUEST,
    Cause,
    Lost,
    Ready,
    RowErrors,
    ScoreRequest,
    ScoringError,
    receive,
    write,
)

_DECODER: Final = msgspec.msgpack.Decoder(ScoreRequest)
_IGNORE: Final = ("ignore", None, Warning, None, 0)  # the filter in the form in which `warnings` stores it


@dataclass(frozen=True)
class Scoring:
    """A version that is loaded and warm."""

    estimator: object
    schema: Schema
    known_good: Mapping[str, Sequence[Cell]] | None = None  # a row that the model answers
    twin: TwinRunner | None = None  # it scores the rows that it supports
    without_twin: str = ""  # why there is none, though the runner got one

    @cached_property
    def feed(self) -> Feed:
        """The function from columns to the estimator's input."""
        return feeding(adapted(self.estimator), self.schema)


def run(connection: socket.socket, scoring: Scoring) -> None:
    """Score, in the forked process, until the connection closes."""
    forbid_forks()
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    write(connection, Ready())
    with suppress(Lost):
        while True:
            content, _ = receive(connection, LONGEST_REQUEST)
            request = _DECODER.decode(content)
            del content
            answer(connection, scoring, request)
            del request  # a large batch would stay in memory until the next one


def answer(connection: socket.socket, scoring: Scoring, request: ScoreRequest) -> None:
    """Send the scores, or the error; raises Lost. The kernel ends this process after the seconds of the request."""
    signal.setitimer(signal.ITIMER_REAL, request.seconds)
    response = _response(scoring, request)
    try:
        write(connection, response)
    except OverflowError as error:
        write(connection, ScoringError(Cause.MODEL, "the model returned a number beyond 64 bits", str(error)))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _response(scoring: Scoring, request: ScoreRequest) -> Scores | ScoringError | RowErrors:
    half = now() + request.seconds / 2
    try:
        columns = {column.name: cells for column, cells in zip(scoring.schema.columns, request.columns, strict=True)}
        _ignore_warnings()

        def call(rows: Sequence[int]) -> Scores:
            some = columns if len(rows) == request.rows else _of_rows(columns, rows)
            return _scored(scoring, some, len(rows), request.options.include)

        # whatever n_jobs says: the confinement forbids the processes and semaphores of a pool
        with parallel_config(backend="sequential"):
            on_error, known_good = request.options.on_error, partial(_known_good, scoring)
            return answered(call, request.rows, on_error, known_good, lambda: now() < half)
    except MemoryError as error:
        return _out_of_memory(error)
    except RowsNotAnswered as error:
        return RowErrors(error.rows, error.total)
    except ScoringFailed as error:
        return ScoringError(Cause.MODEL, str(error), traceback.format_exc())
    except Exception as error:  # noqa: BLE001  a model's own code may raise anything; the scorer stays for the next request
        return ScoringError(Cause.RUNNER, f"{type(error).__name__}: {error}", traceback.format_exc())


def _scored(scoring: Scoring, columns: Mapping[str, Sequence[Cell]], rows: int, include: Sequence[str]) -> Scores:
    """The scores of one call; raises ScoringFailed, or MemoryError."""
    if scoring.twin is not None and not include:
        with suppress(AskOriginal):
            return score_by_twin(scoring.twin, scoring.schema, columns, rows)
    try:
        return score(scoring.estimator, scoring.schema, columns, rows, scoring.feed, include)
    except ScoringFailed as error:
        if _is_of_memory(error.__cause__):
            raise MemoryError(str(error)) from error
        raise


def _of_rows(columns: Mapping[str, Sequence[Cell]], rows: Sequence[int]) -> dict[str, list[Cell]]:
    return {name: [cells[row] for row in rows] for name, cells in columns.items()}


def _known_good(scoring: Scoring) -> Scores | None:
    """The scores of the row that the model answered when it was prepared, or None."""
    if scoring.known_good is None:
        return None
    try:
        return _scored(scoring, scoring.known_good, 1, ())
    except ScoringFailed:
        return None


def _is_of_memory(error: BaseException | None) -> bool:
    return isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM)


def _out_of_memory(error: Exception) -> ScoringError:
    return ScoringError(Cause.MEMORY, "the model needs more memory than RUNNER_MEMORY_BYTES", str(error))


def _ignore_warnings() -> None:
    """Ignore all warnings in this process, by a single filter; admission has shown them to the publisher.

    scikit-learn sets all filters again for each tree of a forest. With the filters that libraries add, this takes as
    long as the trees.
    """
    if warnings.filters != [_IGNORE]:
        warnings.resetwarnings()
        warnings.simplefilter("ignore")
