"""A scorer: a fork of a holder that computes the answers of one worker, over one connection, until that is closed.

What is loaded is shared with the holder page by page (copy on write): an answer writes to hardly any of it.
"""

import os
import signal
import socket
import traceback
from collections.abc import Mapping, Sequence

from changeover.estimator.scores import Scores
from changeover.exceptions import AskOriginal, ScoringFailed
from changeover.process.log_events import event, flush
from changeover.request.tensors import tensors
from changeover.schema.cell_parsers import Cell
from predict_api.model_process.messages import Answer, Ask, LeftToModel, Lost, Message, NotScored, Ready, receive, send
from predict_api.scoring.loading import Loaded
from predict_api.scoring.scorers import by_estimator, by_twin


def run_and_exit(connection: socket.socket, loaded: Loaded) -> None:
    """In the forked process: answer until the worker has closed the connection. Never returns."""
    status = 0
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        _serve(connection, loaded)
    except Lost:
        pass  # the worker needs it no longer, or has ended
    except BaseException as error:  # noqa: BLE001 the last resort of a process
        status = 1
        event("scorer.crashed", level="error", error=error)
    finally:
        flush()
        os._exit(status)  # what the holder would do at its end is not for its fork to do


def _serve(connection: socket.socket, loaded: Loaded) -> None:
    columns = [column.name for column in loaded.schema.columns]
    send(connection, Ready(loaded.twin is not None))
    while True:
        asked = receive(connection)
        if not isinstance(asked, Ask):
            raise Lost(f"a question was expected, not {type(asked).__name__}")
        answer = _answer(loaded, asked, dict(zip(columns, asked.columns, strict=True)))
        del asked
        try:
            send(connection, answer)
        except OverflowError as error:
            send(
                connection,
                NotScored(by_model=True, reason="the model returned a number beyond 64 bits", cause=str(error)),
            )


def _answer(loaded: Loaded, asked: Ask, columns: Mapping[str, Sequence[Cell]]) -> Message:
    try:
        scores = _scores(loaded, asked, columns)
    except AskOriginal:
        return LeftToModel()
    except ScoringFailed as error:
        return NotScored(by_model=True, reason=str(error), cause=traceback.format_exc())
    except Exception as error:  # noqa: BLE001 a model is foreign code; its scorer stays for the next question
        return NotScored(by_model=False, reason=f"{type(error).__name__}: {error}", cause=traceback.format_exc())
    return Answer(scores.labels, scores.probabilities, scores.classes)


def _scores(loaded: Loaded, asked: Ask, columns: Mapping[str, Sequence[Cell]]) -> Scores:
    if not asked.by_twin:
        return by_estimator(loaded.estimator, loaded.schema, columns, asked.rows)
    if loaded.twin is None or not asked.rows:
        raise AskOriginal("there is no twin, or there are no rows")
    return by_twin(loaded.twin, tensors(loaded.schema, columns, asked.rows))
