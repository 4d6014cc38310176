"""The forked scorer: a fork of a model process that scores for one worker until their connection closes.

The fork shares the pages of the loaded model (copy on write): scoring writes to hardly any of them.
"""

import os
import signal
import socket
import traceback

from changeover.exceptions import AskOriginal, ScoringFailed
from changeover.process.log_events import event, flush
from predict_api.model_process.messages import (
    Lost,
    Message,
    Ready,
    ScoreRequest,
    ScoringError,
    Unsupported,
    receive,
    send,
)
from predict_api.scoring.loading import LoadedVersion
from predict_api.scoring.scorers import score_by_estimator, score_by_twin


def run_and_exit(connection: socket.socket, version: LoadedVersion) -> None:
    """Score, in the forked process, until the worker closes the connection. Never returns."""
    status = 0
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        _serve(connection, version)
    except Lost:
        pass  # the worker closed the connection, or has ended
    except BaseException as error:  # noqa: BLE001 the last handler of the process
        status = 1
        event("scorer.crashed", level="error", error=error)
    finally:
        flush()
        os._exit(status)  # skips the exit handlers of the model process


def _serve(connection: socket.socket, version: LoadedVersion) -> None:
    send(connection, Ready(version.twin is not None))
    while True:
        request = receive(connection)
        if not isinstance(request, ScoreRequest):
            raise Lost(f"a request was expected, not {type(request).__name__}")
        response = _response(version, request)
        del request  # a large batch would stay in memory until the next one
        try:
            send(connection, response)
        except OverflowError as error:
            reason = "the model returned a number beyond 64 bits"
            send(connection, ScoringError(by_model=True, reason=reason, cause=str(error)))


def _response(version: LoadedVersion, request: ScoreRequest) -> Message:
    schema, rows = version.schema, request.rows
    columns = {column.name: cells for column, cells in zip(schema.columns, request.columns, strict=True)}
    try:
        if not request.by_twin:
            return score_by_estimator(version.estimator, schema, columns, rows)
        return Unsupported() if version.twin is None else score_by_twin(version.twin, schema, columns, rows)
    except AskOriginal:
        return Unsupported()
    except ScoringFailed as error:
        return ScoringError(by_model=True, reason=str(error), cause=traceback.format_exc())
    except Exception as error:  # noqa: BLE001 a model's own code may raise anything; the scorer stays for the next request
        return ScoringError(by_model=False, reason=f"{type(error).__name__}: {error}", cause=traceback.format_exc())
