"""The worker processes of predict_api: their start, their end, and the replacement of one that died.

granian serves HTTP. Each worker is a replica. It listens only when it can answer, and ends with its parent. On SIGTERM
it finishes the accepted requests, then ends.
"""

import multiprocessing
import multiprocessing.util
import os
import signal
import sys
import threading
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType
from typing import Final, Protocol

from granian.constants import HTTPModes, Interfaces, Loops
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server import Server

from changeover.process import tracing
from changeover.process.log_events import configure
from changeover.process.parent_death import end_with_parent
from changeover.process.respawn import replace_dead_workers
from changeover.tls.files import of_listener
from predict_api import gc_tuning
from predict_api.edge import loop
from predict_api.edge.application import EdgeApplication
from predict_api.secured_worker import serve_with_tls
from predict_api.settings import PredictSettings

KILL_SECONDS: Final = 20  # after SIGTERM, for requests under way
CONNECTIONS: Final = 4096  # that a worker has open at the same time; more wait in the backlog of the listener


class Worker(Protocol):
    """The application of a worker process."""

    @property
    def edge(self) -> EdgeApplication:
        """The application that granian calls, which sends each response in one piece."""

    def start(self) -> None:
        """Start, and wait until requests can be answered."""

    def leave(self) -> None:
        """Report to model_server that this replica ends."""


Build = Callable[[PredictSettings, Path, Callable[[], bool]], Worker]


class _Server(Server):  # type: ignore[misc,valid-type]  # granian chooses the class by the kind of interpreter
    """granian's server with two changes: a crashed worker never ends the others, and `/readyz` fails before the end."""

    ending: Connection  # each worker polls its other end and leaves the message there: it needs no shared memory
    drain_seconds = 0.0

    def signal_handler_interrupt(self, *args: object, **kwargs: object) -> None:
        self.ending.send_bytes(b".")
        super().signal_handler_interrupt(*args, **kwargs)

    def _serve_loop(self, spawn_target: object, target_loader: object) -> None:
        replace_dead_workers(self, lambda index: self._respawn_workers([index], spawn_target, target_loader))
        threading.Event().wait(self.drain_seconds)  # /readyz fails by now: load balancers need time to notice


def serve(settings: PredictSettings, metrics_directory: Path, build: Build) -> None:
    """Serve until SIGTERM or SIGINT; returns when all accepted requests are answered."""
    server = _Server(
        "predict_api",
        address=settings.predict_host,
        port=settings.predict_port,
        interface=Interfaces.RSGI,
        loop=Loops(loop.NAME),
        workers=settings.workers,
        backlog=2048,
        backpressure=CONNECTIONS,
        http=HTTPModes.http1,  # HTTP/2 streams without a body would hold every thread
        websockets=False,
        http1_settings=HTTP1Settings(header_read_timeout=round(settings.idle_seconds * 1000)),
        log_level=LogLevels.error,
        respawn_failed_workers=True,
        workers_kill_timeout=KILL_SECONDS,
    )
    server.drain_seconds = settings.drain_seconds
    ends, server.ending = multiprocessing.Pipe(duplex=False)
    loader = partial(_load, os.getpid(), settings, metrics_directory, build, ends)
    files = of_listener(settings)
    target = None if files is None else partial(serve_with_tls, files=files, idle_s=settings.idle_seconds)
    server.serve(target, target_loader=loader, wrap_loader=False)


def _load(
    master: int, settings: PredictSettings, metrics_directory: Path, build: Build, ends: Connection
) -> EdgeApplication:
    """Start the application in a new worker process; returns it, ready to answer."""
    signal.signal(signal.SIGTERM, _end_before_serving)  # until granian takes over
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the master ends its workers
    end_with_parent(master, within=KILL_SECONDS)
    configure("predict_api", settings.log_level)
    tracing.configure("predict_api")
    worker = build(settings, metrics_directory, ends.poll)
    multiprocessing.util.Finalize(None, worker.leave, exitpriority=100)
    multiprocessing.util.Finalize(None, tracing.stop, exitpriority=90)
    worker.start()
    gc_tuning.settle()
    return worker.edge


def _end_before_serving(_number: int, _frame: FrameType | None) -> None:
    sys.exit(0)
