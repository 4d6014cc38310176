"""The forked scorer: a fork of a model process that scores for one worker until their connection closes.

The fork shares the pages of the loaded model (copy on write): scoring writes to hardly any of them.
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
    """Score, in the forked process, until the worker closes the connection. Never returns."""
    status = 0
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        _serve(connection, loaded)
    except Lost:
        pass  # the worker closed the connection, or has ended
    except BaseException as error:  # noqa: BLE001 the last handler of the process
        status = 1
        event("scorer.crashed", level="error", error=error)
    finally:
        flush()
        os._exit(status)  # skips the exit handlers of the model process


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
    except Exception as error:  # noqa: BLE001 a model's own code may raise anything; the scorer stays for the next request
        return NotScored(by_model=False, reason=f"{type(error).__name__}: {error}", cause=traceback.format_exc())
    return Answer(scores.labels, scores.probabilities, scores.classes)


def _scores(loaded: Loaded, asked: Ask, columns: Mapping[str, Sequence[Cell]]) -> Scores:
    if not asked.by_twin:
        return by_estimator(loaded.estimator, loaded.schema, columns, asked.rows)
    if loaded.twin is None or not asked.rows:
        raise AskOriginal("there is no twin, or there are no rows")
    return by_twin(loaded.twin, tensors(loaded.schema, columns, asked.rows))
