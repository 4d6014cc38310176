"""granian's server for the one worker process of model_server, which is replaced whenever it dies."""

import signal
from collections.abc import Callable
from typing import Any

from granian import _signals
from granian.server import MPServer

from changeover.process.respawn import replace_dead_workers
from changeover.process.termination import FirstCall


class Server(MPServer):
    """granian's server with one change: a worker that dies again and again does not end the service."""

    def _serve_loop(self, spawn_target: object, target_loader: object) -> None:
        replace_dead_workers(self, lambda index: self._respawn_workers([index], spawn_target, target_loader))


def obey_the_first_signal() -> None:
    """Have granian's handler of SIGTERM and SIGINT get the first signal alone. For the worker process, before it serves."""
    first = FirstCall()

    def set_signals(handler: Callable[..., Any], _reload: Callable[..., Any] | None = None) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, first.of(handler))

    _signals.set_main_signals = set_signals
