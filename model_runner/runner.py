"""The runner: a confined fork of a zygote, in which the code of one model runs.

It gives up its rights, and only then takes messages from its one socket: survey, examine, export, prepare, fork, score.
Its scorers are forks of it, so that they share its memory.
"""

import ctypes
import gc
import os
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, NoReturn

import msgspec

from model_runner import scorer
from model_runner.calls.session import Session
from model_runner.confinement.confine import Limits, confine, die_with_parent
from model_runner.libraries import readable
from model_runner.memory_file import content_of
from model_runner.messages import (
    LONGEST_REQUEST,
    Begun,
    Examine,
    Export,
    Exported,
    Failed,
    Fork,
    Lost,
    Permits,
    Ready,
    ScoreRequest,
    Survey,
    Surveyed,
    ToRunner,
    Verdict,
    close_all,
    receive,
    send,
    write,
)
from model_runner.options import Options, Preload

LOAD_NICE: Final = 5  # requests have priority over a preparation
_IDLE: Final = getattr(os, "SCHED_IDLE", None)  # Linux alone
_DECODER: Final[msgspec.msgpack.Decoder[ToRunner | ScoreRequest]] = msgspec.msgpack.Decoder(ToRunner | ScoreRequest)


def run(connection: socket.socket, options: Options, preload: Preload) -> None:
    """Confine this process, then serve `connection` until it ends."""

    def send_permits(listener: int) -> None:
        send(connection, Permits(), [listener])
        os.close(listener)

    _end_first_without_memory()
    limits = Limits(options.memory_bytes, options.cpu_seconds)
    measures, forks = confine(readable(), limits, send_permits if options.scorers and preload.threads == 1 else None)
    write(connection, Begun(measures, forks, os.getpid()))
    missing = [measure for measure in options.required if not measures[measure]]
    if missing:
        raise SystemExit(f"these measures of confinement are required, and do not hold in this process: {missing}")
    with suppress(Lost):
        _Runner(connection, Session(preload, options)).serve()


def _end_first_without_memory() -> None:
    """Have the kernel end this process and its forks, rather than a service, when the machine or container is full."""
    with suppress(OSError):  # only Linux has this file
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def exit_now(status: int) -> NoReturn:
    """End this process without exit handlers, which belong to the process that it was forked from."""
    with suppress(OSError, ValueError):
        sys.stderr.flush()
    os._exit(status)


class _Runner:
    """The loop of messages."""

    def __init__(self, connection: socket.socket, session: Session) -> None:
        self._connection, self._session = connection, session

    def serve(self) -> None:
        """Answer each message; raises Lost at the end of the connection."""
        while True:
            content, descriptors = receive(self._connection, LONGEST_REQUEST)
            try:
                message = _DECODER.decode(content)
            except msgspec.MsgspecError as error:
                raise Lost(f"a message cannot be read: {error}") from error
            del content
            if isinstance(message, ScoreRequest):  # there are no forks here: the runner is its own scorer
                scorer.answer(self._connection, self._session.scoring(), message)
            else:
                self._answer(message, descriptors)

    def _answer(self, message: ToRunner, descriptors: list[int]) -> None:
        if isinstance(message, Fork):
            self._fork(descriptors)
            return
        session = self._session
        if isinstance(message, Survey):
            response: msgspec.Struct = Surveyed(session.survey(content_of(descriptors[0], message.most_bytes), message))
        elif isinstance(message, Examine):
            response = Verdict(session.examine(descriptors[0], message.task))
        elif isinstance(message, Export):
            response = Exported(*session.export())
        else:
            sizes = (message.most_bytes, *([message.twin_bytes] if message.twin_bytes else ()))
            files = [content_of(file, size) for file, size in zip(descriptors, sizes, strict=True)]
            response = _niced(lambda: session.prepare(files, message), gently=message.gently)
            del files
            _settle_memory()
        write(self._connection, response)

    def _fork(self, descriptors: list[int]) -> None:
        """Fork a scorer for the socket that came beside the message. This process has a single thread here."""
        try:
            child = os.fork()
        except OSError as error:
            close_all(descriptors)
            write(self._connection, Failed(f"no scorer could be forked: {error}"))
            return
        if child == 0:
            status = 1
            try:
                self._connection.close()
                die_with_parent()  # a fork does not inherit it
                scorer.run(socket.socket(fileno=descriptors[0]), self._session.scoring())
                status = 0
            except BaseException as error:  # noqa: BLE001  the last handler of this process
                sys.stderr.write(f"a scorer ended: {type(error).__name__}: {error}\n")
            finally:
                exit_now(status)
        close_all(descriptors)
        write(self._connection, Ready())


def _niced(call: Callable[[], Ready | Failed], *, gently: bool) -> Ready | Failed:
    """The result of `call` in a thread of lower priority: a process cannot raise its own again.

    `gently`: of the lowest. Linux interrupts such a thread immediately for any other that is woken. It would let one with a
    high `nice` go on until its time slice is over, which is several milliseconds that a request waits.
    """
    results: list[Ready | Failed | BaseException] = []

    def run_call() -> None:
        with suppress(OSError):
            if gently and _IDLE is not None:
                os.sched_setscheduler(0, _IDLE, os.sched_param(0))  # of this thread
            else:
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LOAD_NICE)
        try:
            results.append(call())
        except BaseException as error:  # noqa: BLE001  it is raised in the thread that waits
            results.append(error)

    thread = threading.Thread(target=run_call, name="load")
    thread.start()
    thread.join()
    if isinstance(results[0], BaseException):
        raise results[0]
    return results[0]


def _settle_memory() -> None:
    """Freeze the loaded objects, so that no collection writes to shared pages; return freed memory to the system."""
    gc.collect()
    gc.freeze()
    with suppress(OSError, AttributeError):  # only glibc has this function
        ctypes.CDLL(None).malloc_trim(0)
